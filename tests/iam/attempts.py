"""Everything that is tried on the server as each principal."""

import json
from dataclasses import dataclass
from typing import Callable

from botocore.exceptions import ClientError

from rights import Rights, Topology
from server import Session

# A payload's key: nothing else but a canary is ever read or written.
PAYLOAD = "1700000000000-67e55044-10b1-426f-9247-bb680e5fe0c8"

Make = Callable[[Session], object]


@dataclass(frozen=True)
class Attempt:
    """One request, and what IAM sees of it."""

    action: str
    resource: str
    make: Make
    # The key in the topology's bucket, "" for the bucket; None for anything else.
    key: str | None = None

    def is_declared(self, rights: Rights) -> bool:
        """Whether somebody with these rights may do it."""
        return self.key is not None and rights.allow(self.action, self.key)

    def __str__(self) -> str:
        return f"{self.action} {self.resource}"


def is_allowed(session: Session, attempt: Attempt) -> bool:
    """Makes the request. Any other error than these is a fault of the test."""
    try:
        attempt.make(session)
    except ClientError as error:
        # A HEAD has no body to say it in.
        match error.response["Error"]["Code"]:
            case "AccessDenied" | "403":
                return False
            case "NoSuchKey" | "404":
                # An earlier attempt deleted it; whoever is refused is not told.
                return True
            case _:
                raise
    return True


def foreign_bucket(topology: Topology) -> str:
    """Another one, whose name begins like the topology's."""
    return f"{topology.bucket}-2"


def prefixes(topology: Topology) -> list[str]:
    """Of every topic, and of dead payloads."""
    stages = [name for name, spec in topology.principals.items() if "stage" in spec]
    return [*topology.topics, *(f"dead/{stage}" for stage in stages)]


def look_alikes(topology: Topology) -> list[str]:
    """Prefixes that a careless pattern would take for a topic's or a shadow's, and a shadow's."""
    alike = [
        other for topic in topology.outputs for other in (f"{topic}x", f"x/{topic}", f"{topic}.x")
    ]
    reserved = topology.reserved_prefix
    return [*sorted(alike), f"{reserved}new.match", f"x{reserved}new.match", reserved.rstrip("-")]


def all_attempts(topology: Topology) -> list[Attempt]:
    """On keys of every kind, on buckets and their administration, and on IAM itself."""
    own, foreign = _Bucket(topology.bucket, True), _Bucket(foreign_bucket(topology), False)
    attempts: list[Attempt] = []
    for prefix in [*prefixes(topology), *look_alikes(topology)]:
        attempts += own.objects(f"{prefix}/{PAYLOAD}")
    for topic in sorted(topology.outputs):
        attempts += own.objects(f"{topic}/canary")
        attempts += own.objects(f"{topic}/canary-2")
        attempts += own.details(f"{topic}/{PAYLOAD}")
        attempts += foreign.objects(f"{topic}/{PAYLOAD}")
    return [*attempts, *own.listing(), *foreign.listing(), *own.administration(), *account()]


