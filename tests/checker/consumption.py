"""Does every datapoint that a stage was given have exactly one fate?

Counted index by index: for each index of a payload, how many receipts cover it?
"""

from collections import Counter, defaultdict
from itertools import pairwise
from typing import Iterable

from counts import Recount
from evidence import Evidence, Stage
from records import Input, PointerRecord

Inputs = dict[tuple[str, str, int, int], list[Input]]


def recount_consumption(evidence: Evidence, stage: Stage, recount: Recount) -> None:
    inputs: Inputs = defaultdict(list)
    for receipt in evidence.receipts[stage.name]:
        recount.counts.batches += 1
        recount.counts.elements_in += receipt.elements_in
        recount.counts.elements_out += receipt.elements_out
        for item in receipt.inputs:
            source = item.source
            recount_outcomes(item, recount)
            inputs[source.kind, source.topic, source.partition, source.offset].append(item)

    for topic in stage.inputs:
        if stage.is_raw:
            recount_raw(evidence, topic, inputs, recount)
        else:
            recount_pointers(evidence.pointers[topic], inputs, recount)
    for place, strays in inputs.items():
        if place[0] == "file":
            recount_file(place[1], strays, recount)
        elif strays:
            covered = sum(item.end - item.begin for item in strays)
            recount.fault("phantom", max(covered, 1), f"receipts of {place}, which is not there")


def recount_outcomes(item: Input, recount: Recount) -> None:
    """Within one receipt, every index it covers has exactly one outcome."""
    outcomes = (item.output, item.dead, item.not_mapped)
    fated = frozenset().union(*outcomes)
    counts = recount.counts
    counts.output += len(item.output)
    counts.dead += len(item.dead)
    counts.not_mapped += len(item.not_mapped)
    counts.datapoints += len(fated)
    covered = frozenset(range(item.begin, item.end))
    if item.source.kind == "raw":
        owed: frozenset[int] = frozenset()  # Offsets have holes; the topic says which exist.
    elif item.selection is not None:
        owed = covered & item.selection
    else:
        owed = covered
    where = f"{item.source}, {item.begin}..{item.end}"
    recount.fault("both", sum(map(len, outcomes)) - len(fated), where)
    recount.fault("lost", len(owed - fated), f"no outcome in {where}")
    recount.fault("phantom", len(fated - covered), f"outcomes outside {where}")


def recount_pointers(given: list[PointerRecord], inputs: Inputs, recount: Recount) -> None:
    """Receipts must tile [0, n), or the selection, of every pointer."""
    last_touched: dict[int, int] = defaultdict(lambda: -1)
    for record in given:
        if inputs.get(("pointer", record.topic, record.partition, record.offset)):
            last_touched[record.partition] = max(last_touched[record.partition], record.offset)
    for record in given:
        where = ("pointer", record.topic, record.partition, record.offset)
        covering = inputs.pop(where, [])
        owed, end = owed_of(record, covering)
        # Its turn has not come while nothing behind it was touched.
        may_be_pending = record.offset >= last_touched[record.partition]
        recount_tiling(str(where), owed, end, covering, may_be_pending, recount)


def owed_of(record: PointerRecord, covering: list[Input]) -> tuple[set[int], int]:
    """The indexes that need a fate, and the one behind the last of the payload."""
    is_refused = any(not item.source.key for item in covering)
    if record.pointer is None or is_refused:
        return {0}, 1  # One datapoint, whatever it claims.
    told = (item.source.datapoints for item in covering)
    n = record.pointer.datapoints
    if n is None:
        n = next((count for count in told if count is not None), 0)
    selection = record.pointer.selection
    owed = set(range(n)) if selection is None else {i for i in selection if i < n}
    return owed, n


def recount_raw(evidence: Evidence, topic: str, inputs: Inputs, recount: Recount) -> None:
    """Receipts must cover every offset of a raw partition that holds a record."""
    for (name, partition), offsets in evidence.raw.items():
        if name == topic:
            covering = inputs.pop(("raw", topic, partition, 0), [])
            for item in covering:
                unfated = {o for o in offsets if item.begin <= o < item.end} - fates(item)
                recount.fault("lost", len(unfated), f"no outcome for {topic}/{partition}")
            where = f"{topic}/{partition}"
            recount_tiling(where, offsets, max(offsets) + 1, covering, True, recount)


def fates(item: Input) -> frozenset[int]:
    return item.output | item.dead | item.not_mapped


def recount_tiling(
    where: str,
    owed: set[int],
    end: int,
    covering: list[Input],
    may_be_pending: bool,
    recount: Recount,
) -> None:
    times = Counter(i for item in covering for i in range(item.begin, item.end) if i in owed)
    # Behind this index nothing was begun.
    reached = max((item.end for item in covering), default=0)
    uncovered = [i for i in sorted(owed) if not times[i]]
    missing = [i for i in uncovered if i < reached or not may_be_pending]
    recount.counts.pending += len(uncovered) - len(missing)
    recount.fault("lost", len(missing), f"{where} has no receipt for {missing[:3]}…")
    recount.fault("gaps", stretches(missing, sorted(owed)), where)
    twice = sorted(i for i, count in times.items() if count > 1)
    recount.fault("duplicated", sum(times[i] - 1 for i in twice), f"{where} at {twice[:3]}…")
    recount.fault("overlaps", stretches(twice, sorted(owed)), where)
    for item in covering:
        recount.fault("phantom", max(item.end - end, 0), f"{where} ends at {end}")
        strangers = (item.output | item.not_mapped) - owed
        recount.fault("phantom", len(strangers), f"{where} has fates for nobody")


def stretches(chosen: list[int], of: list[int]) -> int:
    """How many uninterrupted stretches of `of` the chosen ones make; both ascend."""
    position = {index: nth for nth, index in enumerate(of)}
    places = [position[index] for index in chosen]
    return len(places[:1]) + sum(b - a > 1 for a, b in pairwise(places))


def recount_file(name: str, covering: Iterable[Input], recount: Recount) -> None:
    """A file may be ingested again; only its receipts know how many records it has."""
    times = Counter(i for item in covering for i in range(item.begin, item.end))
    missing = [i for i in range(max(times, default=-1) + 1) if not times[i]]
    recount.fault("lost", len(missing), f"{name} has no receipt for {missing[:3]}…")
    recount.fault("gaps", stretches(missing, missing and list(range(missing[-1] + 1))), name)
    recount.counts.reingested += sum(times.values()) - len(times)
