"""Tries the IAM documents of a topology on a server that evaluates them: `check.py [--policies F]`.

Every principal makes every attempt; what is declared must work and nothing else. Each document is
also broken, by one grant too few and by one too many, and the check must notice. What the bucket's
policy says is decided for a table of requests. Ends with one line of figures. See README.md.
"""

import argparse
import json
import logging
import subprocess
import sys
import os
from pathlib import Path
from typing import Any, Collection, Iterator

from botocore.exceptions import ClientError

import bucket
from attempts import (
    SCRATCH_ROLE,
    Attempt,
    all_attempts,
    foreign_bucket,
    is_allowed,
    prefixes,
)
from evaluator import Document, Request, decide
from rights import Rights, Topology
from server import Server, Session

NO_DOCUMENT: Document = {"Statement": []}

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    arguments = parser().parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    topology = Topology(arguments.topology)
    policies = read_policies(arguments)
    faults: list[str] = list(structure(topology, policies))
    with Server() as server:
        trial = Trial(server, topology, policies["principals"])
        faults += trial.controls()
        faults += trial.denials()
        faults += trial.mutants()
    faults += bucket.faults(topology, policies)
    for fault in faults:
        print(f"check.py: {fault}", file=sys.stderr)
    figures = {**trial.figures, **bucket.figures(topology, policies), "faults": len(faults)}
    print(f"figures: {json.dumps(figures)}")
    return 1 if faults else 0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="check.py", description=__doc__)
    top.add_argument("--topology", type=Path, default=ROOT / "kafka/topology.yaml")
    top.add_argument(
        "--policies",
        type=Path,
        help="what `cordon topology show --iam` printed; it is run (CORDON_BIN) otherwise",
    )
    return top


def read_policies(arguments: argparse.Namespace) -> Any:
    if arguments.policies:
        return json.loads(arguments.policies.read_text())
    binary = os.environ.get("CORDON_BIN", ROOT / "target/debug/cordon")
    # Only what the topology says: this machine's configuration is not asked.
    environment = {"CORDON_TOPOLOGY": str(arguments.topology)}
    command = [str(binary), "topology", "show", "--iam"]
    shown = subprocess.run(command, env=environment, check=True, capture_output=True, cwd="/")
    return json.loads(shown.stdout)


def structure(topology: Topology, policies: Any) -> Iterator[str]:
    """What must hold of the documents whatever a server makes of them."""
    own = f"arn:aws:s3:::{topology.bucket}"
    for principal, document in policies["principals"].items():
        if principal not in topology.principals:
            yield f"{principal} has a document, and is nobody in the topology"
        for statement in document["Statement"]:
            if set(statement) != {"Effect", "Action", "Resource"}:
                yield f"{principal}: a statement has {sorted(statement)}"
            for action in statement["Action"]:
                if "*" in action:
                    yield f"{principal}: {action} is a wildcard"
            for resource in statement["Resource"]:
                if resource != own and not resource.startswith(f"{own}/"):
                    yield f"{principal}: {resource} is not in the bucket"


class Trial:
    """The documents on trial."""

    def __init__(
        self, server: Server, topology: Topology, documents: dict[str, Document]
    ) -> None:
        self._server = server
        self._topology = topology
        self._documents = documents
        self._attempts = all_attempts(topology)
        self._sessions = {name: server.role(name) for name in topology.principals}
        self.figures = {"attempts": 0, "as_expected": 0, "controls": 0, "mutants": 0, "caught": 0}
        server.role(SCRATCH_ROLE)
        for name in (topology.bucket, foreign_bucket(topology)):
            server.root.s3.create_bucket(Bucket=name)

    def controls(self) -> Iterator[str]:
        """Each attempt works for whoever may do everything: a refusal says something."""
        for attempt in self._attempts:
            if is_allowed(self._server.root, attempt):
                self.figures["controls"] += 1
            else:
                yield f"root cannot {attempt}"

    def denials(self) -> Iterator[str]:
        """As each principal: what is declared works, and nothing else."""
        for principal, session in self._sessions.items():
            document = self._documents.get(principal)
            self._server.set_policy(principal, document)
            rights = self._topology.rights(principal)
            for attempt in self._attempts:
                self.figures["attempts"] += 1
                seen = is_allowed(session, attempt)
                if seen == attempt.is_declared(rights):
                    self.figures["as_expected"] += 1
                else:
                    yield f"{principal} {'can' if seen else 'cannot'} {attempt}"
                # The evaluator must see what the server sees, or its table is worth nothing.
                request = Request(attempt.action, attempt.resource)
                if decide(request, document, None) != seen:
                    yield f"evaluator and server disagree about {principal}: {attempt}"
            yield from self._impostor(principal, session)

    def _impostor(self, principal: str, session: Session) -> Iterator[str]:
        self.figures["attempts"] += 1
        try:
            session.with_secret("wrong").s3.list_buckets()
        except ClientError as error:
            if error.response["Error"]["Code"] == "SignatureDoesNotMatch":
                self.figures["as_expected"] += 1
                return
        yield f"{principal} needs no secret"

    def mutants(self) -> Iterator[str]:
        """One grant too few must break something declared, one too many something denied."""
        for principal, session in self._sessions.items():
            rights = self._topology.rights(principal)
            document = self._documents.get(principal)
            for name, resource, mutant in self._mutants_of(principal):
                self.figures["mutants"] += 1
                self._server.set_policy(principal, mutant)
                if self._is_noticed(session, rights, resource):
                    self.figures["caught"] += 1
                else:
                    yield f"nobody notices that {principal} {name}"
            self._server.set_policy(principal, document)

    def _is_noticed(self, session: Session, rights: Rights, resource: str) -> bool:
        """Whether any attempt turns out otherwise than declared: the likely ones first."""
        near = resource.removesuffix("*")
        ordered = sorted(self._attempts, key=lambda a: not a.resource.startswith(near))
        return any(is_allowed(session, a) != a.is_declared(rights) for a in ordered)

    def _mutants_of(self, principal: str) -> Iterator[tuple[str, str, Document | None]]:
        document = self._documents.get(principal)
        held = {
            (action, resource)
            for statement in (document or NO_DOCUMENT)["Statement"]
            for action in statement["Action"]
            for resource in statement["Resource"]
        }
        for grant in sorted(held):
            yield f"lost {grant}", grant[1], of_grants(held - {grant})
        for grant in self._possible_grants():
            if grant not in held and not self._is_within(grant, principal):
                yield f"gained {grant}", grant[1], of_grants(held | {grant})

    def _possible_grants(self) -> Iterator[tuple[str, str]]:
        own = f"arn:aws:s3:::{self._topology.bucket}"
        yield ("s3:ListBucket", own)
        yield ("s3:PutBucketPolicy", own)
        for prefix in prefixes(self._topology):
            for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
                yield (action, f"{own}/{prefix}/*")

    def _is_within(self, grant: tuple[str, str], principal: str) -> bool:
        """Whether it gives nothing new: `dead/pack/*` to whoever reads `dead/*`."""
        action, resource = grant
        key = resource.removeprefix(f"arn:aws:s3:::{self._topology.bucket}").lstrip("/")
        return self._topology.rights(principal).allow(action, key.removesuffix("*"))


def of_grants(grants: Collection[tuple[str, str]]) -> Document | None:
    """A document of these grants. IAM takes none without any."""
    if not grants:
        return None
    statements = [
        {"Effect": "Allow", "Action": [action], "Resource": [resource]}
        for action, resource in sorted(grants)
    ]
    return {"Version": "2012-10-17", "Statement": statements}


if __name__ == "__main__":
    sys.exit(main())
