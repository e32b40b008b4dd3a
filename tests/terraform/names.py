"""Whether every name in the modules is one that Terraform and the providers know."""

import re
from typing import Iterator

from schema import Field, Schema, Struct
from source import Block, Module, unquoted

# What any resource, data source and module may have:
# https://developer.hashicorp.com/terraform/language/meta-arguments
_META = {"count", "for_each", "depends_on", "provider", "providers"}
# Terraform's own blocks, and what is in them:
# https://developer.hashicorp.com/terraform/language/block/resource#lifecycle
_CHECKED = {"condition", "error_message"}
_OWN = {
    "lifecycle": {
        "create_before_destroy",
        "prevent_destroy",
        "ignore_changes",
        "replace_triggered_by",
    },
    "precondition": _CHECKED,
    "postcondition": _CHECKED,
    "validation": _CHECKED,
    "variable": {"description", "type", "default", "sensitive", "nullable", "ephemeral"},
    "output": {"description", "value", "sensitive", "ephemeral", "depends_on"},
}
# https://developer.hashicorp.com/terraform/language/resources/terraform-data
_TERRAFORM_DATA: Struct = {
    "input": Field(is_settable=True, is_required=False),
    "triggers_replace": Field(is_settable=True, is_required=False),
    "output": Field(is_settable=False, is_required=False),
    "id": Field(is_settable=False, is_required=False),
}
_RESOURCES = ("resource", "data", "ephemeral")
_TOP = {*_RESOURCES, *("terraform", "variable", "output", "locals", "module", "provider")}

_FOR = re.compile(r"\bfor\s+(?:\w+\s*,\s*)?(\w+)\s+in\s+([\w.]+)\s*:")
# A name, and the attributes and indexes that follow it.
_PATH = re.compile(r"(?<![\w.])([a-z]\w*)((?:\.\w+|\[[^\[\]]*\])+)")
_STEP = re.compile(r"\.(\w+)|\[[^\[\]]*\]")


