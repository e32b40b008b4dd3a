"""Findings: their ids recomputed, and a hash over what they say."""

import hashlib
import json
from typing import Any

from objects import Objects
from recompute import datapoints_of, twin
from sources import Log

TOPIC = "findings"
# What a finding says, wherever its line came from: neither the origin nor the id made of it.
SAID = ("rule_id", "title", "level", "tags", "time_ms", "device", "nodes", "summary")


def from_topic(log: Log, objects: Objects) -> dict[str, Any]:
    """Counts findings by id: a line that was read twice gives the same id twice."""
    findings: dict[bytes, dict[str, Any]] = {}
    wrong_ids = 0
    # What was replayed lies in the other lane.
    for finding in datapoints_of(log, objects, (TOPIC, twin(TOPIC))):
        wrong_ids += finding["id"] != finding_id(finding["rule_id"], finding["origin"])
        findings[finding["id"]] = finding
    return {
        "findings": len(findings),
        "wrong_ids": wrong_ids,
        "said": said(list(findings.values())),
    }


def finding_id(rule_id: str, origin: tuple[str, dict[str, Any]]) -> bytes:
    """The first 16 bytes of SHA-256 over the rule's id, and the kind and fields of the origin."""
    name, fields = origin
    if name.endswith("File"):
        source = b"\0" + fields["sha256"] + fields["record"].to_bytes(8, "big", signed=True)
    else:
        source = b"\1" + part(fields["topic"])
        source += fields["partition"].to_bytes(4, "big", signed=True)
        source += fields["offset"].to_bytes(8, "big", signed=True)
    return hashlib.sha256(part(rule_id) + source).digest()[:16]


def part(text: str) -> bytes:
    """A text behind its length in bytes."""
    encoded = text.encode()
    return len(encoded).to_bytes(4, "big") + encoded


def said(findings: list[dict[str, Any]]) -> str:
    """SHA-256 over the sorted lines of what findings say."""
    lines = sorted(
        json.dumps([finding[name] for name in SAID], default=bytes.hex, separators=(",", ":"))
        for finding in findings
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