class _Bucket:
    """Attempts on one bucket."""

    def __init__(self, name: str, is_own: bool) -> None:
        self._name = name
        self._is_own = is_own

    def _attempt(self, action: str, key: str, make: Make) -> Attempt:
        path = f"/{key}" if key else ""
        resource = f"arn:aws:s3:::{self._name}{path}"
        return Attempt(action, resource, make, key if self._is_own else None)

    def objects(self, key: str) -> list[Attempt]:
        """On an object; the put comes first, so that there is one."""
        at = {"Bucket": self._name, "Key": key}
        return [
            self._attempt("s3:PutObject", key, lambda s: s.s3.put_object(**at, Body=b"x")),
            self._attempt("s3:GetObject", key, lambda s: s.s3.get_object(**at)),
            self._attempt("s3:GetObject", key, lambda s: s.s3.head_object(**at)),
            self._attempt("s3:DeleteObject", key, lambda s: s.s3.delete_object(**at)),
            # Again, for whoever tries next and may only read.
            self._attempt("s3:PutObject", key, lambda s: s.s3.put_object(**at, Body=b"x")),
        ]

    def details(self, key: str) -> list[Attempt]:
        """On what hangs on an object."""
        at = {"Bucket": self._name, "Key": key}
        tags = {"TagSet": [{"Key": "a", "Value": "b"}]}
        calls: list[tuple[str, Make]] = [
            ("s3:GetObjectAcl", lambda s: s.s3.get_object_acl(**at)),
            ("s3:PutObjectAcl", lambda s: s.s3.put_object_acl(**at, ACL="public-read")),
            ("s3:GetObjectTagging", lambda s: s.s3.get_object_tagging(**at)),
            ("s3:PutObjectTagging", lambda s: s.s3.put_object_tagging(**at, Tagging=tags)),
        ]
        return [self._attempt(action, key, make) for action, make in calls]

    def listing(self) -> list[Attempt]:
        """Every way to learn what keys there are."""
        at = {"Bucket": self._name}
        calls: list[tuple[str, Make]] = [
            ("s3:ListBucket", lambda s: s.s3.list_objects_v2(**at)),
            ("s3:ListBucket", lambda s: s.s3.list_objects(**at, Prefix="logs")),
            ("s3:ListBucketVersions", lambda s: s.s3.list_object_versions(**at)),
            ("s3:ListBucketMultipartUploads", lambda s: s.s3.list_multipart_uploads(**at)),
        ]
        return [self._attempt(action, "", make) for action, make in calls]

    def administration(self) -> list[Attempt]:
        """What would undo the bucket's own protection."""
        at = {"Bucket": self._name}
        rule = {"ID": "all", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}}
        lifecycle = {"LifecycleConfiguration": {"Rules": [rule]}}
        versioning = {"VersioningConfiguration": {"Status": "Suspended"}}
        calls: list[tuple[str, Make]] = [
            ("s3:PutBucketPolicy", lambda s: s.s3.put_bucket_policy(**at, Policy=NO_POLICY)),
            ("s3:GetBucketPolicy", lambda s: s.s3.get_bucket_policy(**at)),
            ("s3:DeleteBucketPolicy", lambda s: s.s3.delete_bucket_policy(**at)),
            ("s3:GetBucketAcl", lambda s: s.s3.get_bucket_acl(**at)),
            ("s3:PutBucketAcl", lambda s: s.s3.put_bucket_acl(**at, ACL="public-read")),
            (
                "s3:PutLifecycleConfiguration",
                lambda s: s.s3.put_bucket_lifecycle_configuration(**at, **lifecycle),
            ),
            ("s3:PutBucketVersioning", lambda s: s.s3.put_bucket_versioning(**at, **versioning)),
        ]
        return [self._attempt(action, "", make) for action, make in calls]


# Says nothing: one that is let through leaves no trace.
NO_POLICY = json.dumps({"Version": "2012-10-17", "Statement": []})
# What somebody would give a role of their own.
EVERYTHING = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["*"], "Resource": ["*"]}],
    }
)
# Made for these attempts, and nobody's.
SCRATCH_ROLE = "scratch"


def account() -> list[Attempt]:
    """What would make new rights, or take those of another."""
    role = f"arn:aws:iam::123456789012:role/{SCRATCH_ROLE}"
    policy = {"RoleName": SCRATCH_ROLE, "PolicyName": "mine", "PolicyDocument": EVERYTHING}
    return [
        Attempt("s3:CreateBucket", "arn:aws:s3:::mine", lambda s: s.s3.create_bucket(Bucket="mine")),
        Attempt("s3:ListAllMyBuckets", "arn:aws:s3:::*", lambda s: s.s3.list_buckets()),
        Attempt("iam:PutRolePolicy", role, lambda s: s.iam.put_role_policy(**policy)),
        Attempt(
            "sts:AssumeRole",
            role,
            lambda s: s.sts.assume_role(RoleArn=role, RoleSessionName="mine"),
        ),
    ]
