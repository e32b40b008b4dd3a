"""A graph: elements by identity, united by the merge laws, and its hash."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Iterable

import laws
from laws import Property

# ("node", kind, key) or ("edge", source, label, target).
Identity = tuple[str, ...]


@dataclass
class Content:
    home: str
    first_seen_ms: int
    last_seen_ms: int
    properties: dict[str, Property] = field(default_factory=dict)


class Graph:
    def __init__(self) -> None:
        self.elements: dict[Identity, Content] = {}

    def add(
        self,
        identity: Identity,
        home: str,
        seen_ms: tuple[int, int],
        properties: Iterable[tuple[str, Property]],
    ) -> None:
        """Adds an element; one of the same identity unites with it."""
        known = self.elements.setdefault(identity, Content(home, *seen_ms))
        known.home = min(known.home, home)
        known.first_seen_ms = min(known.first_seen_ms, seen_ms[0])
        known.last_seen_ms = max(known.last_seen_ms, seen_ms[1])
        for name, item in properties:
            old = known.properties.get(name)
            known.properties[name] = laws.merge(name, old, item) if old else item

    def add_datapoint(self, datapoint: dict[str, Any]) -> None:
        """Adds an element as it lies in a payload."""
        kind, body = datapoint["body"]
        if kind.endswith("Node"):
            identity: Identity = ("node", body["kind"], body["key"].hex())
        else:
            identity = ("edge", body["source"].hex(), body["label"], body["target"].hex())
        properties = (
            (
                item["name"],
                Property(
                    tuple(item["values"]),
                    item["time_ms"],
                    tuple(item["conflicts"]),
                    item["overflow"],
                ),
            )
            for item in datapoint["properties"]
        )
        seen_ms = (datapoint["first_seen_ms"], datapoint["last_seen_ms"])
        self.add(identity, datapoint["home"].hex(), seen_ms, properties)

    def count(self, what: str) -> int:
        return sum(identity[0] == what for identity in self.elements)

    def lines(self) -> list[str]:
        """One line of JSON for each element, sorted."""
        return sorted(
            json.dumps(
                [
                    *identity,
                    content.home,
                    content.first_seen_ms,
                    content.last_seen_ms,
                    [
                        [name, item.values, item.time_ms, item.conflicts, item.overflow]
                        for name, item in sorted(content.properties.items())
                    ],
                ],
                separators=(",", ":"),
            )
            for identity, content in self.elements.items()
        )

    def hash(self) -> str:
        """SHA-256 over the sorted lines."""
        return hashlib.sha256("\n".join(self.lines()).encode()).hexdigest()
