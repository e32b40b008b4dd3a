"""What AWS decides about one request, by an identity policy and a bucket policy of one account.

An explicit denial wins, then any permission, else it is denied. Only what cordon's documents use
is known here; anything else is an error rather than a guess. Source:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import re
from dataclasses import dataclass, field
from typing import Any, Mapping

Document = dict[str, Any]
Statement = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """One request, as policies see it."""

    action: str
    resource: str
    # Condition keys that the request carries. A key that is not here was not sent.
    context: Mapping[str, str] = field(default_factory=dict)


class UnknownElement(ValueError):
    """A document uses what this evaluator does not know."""


def decide(request: Request, identity: Document | None, bucket: Document | None) -> bool:
    """Whether the request is allowed."""
    statements = [*_statements(identity), *_statements(bucket)]
    effects = {s["Effect"] for s in statements if _applies(s, request)}
    return "Allow" in effects and "Deny" not in effects


_ELEMENTS = {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}


def _statements(document: Document | None) -> list[Statement]:
    if document is None:
        return []
    if document["Version"] != "2012-10-17" or set(document) != {"Version", "Statement"}:
        raise UnknownElement(f"a document with {sorted(document)}, of {document['Version']}")
    for statement in document["Statement"]:
        if not set(statement) <= _ELEMENTS or statement["Effect"] not in ("Allow", "Deny"):
            raise UnknownElement(f"a statement with {sorted(statement)}")
        if statement.get("Principal", "*") != "*":
            raise UnknownElement(f"the principal {statement['Principal']}")
    return list(document["Statement"])


def _applies(statement: Statement, request: Request) -> bool:
    return (
        # Actions are compared without case, resources with.
        any(_matches(p.lower(), request.action.lower()) for p in statement["Action"])
        and any(_matches(p, request.resource) for p in statement["Resource"])
        and all(
            _holds(operator, key, wanted, request.context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def _matches(pattern: str, text: str) -> bool:
    """`*` is any text, `?` any character; everything else is itself."""
    spelled = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(spelled, text, re.DOTALL) is not None


def _holds(operator: str, key: str, wanted: str, context: Mapping[str, str]) -> bool:
    match operator:
        case "Bool":
            # Without the key the condition does not hold.
            return context.get(key, "").lower() == wanted
        case "Null":
            return (key not in context) == (wanted == "true")
        case _:
            raise UnknownElement(f"the condition operator {operator}")
