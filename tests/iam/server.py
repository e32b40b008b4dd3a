"""moto, with its IAM enforcement on: an S3 that evaluates identity policies at every request.

What it does not do: conditions, resource policies, and looking at the source of a copy. The
documents of principals have no conditions; what the bucket's policy says is for `evaluator.py`.
"""

import json
import os
from typing import Any

# Before moto is loaded, which reads it once: so many requests are let through at first, for an
# administrator to be made with.
_FREE_REQUESTS = 3
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = str(_FREE_REQUESTS)

import boto3  # noqa: E402
from botocore.config import Config  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

from evaluator import Document  # noqa: E402

_ACCOUNT = "arn:aws:iam::123456789012"
_EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["*"], "Resource": ["*"]}],
}
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"AWS": f"{_ACCOUNT}:user/root"},
        }
    ],
}


class Session:
    """Someone's access to the server."""

    def __init__(self, endpoint: str, keys: dict[str, str]) -> None:
        self._endpoint = endpoint
        self._keys = keys
        self.s3 = self.client("s3")
        self.iam = self.client("iam")
        self.sts = self.client("sts")

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self._endpoint,
            region_name="us-east-1",
            # A refusal is an answer: it is not asked again.
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
            **self._keys,
        )

    def with_secret(self, secret: str) -> "Session":
        """The same with another secret."""
        return Session(self._endpoint, {**self._keys, "aws_secret_access_key": secret})


class Server:
    """The server, an administrator, and one role for each principal."""

    def __init__(self) -> None:
        self._moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._moto.start()
        host, port = self._moto.get_host_and_port()
        self._endpoint = f"http://{host}:{port}"
        self.root = self._make_root()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self._moto.stop()

    def _make_root(self) -> Session:
        nobody = Session(
            self._endpoint, {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
        )
        # Exactly the free requests.
        nobody.iam.create_user(UserName="root")
        nobody.iam.put_user_policy(
            UserName="root", PolicyName="all", PolicyDocument=json.dumps(_EVERYTHING)
        )
        key = nobody.iam.create_access_key(UserName="root")["AccessKey"]
        return Session(
            self._endpoint,
            {
                "aws_access_key_id": key["AccessKeyId"],
                "aws_secret_access_key": key["SecretAccessKey"],
            },
        )

    def role(self, name: str) -> Session:
        """Makes a role without rights, and a session of it."""
        made = self.root.iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=json.dumps(_TRUST)
        )
        session = self.root.sts.assume_role(RoleArn=made["Role"]["Arn"], RoleSessionName=name)
        keys = session["Credentials"]
        return Session(
            self._endpoint,
            {
                "aws_access_key_id": keys["AccessKeyId"],
                "aws_secret_access_key": keys["SecretAccessKey"],
                "aws_session_token": keys["SessionToken"],
            },
        )

    def set_policy(self, role: str, document: Document | None) -> None:
        """Gives a role this document, in force at once, and no other."""
        if document is not None:
            self.root.iam.put_role_policy(
                RoleName=role, PolicyName="cordon", PolicyDocument=json.dumps(document)
            )
        elif self.root.iam.list_role_policies(RoleName=role)["PolicyNames"]:
            self.root.iam.delete_role_policy(RoleName=role, PolicyName="cordon")
