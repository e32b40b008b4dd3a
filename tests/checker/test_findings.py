"""The ids of findings, and what is hashed of them."""

import unittest
from typing import Any

from findings import finding_id, said

FINDING: dict[str, Any] = {
    "id": b"i" * 16,
    "rule_id": "r",
    "title": "t",
    "level": "high",
    "tags": ["a"],
    "time_ms": None,
    "device": "d",
    "nodes": [b"n" * 16],
    "summary": "s",
    "origin": ("cordon.v1.File", {"sha256": bytes(32), "record": 1}),
}


class Findings(unittest.TestCase):
    def test_ids_are_the_documented_hash(self) -> None:
        # sha256(b"\0\0\0\x01r" + b"\0" + b"\7" * 32 + b"\0" * 7 + b"\5"), and with a topic.
        file = ("cordon.v1.File", {"sha256": b"\7" * 32, "record": 5})
        self.assertEqual(finding_id("r", file).hex(), "ddd27740a6b8af4f387acec01bde7870")
        log = ("cordon.v1.Log", {"topic": "raw", "partition": 2, "offset": 9})
        self.assertEqual(finding_id("r", log).hex(), "3e3d63135a22b1825cd2f8d9eedf9083")

    def test_what_is_said_does_not_depend_on_where_it_came_from(self) -> None:
        log = ("cordon.v1.Log", {"topic": "raw", "partition": 2, "offset": 9})
        again = FINDING | {"id": b"j" * 16, "origin": log}
        other = FINDING | {"summary": "another"}
        self.assertEqual(said([FINDING, other]), said([other, again]))
        self.assertNotEqual(said([FINDING, FINDING]), said([FINDING, other]))
        self.assertNotEqual(said([FINDING, FINDING]), said([FINDING]))


if __name__ == "__main__":
    unittest.main()
