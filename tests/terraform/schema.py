"""The schema of a provider, read from its CDKTF package.

HashiCorp generates these packages from `terraform providers schema -json`, one folder for each
resource and data source. In its `index.js` are the resource's name, `// NAME - computed: …` above
what is computed alone, which fields are blocks, and of which struct. `index.d.ts` beside it says
which must be given.

    schema.py PACKAGE.tgz SCHEMA.json
"""

import json
import re
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Field:
    """An attribute or a block of a struct."""

    is_settable: bool
    is_required: bool
    # The struct of a block, or of an attribute that is one; "" for any other attribute.
    struct: str = ""
    is_block: bool = False


Struct = dict[str, Field]


class Schema:
    """What a provider knows."""

    def __init__(self, read: dict[str, Any]) -> None:
        self._structs: dict[str, dict[str, list[Any]]] = read["structs"]
        self.resources: dict[str, str] = read["resource"]
        self.data: dict[str, str] = read["data"]

    @staticmethod
    def load(*paths: Path) -> "Schema":
        """Several providers as one: their names begin differently."""
        whole: dict[str, Any] = {"structs": {}, "resource": {}, "data": {}}
        for path in paths:
            for part, names in json.loads(path.read_text(encoding="utf-8")).items():
                whole[part] |= names
        return Schema(whole)

    def struct(self, name: str) -> Struct:
        """The fields of a struct."""
        return {field: Field(*parts) for field, parts in self._structs[name].items()}


_CLASS = re.compile(r"class (\w+) extends ")
_FUNCTION = re.compile(r"function (\w+)ToHclTerraform\(")
_COMPUTED = re.compile(r"    // (\w+) - computed: true, optional: false, required: false$")
_FIELD = re.compile(r"\s+(\w+): \{$")
_VALUE = re.compile(r"\s+value: (?:.*?\b(\w+)ToHclTerraform\b)?")
_NAME = re.compile(r'(\w+)\.tfResourceType = "(\w+)"')
_CONFIGURATION = re.compile(r"export interface (\w+)Config extends cdktf.TerraformMetaArguments")
_INTERFACE = re.compile(r"export interface (\w+) \{")
_DOCUMENTED = re.compile(r"    \* Docs at Terraform Registry: .*#(\w+)\}$")
_MEMBER = re.compile(r"    readonly \w+(\??):")
# How the package's library calls its own functions for strings, numbers and so on.
_PLAIN = {"string", "number", "boolean", "any", "hashMapper", "listMapper"}


def extract(package: Path) -> dict[str, Any]:
    """Everything a package says, as JSON can hold it."""
    whole: dict[str, Any] = {"structs": {}, "resource": {}, "data": {}}
    required: dict[str, set[str]] = {}
    with tarfile.open(package, "r|gz") as files:
        for member in files:
            parts = member.name.split("/")
            if len(parts) != 4 or parts[1] != "lib" or not (source := files.extractfile(member)):
                continue
            kind = "data" if parts[2].startswith("data-") else "resource"
            if parts[3] == "index.js":
                _read_code(source.read().decode(), kind, whole)
            elif parts[3] == "index.d.ts":
                _read_declarations(source.read().decode(), required)
    for struct, fields in whole["structs"].items():
        for name in required.get(struct, set()) & fields.keys():
            fields[name][1] = True
    return whole


def _read_code(source: str, kind: str, whole: dict[str, Any]) -> None:
    """What there is, of one resource or data source."""
    structs: dict[str, dict[str, list[Any]]] = whole["structs"]
    # Of the class or function that a line is in, and the last field.
    struct, field = "", ""
    for line in source.splitlines():
        if (found := _CLASS.match(line)) or (found := _FUNCTION.match(line)):
            struct, field = _struct(found[1]), ""
            structs.setdefault(struct, {})
        elif found := _COMPUTED.match(line):
            structs[struct][found[1]] = [False, False, "", False]
        elif found := _FIELD.match(line):
            field = found[1]
        elif field and (found := _VALUE.match(line)):
            inner = "" if found[1] in _PLAIN else found[1] or ""
            structs[struct][field] = [True, False, inner, False]
        elif field and line.strip() == "isBlock: true,":
            structs[struct][field][3] = True
        elif found := _NAME.match(line):
            whole[kind][found[2]] = _struct(found[1])


def _read_declarations(source: str, required: dict[str, set[str]]) -> None:
    """Which fields must be given."""
    struct, field = "", ""
    for line in source.splitlines():
        if (found := _CONFIGURATION.match(line)) or (found := _INTERFACE.match(line)):
            struct = _struct(found[1])
        elif found := _DOCUMENTED.match(line):
            field = found[1]
        elif (found := _MEMBER.match(line)) and not found[1]:
            required.setdefault(struct, set()).add(field)


def _struct(name: str) -> str:
    """The name that a struct has in functions, classes and interfaces alike."""
    name = name.removesuffix("OutputReference")
    return name[0].lower() + name[1:]


def main() -> int:
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    schema = extract(Path(sys.argv[1]))
    if not schema["resource"]:
        print(f"schema.py: {sys.argv[1]} holds no resource", file=sys.stderr)
        return 1
    Path(sys.argv[2]).write_text(json.dumps(schema, separators=(",", ":")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
