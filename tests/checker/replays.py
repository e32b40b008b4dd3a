"""Was each pointer of a replay's range emitted again, and once?"""

from collections import Counter, defaultdict

from counts import Recount
from evidence import Evidence, Stage

# The replay, the topic and the partition.
Lane = tuple[str, str, int]


def recount_replays(evidence: Evidence, stage: Stage, recount: Recount) -> None:
    """What is emitted again keeps its fate: it counts as nobody's datapoints."""
    emitted: dict[Lane, Counter[int]] = defaultdict(Counter)
    redriven: Counter[str] = Counter()
    for receipt in evidence.receipts[stage.name]:
        recount.counts.batches += 1
        for item in receipt.inputs:
            source = item.source
            if source.kind != "pointer":
                recount.fault("phantom", 1, f"a receipt speaks of {source}")
            elif item.redrives:
                again = sum(redriven[letter] > 0 for letter in item.redrives)
                recount.fault("duplicated", len(item.output) * again, f"letters of {source}")
                redriven.update(item.redrives)
            else:
                emitted[receipt.slot, source.topic, source.partition][source.offset] += 1
    for lane, times in emitted.items():
        recount_lane(evidence, lane, times, recount)


def recount_lane(evidence: Evidence, lane: Lane, times: Counter[int], recount: Recount) -> None:
    """A replay goes through a range of offsets without leaving a pointer out."""
    _, topic, partition = lane
    first, last = min(times), max(times)
    in_range = {
        record.offset: 1 if record.pointer.datapoints is None else record.pointer.datapoints
        for record in evidence.pointers[topic]
        if record.pointer and record.partition == partition and first <= record.offset <= last
    }
    missing = [offset for offset in sorted(in_range) if not times[offset]]
    twice = [offset for offset in sorted(in_range) if times[offset] > 1]
    recount.fault("lost", sum(in_range[o] for o in missing), f"{lane} left out {missing[:3]}…")
    recount.fault("gaps", len(missing), f"{lane}")
    again = sum(in_range[o] * (times[o] - 1) for o in twice)
    recount.fault("duplicated", again, f"{lane} emitted {twice[:3]}… again")
    recount.fault("overlaps", len(twice), f"{lane}")
