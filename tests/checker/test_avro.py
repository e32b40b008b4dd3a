import json
import unittest

import fastavro

from avro import SCHEMAS, Schemas, Undecodable, canonical_form, fingerprint


class Avro(unittest.TestCase):
    def test_fingerprints_of_the_specification(self) -> None:
        # Avro's share/test/data/schema-tests.txt.
        for schema, expected in (("null", 7195948357588979594), ("int", 8247732601305521295)):
            self.assertEqual(fingerprint(schema), expected)

    def test_canonical_form_strips_and_qualifies(self) -> None:
        schema = {
            "type": "record",
            "name": "R",
            "namespace": "a.b",
            "doc": "no",
            "fields": [
                {"name": "x", "doc": "no", "type": {"type": "fixed", "name": "F", "size": 2}},
                {"name": "y", "type": ["null", {"type": "long"}, "F"]},
            ],
        }
        expected = (
            '{"name":"a.b.R","type":"record","fields":['
            '{"name":"x","type":{"name":"a.b.F","type":"fixed","size":2}},'
            '{"name":"y","type":["null","long","a.b.F"]}]}'
        )
        self.assertEqual(canonical_form(schema), expected)

    def test_another_library_computes_the_same(self) -> None:
        paths = sorted(SCHEMAS.rglob("*.avsc"))
        self.assertGreater(len(paths), 5)
        for path in paths:
            schema = json.loads(path.read_text())
            theirs = fastavro.schema.fingerprint(
                fastavro.schema.to_parsing_canonical_form(schema), "CRC-64-AVRO"
            )
            self.assertEqual(fingerprint(schema).to_bytes(8, "little").hex(), theirs, path)

    def test_hostile_bytes_are_undecodable(self) -> None:
        schemas = Schemas()
        head = b"\xc3\x01" + schemas.current("pointer")[0].to_bytes(8, "little")
        for value in (b"", b"\xc3\x01", b"plain text", b"\xc3\x01" + bytes(8), head, head + b"\xff"):
            with self.assertRaises(Undecodable):
                schemas.decode("pointer", value)


if __name__ == "__main__":
    unittest.main()
