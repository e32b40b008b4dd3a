"""Who may do what with objects, read from the topology by the rules of the design.

The policy documents come from cordon's own code, in Rust. These rules are written here a second
time, so that a document that grants too much is not its own witness.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Rights:
    """What one principal may do. Prefixes end in a slash, but for the reserved one."""

    get: frozenset[str] = frozenset()
    put: frozenset[str] = frozenset()
    # Canaries are single objects.
    put_keys: frozenset[str] = frozenset()
    lists: bool = False

    def allow(self, action: str, key: str) -> bool:
        """Whether an action on a key of the topology's bucket is declared; "" is the bucket."""
        match action:
            case "s3:GetObject":
                return any(key.startswith(prefix) for prefix in self.get)
            case "s3:PutObject":
                return key in self.put_keys or any(key.startswith(prefix) for prefix in self.put)
            case "s3:ListBucket":
                return self.lists
            case _:
                return False


class Topology:
    """The topology file, as far as objects are concerned."""

    def __init__(self, path: Path) -> None:
        declared: dict[str, Any] = yaml.safe_load(path.read_text())
        self.bucket: str = declared["bucket"]
        self.topics: list[str] = sorted(declared["topics"])
        self.principals: dict[str, Any] = declared["principals"]
        self._stages: dict[str, Any] = declared["stages"]
        self._producers: dict[str, Any] = declared["producers"]
        self.reserved_prefix: str = declared["reserved_prefix"]

    @property
    def outputs(self) -> set[str]:
        """Topics whose pointers name payloads; each has a prefix of that name."""
        programs = [*self._stages.values(), *self._producers.values()]
        return {program["output"] for program in programs}

    def rights(self, principal: str) -> Rights:
        """What a principal of the topology may do."""
        match self.principals[principal]:
            case {"stage": stage}:
                return self._rights_of_stage(stage)
            case {"producer": producer}:
                return Rights(put=prefixes([self._producers[producer]["output"]]))
            case {"role": "reader" | "operator"}:
                # Shadows come and go: all that they may be called is read.
                get = prefixes([*self.outputs, "dead"]) | {self.reserved_prefix}
                return Rights(get=get)
            case {"role": "lister"}:
                return Rights(lists=True)
            case {"role": "admin"}:
                return Rights(put_keys=frozenset(f"{topic}/canary" for topic in self.outputs))
            case {"role": "shipper" | "replayer"}:
                return Rights()
            case other:
                raise ValueError(f"principal {principal}: no rule for {other}")

    def _rights_of_stage(self, name: str) -> Rights:
        stage = self._stages[name]
        output = stage["output"]
        if stage["input"] == "records":
            # Bytes that it refuses go into payloads of their own.
            return Rights(put=prefixes([output, f"dead/{name}"]))
        # A pointer that is replayed names the payload that it named when it was live.
        return Rights(get=prefixes(stage["live"]), put=prefixes([output]))


def prefixes(names: list[str]) -> frozenset[str]:
    return frozenset(f"{name}/" for name in names)
