"""Terraform's files as blocks and expressions, read by python-hcl2."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterator

import hcl2


class Unreadable(Exception):
    """A file is not HCL."""


@dataclass
class Block:
    """`type "label" "label" { attributes and blocks }`."""

    type: str
    labels: tuple[str, ...]
    # As python-hcl2 gives them: a string is an expression, `"…"` a template, `${…}` anything else.
    attributes: dict[str, Any] = field(default_factory=dict)
    blocks: list["Block"] = field(default_factory=list)

    @property
    def address(self) -> str:
        """How Terraform calls it."""
        words = self.labels if self.type == "resource" else (self.type, *self.labels)
        return ".".join(words)

    def of_type(self, kind: str) -> Iterator["Block"]:
        """The blocks inside of one type."""
        return (block for block in self.blocks if block.type == kind)

    def within(self) -> Iterator["Block"]:
        """This one and all inside."""
        yield self
        for block in self.blocks:
            yield from block.within()

    def expressions(self) -> Iterator[str]:
        """Every expression in it, without the templates' own text."""
        for block in self.within():
            for value in block.attributes.values():
                yield from _expressions(value)


@dataclass
class Module:
    """A folder of Terraform files."""

    folder: Path
    blocks: list[Block]

    def of_type(self, *kinds: str) -> Iterator[Block]:
        """The top blocks of these types."""
        return (block for block in self.blocks if block.type in kinds)

    def named(self, kind: str) -> dict[str, Block]:
        """The top blocks of one type that have one label."""
        return {block.labels[0]: block for block in self.of_type(kind)}

    def local(self, name: str) -> Any:
        """The expression of a local value; None where there is none."""
        return next(
            (b.attributes[name] for b in self.of_type("locals") if name in b.attributes), None
        )


def read(root: Path) -> list[Module]:
    """Every module below a folder, downloaded ones excepted."""
    files = [path for path in sorted(root.rglob("*.tf")) if ".terraform" not in path.parts]
    folders = sorted({path.parent for path in files})
    return [Module(f, [b for p in files if p.parent == f for b in _file(p)]) for f in folders]


def _file(path: Path) -> list[Block]:
    try:
        parsed = hcl2.loads(path.read_text(encoding="utf-8"))
    # The parser's errors have no common class but this.
    except Exception as error:
        raise Unreadable(f"{path}: {error}") from error
    return _body(Block("", ()), parsed).blocks


def _body(block: Block, body: dict[str, Any]) -> Block:
    for name, value in body.items():
        if name.startswith("__"):
            continue
        inner = [_block(name, each) for each in value] if isinstance(value, list) else []
        if inner and all(inner):
            block.blocks += [each for each in inner if each]
        else:
            block.attributes[unquoted(name)] = value
    return block


def _block(kind: str, value: Any) -> Block | None:
    """A block, if it is one; its labels are keys in quotes around its body."""
    labels: list[str] = []
    while isinstance(value, dict) and "__is_block__" not in value:
        keys = [key for key in value if not key.startswith("__")]
        if len(keys) != 1:
            return None
        labels.append(unquoted(keys[0]))
        value = value[keys[0]]
    return _body(Block(kind, tuple(labels)), value) if isinstance(value, dict) else None


def unquoted(text: str) -> str:
    """A string's own text."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def _expressions(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            # A key may be an expression in parentheses.
            yield from _expressions([name, each])
    elif isinstance(value, list):
        for each in value:
            yield from _expressions(each)
    elif isinstance(value, str):
        yield without_text(value)


# The inside of a string, up to what is interpolated or to its end.
_TEXT = re.compile(r'(?:\\.|\$\$\{|(?!\$\{|").)*', re.DOTALL)


def without_text(expression: str) -> str:
    """The expression with each string's text left out, and what is interpolated kept."""
    kept: list[str] = []
    # What encloses this place: a string, or braces of either kind.
    inside: list[str] = []
    at = 0
    while at < len(expression):
        if inside and inside[-1] == '"':
            at = _end(_TEXT, expression, at)
            if expression[at : at + 2] == "${":
                inside.append("${")
                at += 2
            else:
                inside.pop()
                at += 1
            kept.append(" ")
            continue
        character = expression[at]
        if character == '"':
            inside.append('"')
        elif character == "{":
            inside.append("{")
        elif character == "}" and inside:
            inside.pop()
        kept.append(" " if character in '"{}$' else character)
        at += 1
    return "".join(kept).strip()


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at
