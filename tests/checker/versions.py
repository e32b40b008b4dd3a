"""What two versions of a stage make of the same raw lines, and how that differs.

Rules are of one simple kind, so that they can be evaluated here in a line: an event's id, and how the
path of its program ends. A version of generate may refuse every line that holds a mark.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Iterable, Iterator

from event import Event, Malformed, lower
from findings import finding_id
from graph import Graph, Identity
from lines import file_lines
from recompute import fate_of

# {"id": …, "title": …, "event_id": …, "image_ends": …}
Rule = dict[str, str]


def of_rules(paths: Iterable[Path], old: list[Rule], new: list[Rule]) -> dict[str, Any]:
    """The ids of findings that appear, vanish and change, and those of the new rules."""
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    for sha256, record, line in numbered(paths):
        try:
            event = Event(line)
        except Malformed:
            continue
        if not event.is_sysmon():
            continue
        origin = ("File", {"sha256": sha256, "record": record})
        for rules, found in ((old, before), (new, after)):
            for rule in rules:
                if matches(rule, event):
                    found[finding_id(rule["id"], origin).hex()] = rule["title"]
    return differences(before, after) | {"new": sorted(after)}


def matches(rule: Rule, event: Event) -> bool:
    image = lower(event.get("Image") or "")
    return event.get("EventID") == rule["event_id"] and image.endswith(lower(rule["image_ends"]))


def of_mark(paths: Iterable[Path], mark: bytes) -> dict[str, Any]:
    """The elements that appear, vanish and change when lines with a mark are refused; and the fates
    that these lines have otherwise."""
    whole, part = Graph(), Graph()
    fates = {"mapped": 0, "not_mapped": 0, "dead": 0}
    for _, _, line in numbered(paths):
        if mark in line:
            fates[fate_of(line, whole)] += 1
        else:
            fate_of(line, whole)
            fate_of(line, part)
    return differences(elements(whole), elements(part)) | {
        "marked": fates,
        "new": sorted(elements(part)),
    }


def elements(graph: Graph) -> dict[str, str]:
    """Every element as it is, by what it is."""
    found = {}
    for line in graph.lines():
        parts = json.loads(line)
        identity: Identity = tuple(parts[: 3 if parts[0] == "node" else 4])
        found[" ".join(identity)] = line
    return found


def differences(old: dict[str, str], new: dict[str, str]) -> dict[str, list[str]]:
    return {
        "appears": sorted(new.keys() - old.keys()),
        "vanishes": sorted(old.keys() - new.keys()),
        "changes": sorted(key for key in old.keys() & new.keys() if old[key] != new[key]),
    }


def numbered(paths: Iterable[Path]) -> Iterator[tuple[bytes, int, bytes]]:
    """Every line with the digest of its file and its number there."""
    for path in paths:
        sha256 = hashlib.sha256(path.read_bytes()).digest()
        for record, line in enumerate(file_lines(path)):
            yield sha256, record, line
