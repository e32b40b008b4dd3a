"""The IAM documents that Terraform would attach, against those that cordon prints.

Terraform's expressions are evaluated here as far as these documents need it; anything else that
could give someone rights is a fault, because nobody knows what it gives.
"""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable, Iterator

import yaml

from source import Block, Module, unquoted

# Everything by which an IAM identity or a bucket gets rights.
_ATTACHING = re.compile(r"aws_(iam_\w*polic\w*|s3_bucket_policy)$")
# Terraform's functions as far as the modules use them for documents.
_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "file": lambda path: Path(path).read_text(encoding="utf-8"),
    "jsondecode": json.loads,
    "yamldecode": yaml.safe_load,
    "jsonencode": json.dumps,
}
_PRINCIPAL = "aws_iam_role.principal[each.key].name"


class NotEvaluated(Exception):
    """An expression that this check does not know."""


@dataclass(frozen=True)
class Scope:
    """What names mean in one place."""

    module: Module
    variables: dict[str, str]
    each: tuple[str, Any] | None = None

    def value(self, expression: Any) -> Any:
        """What an expression is."""
        text = str(expression)
        text = text[2:-1] if text.startswith("${") and text.endswith("}") else text
        call = re.fullmatch(r"(\w+)\((.*)\)", text, re.DOTALL)
        if call and call[1] in _FUNCTIONS:
            return _FUNCTIONS[call[1]](self.value(call[2]))
        if not re.fullmatch(r"\w+(\.\w+)+", text):
            raise NotEvaluated(f"this check cannot evaluate {text}")
        return self._path(text.split("."))

    def _path(self, words: list[str]) -> Any:
        match words:
            case ["var", name, *rest] if name in self.variables:
                value: Any = self.variables[name]
            case ["local", name, *rest] if (local := self.module.local(name)) is not None:
                value = self.value(local)
            case ["each", "key" | "value" as part, *rest] if self.each:
                value = self.each[part == "value"]
            case _:
                raise NotEvaluated(f"this check does not know {'.'.join(words)}")
        for word in rest:
            if not isinstance(value, dict) or word not in value:
                raise NotEvaluated(f"there is no {word} in {'.'.join(words)}")
            value = value[word]
        return value


class Attached:
    """Every document that the modules attach."""

    def __init__(self, modules: list[Module], topology: Path, policies: Path) -> None:
        self._modules = modules
        self._variables = {"topology_file": str(topology), "policies_file": str(policies)}
        self.compared = 0

    def faults(self, shown: dict[str, Any]) -> Iterator[str]:
        """Where they differ from what `cordon topology show --iam` prints."""
        principals: dict[str, Any] = {}
        buckets: list[Any] = []
        for module in self._modules:
            scope = Scope(module, self._variables)
            for block in module.of_type("resource"):
                try:
                    yield from self._resource(scope, block, principals, buckets)
                except (NotEvaluated, OSError, ValueError) as error:
                    yield f"{module.folder}: {block.address}: {error}"
        for name in sorted(principals.keys() | shown["principals"].keys()):
            self.compared += 1
            if principals.get(name) != shown["principals"].get(name):
                yield f"the role of {name} gets another document than cordon prints"
        self.compared += 1
        if buckets != [shown["bucket"]]:
            yield "the bucket gets another policy than cordon prints"

    def _resource(
        self, scope: Scope, block: Block, principals: dict[str, Any], buckets: list[Any]
    ) -> Iterator[str]:
        kind, given = block.labels[0], block.attributes
        if kind == "aws_iam_role" and {"managed_policy_arns", "inline_policy"} & _inside(block):
            yield "a role's documents are resources of their own here"
        if not _ATTACHING.match(kind):
            return
        if kind == "aws_s3_bucket_policy":
            buckets.append(json.loads(scope.value(given["policy"])))
        elif kind != "aws_iam_role_policy":
            yield f"{kind} is nothing that this check knows"
        elif _PRINCIPAL in str(given["role"]):
            for name, document in scope.value(given["for_each"]).items():
                policy = replace(scope, each=(name, document)).value(given["policy"])
                if name in principals:
                    yield f"the role of {name} gets a second document"
                principals[name] = json.loads(policy)
        else:
            yield from _of_another_role(scope.module, given)


def _inside(block: Block) -> set[str]:
    """Names of attributes and blocks, and what a dynamic block is called."""
    inner = {label for each in block.blocks for label in (each.type, *each.labels)}
    return {*block.attributes, *inner}


def _of_another_role(module: Module, given: dict[str, Any]) -> Iterator[str]:
    """A role that is no principal's: it may have nothing to do with objects."""
    if "aws_iam_role.principal" in str(given["role"]) or "var." in str(given["role"]):
        yield f"it may be a principal's role: {given['role']}"
    found = re.fullmatch(r"\$\{data\.aws_iam_policy_document\.(\w+)\.json\}", str(given["policy"]))
    labels = ("aws_iam_policy_document", found[1] if found else "")
    document = next((b for b in module.of_type("data") if b.labels == labels), None)
    if document is None:
        yield f"this check cannot evaluate {given['policy']}"
        return
    for block in document.within():
        actions = block.attributes.get("actions", [])
        if not isinstance(actions, list) or "not_actions" in block.attributes:
            yield f"this check cannot evaluate the actions of {document.address}"
            continue
        for action in map(unquoted, actions):
            if not re.match(r"(secretsmanager|kms|logs):\w+$", action):
                yield f"it gives {action} to a role that is no principal's"
