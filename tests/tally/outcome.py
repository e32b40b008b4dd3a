"""How many tests of each kind passed, failed, or were skipped."""

from collections import Counter

from kinds import KINDS

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


class Outcome:
    """Counts by kind and fate; `cases` are what one test goes through, such as a suite's cases."""

    def __init__(self):
        self.counts = Counter()
        self.cases = Counter()
        self.not_run = []

    def count(self, kind, fate, times=1):
        self.counts[kind, fate] += times

    def add(self, other):
        self.counts.update(other.counts)
        self.cases.update(other.cases)
        self.not_run += [words for words in other.not_run if words not in self.not_run]

    def passed(self, kind):
        return self.counts[kind, PASSED]

    def failed(self):
        return self.sums()[1]

    def sums(self):
        """Of all kinds: passed, failed, skipped."""
        return [
            sum(times for (_, its), times in self.counts.items() if its == fate)
            for fate in (PASSED, FAILED, SKIPPED)
        ]

    def words(self):
        """Such as: 3 laws, 34 conformance (68 cases), 1 failed."""
        parts = []
        for kind in KINDS:
            if ran := self.counts[kind, PASSED] + self.counts[kind, FAILED]:
                cases = f" ({self.cases[kind]} cases)" if self.cases[kind] else ""
                parts.append(f"{ran} {kind}{cases}")
        _, failed, skipped = self.sums()
        parts += [f"{failed} failed"] if failed else []
        parts += [f"{skipped} skipped"] if skipped else []
        return ", ".join(parts) or "nothing"

    def figures(self):
        """By kind, what passed; then the cases, and what did not pass."""
        figures = {kind.replace(" ", "_"): self.passed(kind) for kind in KINDS if self.passed(kind)}
        figures |= {f"{kind}_cases".replace(" ", "_"): n for kind, n in sorted(self.cases.items())}
        _, failed, skipped = self.sums()
        return figures | {"failed": failed, "skipped": skipped}

    def as_dict(self):
        counts = [[kind, fate, times] for (kind, fate), times in self.counts.items()]
        return {"counts": counts, "cases": dict(self.cases), "not_run": self.not_run}

    @classmethod
    def from_dict(cls, saved):
        outcome = cls()
        for kind, fate, times in saved["counts"]:
            outcome.count(kind, fate, times)
        outcome.cases.update(saved["cases"])
        outcome.not_run = saved["not_run"]
        return outcome
