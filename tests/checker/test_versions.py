"""What two versions make of the same lines."""

import hashlib
import json
import tempfile
import unittest
from pathlib import Path

from findings import finding_id
from versions import of_mark, of_rules


def line(event_id: int, image: str, **more: str) -> str:
    event = {
        "EventID": event_id,
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Hostname": "h",
        "UtcTime": "2026-01-02 03:04:05.000",
        "ProcessGuid": "{c0ffee00-0000-0000-0000-000000000001}",
        "ProcessId": "7",
        "Image": image,
    }
    return json.dumps(event | more)


def rule(id: str, event_id: int, image_ends: str, title: str = "t") -> dict[str, str]:
    return {"id": id, "title": title, "event_id": str(event_id), "image_ends": image_ends}


class Versions(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = Path(directory.name) / "a.json"
        lines = [
            line(1, r"C:\a\CMD.exe"),
            "no json",
            line(11, r"C:\a\x.exe", TargetFilename=r"C:\new"),
            line(11, r"C:\a\x.exe", TargetFilename=r"C:\old"),
        ]
        self.path.write_text("\n".join(lines))

    def id(self, rule_id: str, record: int) -> str:
        sha256 = hashlib.sha256(self.path.read_bytes()).digest()
        return finding_id(rule_id, ("File", {"sha256": sha256, "record": record})).hex()

    def test_rules_that_come_go_and_change(self) -> None:
        old = [rule("kept", 1, r"\cmd.exe"), rule("gone", 11, ".exe"), rule("named", 1, "d.exe")]
        new = [old[0], rule("come", 11, r"\X.EXE"), rule("named", 1, "d.exe", "another")]
        found = of_rules([self.path], old, new)
        self.assertEqual(found["appears"], sorted(self.id("come", n) for n in (2, 3)))
        self.assertEqual(found["vanishes"], sorted(self.id("gone", n) for n in (2, 3)))
        self.assertEqual(found["changes"], [self.id("named", 0)])
        self.assertEqual(len(found["new"]), 4)

    def test_what_only_marked_lines_told_vanishes(self) -> None:
        found = of_mark([self.path], rb"C:\\old")
        self.assertEqual(found["marked"], {"mapped": 1, "not_mapped": 0, "dead": 0})
        self.assertEqual(found["appears"], [])
        kinds = sorted(identity.split()[0] for identity in found["vanishes"])
        # The file and its name's edge; process and device are told by the other lines, too.
        self.assertIn("node", kinds)
        self.assertTrue(all(identity not in found["new"] for identity in found["vanishes"]))


if __name__ == "__main__":
    unittest.main()