class Names:
    """The names of modules on trial. `checked` counts them."""

    def __init__(self, modules: list[Module], schema: Schema) -> None:
        self._modules = {module.folder: module for module in modules}
        self._schema = schema
        self.checked = 0

    def faults(self) -> Iterator[str]:
        """Every name that nobody knows."""
        for module in self._modules.values():
            for block in module.blocks:
                for fault in self._block(module, block):
                    yield f"{module.folder}: {block.address}: {fault}"

    def _block(self, module: Module, block: Block) -> Iterator[str]:
        if block.type not in _TOP:
            yield "there is no such block"
        elif block.type in _RESOURCES:
            struct = self._struct_of(block.type, block.labels[0])
            if struct is None:
                yield f"no provider has {block.labels[0]}"
            else:
                yield from self._body(block, struct)
        elif block.type == "module":
            yield from self._call(module, block)
        elif block.type in _OWN:
            yield from self._own(block)
        yield from self._references(module, block)

    def _struct_of(self, kind: str, name: str) -> Struct | None:
        self.checked += 1
        if name == "terraform_data":
            return _TERRAFORM_DATA
        # CDKTF knows no ephemeral resources. random's has the attributes of the resource.
        known = self._schema.data if kind == "data" else self._schema.resources
        return self._schema.struct(known[name]) if name in known else None

    def _body(self, block: Block, struct: Struct) -> Iterator[str]:
        """A resource, or a block in one."""
        is_top = block.type in _RESOURCES
        for name in block.attributes:
            self.checked += 1
            if is_top and name in _META:
                continue
            if name not in struct or struct[name].is_block:
                yield f"{block.type} has no attribute {name}"
            elif not struct[name].is_settable:
                yield f"{name} of {block.type} is computed, and cannot be set"
        given = set(block.attributes)
        for inner in block.blocks:
            self.checked += 1
            if is_top and inner.type == "lifecycle":
                yield from self._own(inner)
                continue
            name, body = _undynamic(inner)
            given.add(name)
            if name not in struct or not struct[name].struct:
                yield f"{block.type} has no block {name}"
            else:
                yield from self._body(body, self._schema.struct(struct[name].struct))
        for name, field in struct.items():
            if field.is_required and name not in given:
                yield f"{block.type} lacks {name}, which is required"

    def _own(self, block: Block) -> Iterator[str]:
        """A block of Terraform's own."""
        for name in block.attributes:
            self.checked += 1
            if name not in _OWN[block.type]:
                yield f"{block.type} has no attribute {name}"
        for inner in block.blocks:
            self.checked += 1
            if inner.type in _OWN:
                yield from self._own(inner)
            else:
                yield f"{block.type} has no block {inner.type}"

    def _call(self, module: Module, block: Block) -> Iterator[str]:
        """What one module gives another."""
        called = self._called(module, block)
        if called is None:
            yield f"there is no module at {block.attributes.get('source')}"
            return
        variables = called.named("variable")
        for name in block.attributes.keys() - _META - {"source", "version"}:
            self.checked += 1
            if name not in variables:
                yield f"{called.folder} has no variable {name}"
        for name, variable in variables.items():
            if "default" not in variable.attributes and name not in block.attributes:
                yield f"it does not give {name}"

    def _called(self, module: Module, block: Block) -> Module | None:
        source = unquoted(block.attributes.get("source", ""))
        return self._modules.get((module.folder / source).resolve())

    def _outputs(self, module: Module, name: str) -> set[str]:
        """What a call of this name gives back."""
        block = module.named("module").get(name)
        called = self._called(module, block) if block else None
        return set(called.named("output")) if called else set()

    def _references(self, module: Module, block: Block) -> Iterator[str]:
        """What expressions name."""
        for expression in block.expressions():
            bound = dict(_FOR.findall(expression))
            for first, rest in _PATH.findall(expression):
                steps = _STEP.findall(rest)
                # A loop's variable is one of what it goes through.
                path = [*bound[first].split("."), *steps] if first in bound else [first, *steps]
                yield from self._reference(module, path)

    def _reference(self, module: Module, path: list[str]) -> Iterator[str]:
        """A path; an index is an empty step."""
        words = [step for step in path if step]
        match words:
            case ["var", name, *_]:
                found = name in module.named("variable")
            case ["local", name, *_]:
                found = module.local(name) is not None
            case ["module", name, output, *_]:
                found = output in self._outputs(module, name)
            case ["data" | "ephemeral" as kind, name, label, *attributes]:
                yield from self._attribute(module, kind, name, label, attributes)
                return
            case [name, label, *attributes] if "_" in name and name not in _iterators(module):
                yield from self._attribute(module, "resource", name, label, attributes)
                return
            case _:
                return
        self.checked += 1
        if not found:
            yield f"it names {'.'.join(words)}, which is nowhere"

    def _attribute(
        self, module: Module, kind: str, name: str, label: str, attributes: list[str]
    ) -> Iterator[str]:
        struct = self._struct_of(kind, name)
        if struct is None or not any(b.labels == (name, label) for b in module.of_type(kind)):
            yield f"it names {name}.{label}, which is nowhere"
        elif attributes and attributes[0] not in struct:
            yield f"it asks {name}.{label} for {attributes[0]}, which it does not have"


def _undynamic(block: Block) -> tuple[str, Block]:
    """A block's name and body, also where it is made for each of something."""
    if block.type != "dynamic":
        return block.type, block
    content = next(block.of_type("content"), Block("content", ()))
    return block.labels[0], Block(block.labels[0], (), content.attributes, content.blocks)


def _iterators(module: Module) -> set[str]:
    """What the bodies of dynamic blocks may name."""
    within = (inner for block in module.blocks for inner in block.within())
    return {block.labels[0] for block in within if block.type == "dynamic"}
