"""What a recount found."""

import dataclasses
from dataclasses import dataclass, field


@dataclass
class Counts:
    """Of one stage, or of all. The README says what each word means."""

    datapoints: int = 0
    batches: int = 0
    pointers_out: int = 0
    output: int = 0
    not_mapped: int = 0
    dead: int = 0
    elements_in: int = 0
    elements_out: int = 0
    pending: int = 0
    reingested: int = 0
    lost: int = 0
    duplicated: int = 0
    both: int = 0
    phantom: int = 0
    gaps: int = 0
    overlaps: int = 0
    dangling: int = 0

    def is_clean(self) -> bool:
        return not any(getattr(self, name) for name in FAULTS)

    def add(self, other: "Counts") -> None:
        for item in dataclasses.fields(self):
            total = getattr(self, item.name) + getattr(other, item.name)
            setattr(self, item.name, total)


FAULTS = ("lost", "duplicated", "both", "phantom", "gaps", "overlaps", "dangling")


@dataclass
class Recount:
    """Counts that are being made, with the faults in words."""

    stage: str
    counts: Counts = field(default_factory=Counts)
    faults: list[str] = field(default_factory=list)

    def fault(self, kind: str, count: int, words: str) -> None:
        """Counts a fault; a count of zero is none."""
        assert kind in FAULTS
        if count:
            setattr(self.counts, kind, getattr(self.counts, kind) + count)
            self.faults.append(f"{self.stage}: {kind} {count}: {words}")
