"""What the bucket's policy makes of requests, over a table of them.

The server ignores conditions, so that this is decided by `evaluator.py`, which agrees with the
server wherever there are none.
"""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Iterator

from attempts import PAYLOAD
from evaluator import Document, Request, decide
from rights import Topology

# As somebody with all rights of the account holds it: the bucket's policy is all that is left.
_EVERYTHING: Document = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["*"], "Resource": ["*"]}],
}
_NO_RIGHTS: Document = {"Version": "2012-10-17", "Statement": []}

_TLS = {"aws:SecureTransport": "true"}
_CLEAR = {"aws:SecureTransport": "false"}
_IF_ABSENT = {"s3:if-none-match": "*"}


@dataclass(frozen=True)
class Row:
    """One request, and whether it is to be allowed."""

    who: str
    action: str
    key: str
    context: dict[str, str]
    expected: bool


def table(topology: Topology) -> Iterator[Row]:
    """Every principal's declared requests, in the four ways to make them, and some of others."""
    for principal in topology.principals:
        rights = topology.rights(principal)
        puts = [*(f"{prefix}{PAYLOAD}" for prefix in sorted(rights.put)), *sorted(rights.put_keys)]
        for key in puts:
            yield Row(principal, "s3:PutObject", key, _TLS | _IF_ABSENT, True)
            # A put over what may be there; a copy; the beginning and the parts of a multipart.
            yield Row(principal, "s3:PutObject", key, _TLS, False)
            yield Row(principal, "s3:PutObject", key, _CLEAR | _IF_ABSENT, False)
            yield Row(principal, "s3:PutObject", key, _CLEAR, False)
        for prefix in sorted(rights.get):
            # Of the reserved prefix, any shadow's.
            key = f"{prefix}{PAYLOAD}" if prefix.endswith("/") else f"{prefix}new.match/{PAYLOAD}"
            yield Row(principal, "s3:GetObject", key, _TLS, True)
            yield Row(principal, "s3:GetObject", key, _CLEAR, False)
        yield Row(principal, "s3:ListBucket", "", _TLS, rights.lists)
        yield Row(principal, "s3:ListBucket", "", _CLEAR, False)
    key = f"{topology.topics[0]}/{PAYLOAD}"
    # An administrator of the account is not kept from looking, but from overwriting.
    yield Row("root", "s3:GetObject", key, _TLS, True)
    yield Row("root", "s3:PutObject", key, _TLS | _IF_ABSENT, True)
    yield Row("root", "s3:PutObject", key, _TLS, False)
    yield Row("root", "s3:DeleteObject", key, _CLEAR, False)
    yield Row("root", "s3:ListBucket", "", _CLEAR, False)
    # The bucket's policy opens nothing.
    yield Row("nobody", "s3:GetObject", key, _TLS, False)
    yield Row("nobody", "s3:PutObject", key, _TLS | _IF_ABSENT, False)
    yield Row("nobody", "s3:ListBucket", "", _TLS, False)


def faults(topology: Topology, policies: Any) -> Iterator[str]:
    """Rows that turn out otherwise, and broken policies under which none does."""
    for row in table(topology):
        if _decided(row, topology, policies, policies["bucket"]) != row.expected:
            yield f"bucket policy: {row}"
    for name, mutant in _mutants(policies["bucket"]):
        rows = table(topology)
        if all(_decided(row, topology, policies, mutant) == row.expected for row in rows):
            yield f"bucket policy: nobody notices {name}"


def figures(topology: Topology, policies: Any) -> dict[str, int]:
    """How many rows and broken policies there are."""
    mutants = list(_mutants(policies["bucket"]))
    return {"bucket_requests": len(list(table(topology))), "bucket_mutants": len(mutants)}


def _decided(row: Row, topology: Topology, policies: Any, bucket: Document) -> bool:
    known = {"root": _EVERYTHING, "nobody": _NO_RIGHTS, **policies["principals"]}
    path = f"/{row.key}" if row.key else ""
    request = Request(row.action, f"arn:aws:s3:::{topology.bucket}{path}", row.context)
    return decide(request, known.get(row.who, _NO_RIGHTS), bucket)


def _mutants(bucket: Document) -> Iterator[tuple[str, Document]]:
    """Each statement left out, turned into a permission, and without each of its parts."""
    for index, statement in enumerate(bucket["Statement"]):
        name = statement["Sid"]
        yield f"{name} left out", _changed(bucket, index, None)
        yield f"{name} allowing", _changed(bucket, index, {**statement, "Effect": "Allow"})
        unconditional = {k: v for k, v in statement.items() if k != "Condition"}
        yield f"{name} without its condition", _changed(bucket, index, unconditional)
        for resource in statement["Resource"]:
            fewer = [other for other in statement["Resource"] if other != resource]
            yield f"{name} without {resource}", _changed(
                bucket, index, {**statement, "Resource": fewer}
            )


def _changed(bucket: Document, index: int, statement: dict[str, Any] | None) -> Document:
    changed = deepcopy(bucket)
    changed["Statement"][index : index + 1] = [] if statement is None else [statement]
    return changed
