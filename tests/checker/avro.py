"""Avro: schemas, their fingerprints, single objects and containers.

The fingerprint is computed here from the committed schema files, by the Avro specification's
"Parsing Canonical Form" and "Schema Fingerprints" (CRC-64-AVRO), not by any library.
"""

import io
import json
from pathlib import Path
from typing import Any, Iterator

import fastavro

SCHEMAS = Path(__file__).parents[2] / "avro" / "schemas"

PRIMITIVES = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}
MARKER = b"\xc3\x01"
HEADER_BYTES = 10
EMPTY = 0xC15D213AA4D7A795


class Undecodable(Exception):
    """Bytes that are not the record they should be."""


def canonical_form(schema: Any, namespace: str = "") -> str:
    """The Parsing Canonical Form of a schema."""
    if isinstance(schema, str):
        return json.dumps(full_name(schema, namespace))
    if isinstance(schema, list):
        return "[" + ",".join(canonical_form(branch, namespace) for branch in schema) + "]"
    kind = schema["type"]
    if isinstance(kind, (dict, list)) or kind in PRIMITIVES:
        return canonical_form(kind, namespace)
    if kind == "array":
        return '{"type":"array","items":' + canonical_form(schema["items"], namespace) + "}"
    if kind == "map":
        return '{"type":"map","values":' + canonical_form(schema["values"], namespace) + "}"
    return canonical_named(schema, namespace)


def canonical_named(schema: dict[str, Any], namespace: str) -> str:
    """The canonical form of a record, an enum or a fixed."""
    kind = schema["type"]
    name = full_name(schema["name"], schema.get("namespace", namespace))
    head = f'{{"name":{json.dumps(name)},"type":"{kind}"'
    if kind == "record":
        inner = name.rpartition(".")[0]
        fields = (
            f'{{"name":{json.dumps(field["name"])},"type":{canonical_form(field["type"], inner)}}}'
            for field in schema["fields"]
        )
        return f'{head},"fields":[{",".join(fields)}]}}'
    if kind == "enum":
        return f'{head},"symbols":{json.dumps(schema["symbols"], separators=(",", ":"))}}}'
    if kind == "fixed":
        return f'{head},"size":{int(schema["size"])}}}'
    raise ValueError(f"unknown type {kind!r} in a schema")


def full_name(name: str, namespace: str) -> str:
    """A name with its namespace; primitive types have none."""
    if name in PRIMITIVES or "." in name or not namespace:
        return name
    return f"{namespace}.{name}"


def crc_table() -> list[int]:
    """The table of the specification's `fingerprint64`."""
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (EMPTY if value & 1 else 0)
        table.append(value)
    return table


CRC_TABLE = crc_table()


def fingerprint(schema: Any) -> int:
    """CRC-64-AVRO of a schema's canonical form, unsigned."""
    value = EMPTY
    for byte in canonical_form(schema).encode():
        value = (value >> 8) ^ CRC_TABLE[(value ^ byte) & 0xFF]
    return value


class Schemas:
    """Every committed schema, by fingerprint."""

    def __init__(self, directory: Path = SCHEMAS) -> None:
        self._by_fingerprint: dict[int, tuple[str, Any]] = {}
        for path in sorted(directory.glob("*.avsc")):
            schema = json.loads(path.read_text())
            family = path.name.split(".")[0]
            self._by_fingerprint[fingerprint(schema)] = (family, fastavro.parse_schema(schema))

    def family(self, number: int) -> str | None:
        """The family of a fingerprint, such as `pointer`."""
        known = self._by_fingerprint.get(number)
        return known[0] if known else None

    def current(self, family: str) -> tuple[int, Any]:
        """The last version of a family, by file name, and its fingerprint."""
        versions = [(n, s) for n, (f, s) in self._by_fingerprint.items() if f == family]
        return versions[-1]

    def decode(self, family: str, value: bytes) -> dict[str, Any]:
        """Decodes a single object of a family, and nothing behind it."""
        if len(value) < HEADER_BYTES or value[:2] != MARKER:
            raise Undecodable("no C3 01 marker")
        number = int.from_bytes(value[2:HEADER_BYTES], "little")
        if self.family(number) != family:
            raise Undecodable(f"schema {number:016x} is no {family}")
        body = io.BytesIO(value[HEADER_BYTES:])
        schema = self._by_fingerprint[number][1]
        try:
            record = fastavro.schemaless_reader(body, schema, None, return_record_name=True)
        except Exception as error:
            raise Undecodable(f"malformed {family}: {error}") from error
        if body.read(1):
            raise Undecodable(f"bytes are left over behind a {family}")
        assert isinstance(record, dict)
        return record

    def encode(self, family: str, record: dict[str, Any]) -> bytes:
        """Encodes a single object; only the checker's own tests write."""
        number, schema = self.current(family)
        body = io.BytesIO()
        fastavro.schemaless_writer(body, schema, record)
        return MARKER + number.to_bytes(8, "little") + body.getvalue()


def container(content: bytes, schema: int) -> Iterator[dict[str, Any]]:
    """The datapoints of one payload section, whose writer schema must have this fingerprint."""
    try:
        reader = fastavro.reader(io.BytesIO(content), return_record_name=True)
        found = fingerprint(json.loads(reader.metadata["avro.schema"]))
        if found != schema:
            raise Undecodable(f"the section has schema {found:016x}, not {schema:016x}")
        for datapoint in reader:
            assert isinstance(datapoint, dict)
            yield datapoint
    except Undecodable:
        raise
    except Exception as error:
        raise Undecodable(f"malformed section: {error}") from error
