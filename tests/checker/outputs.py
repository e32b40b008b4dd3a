"""Is each output pointer in exactly one receipt, do its bytes exist, and is each dead index told?"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
import hashlib
from typing import Iterable

from avro import Undecodable, container
from counts import Recount
from evidence import Evidence, Stage
from objects import Objects
from records import Input, Letter, Output, Place, Pointer, PointerRecord, Receipt


# A pointer of a topic, with the digest of what it names.
Spot = tuple[str, Place, bytes]

# What a receipt says of a pointer without a digest: the lister's, driven again.
NO_DIGEST = bytes(32)


class Found:
    """Pointers in all outputs, as far as no receipt was found for them."""

    def __init__(self, evidence: Evidence, stages: Iterable[Stage]) -> None:
        self.records: dict[Spot, list[PointerRecord]] = defaultdict(list)
        for topic in {topic for stage in stages for topic in stage.outputs}:
            for record in evidence.pointers[topic]:
                if record.pointer:
                    digest = record.pointer.digest or NO_DIGEST
                    self.records[topic, record.pointer.place, digest].append(record)
        self.times = Counter({spot: len(records) for spot, records in self.records.items()})
        self.promised: set[Spot] = set()

    def recount_rest(self, stage: Stage, recount: Recount) -> None:
        """Pointers to what a stage wrote that are in nobody's receipt."""
        for spot, times in self.times.items():
            pointer = self.records[spot][0].pointer
            if times and pointer and pointer.stage == stage.name:
                if spot in self.promised:
                    recount.fault("duplicated", (pointer.datapoints or 1) * times, f"{spot}")
                else:
                    recount.fault("phantom", times, f"no receipt has the pointer {spot}")


def recount_outputs(evidence: Evidence, stage: Stage, found: Found, recount: Recount) -> None:
    """Receipts against pointers. What is emitted again has a receipt for each time."""
    promised: dict[Spot, list[Output]] = defaultdict(list)
    for receipt in evidence.receipts[stage.name]:
        for output in receipt.outputs:
            recount.counts.pointers_out += 1
            told = promised[output.topic, output.place, output.digest]
            if told and not stage.is_replayer:
                recount.fault("duplicated", output.datapoints, f"{output.place} in two receipts")
            else:
                told.append(output)
        held = sum(output.datapoints for output in receipt.outputs)
        recount.fault("phantom", max(held - receipt.elements_out, 0), "outputs hold more")
        recount.fault("lost", max(receipt.elements_out - held, 0), "outputs hold fewer")
    for spot, outputs in promised.items():
        there = min(len(outputs), found.times[spot])
        if there:
            found.times[spot] -= there
        found.promised.add(spot)
        missing = len(outputs) - there
        recount.fault("lost", outputs[0].datapoints * missing, f"no pointer {spot}")
        for output in outputs[:there]:
            pointers = [(r.partition, r.pointer) for r in found.records[spot] if r.pointer]
            if not any(agrees(output, partition, pointer) for partition, pointer in pointers):
                recount.fault("dangling", 1, f"pointer and receipt differ on {spot}")


def agrees(output: Output, partition: int, pointer: Pointer) -> bool:
    """Whether a receipt tells of a pointer what the pointer says of itself."""
    told = (output.digest, output.datapoints, output.partition)
    return told == (pointer.digest or NO_DIGEST, pointer.datapoints or 0, partition)


def recount_letters(evidence: Evidence, stage: Stage, recount: Recount) -> None:
    """Each dead index of a receipt is in exactly one letter of its batch, and the other way."""
    told: dict[tuple[bytes, str, int, int], list[Letter]] = defaultdict(list)
    for letter in evidence.letters[stage.name]:
        offset = 0 if stage.is_raw else letter.offset
        told[letter.batch, letter.topic, letter.partition, offset].append(letter)
    for receipt in evidence.receipts[stage.name]:
        for item in receipt.inputs:
            source = item.source
            place = (receipt.batch, source.topic, source.partition, source.offset)
            match_letters(item, told.pop(place, []), receipt, recount)
    for place, strays in told.items():
        recount.fault("phantom", len(strays), f"no receipt has the letters of {place[1:]}")


def match_letters(item: Input, letters: list[Letter], receipt: Receipt, recount: Recount) -> None:
    times = Counter(i for letter in letters for i in range(letter.begin, letter.end))
    where = f"letters of batch {receipt.batch.hex()}"
    recount.fault("lost", len(item.dead - times.keys()), where)
    recount.fault("phantom", len(times.keys() - item.dead), where)
    recount.fault("duplicated", sum(times.values()) - len(times), where)


@dataclass
class Content:
    """What all payloads together hold, as far as origins and ids tell."""

    origins: set[object] = field(default_factory=set)
    findings: set[bytes] = field(default_factory=set)


def recount_content(
    evidence: Evidence, stage: Stage, objects: Objects, content: Content, recount: Recount
) -> None:
    """Fetches every payload that the stage wrote, verifies it and counts its datapoints."""
    by_object: dict[tuple[str, str], dict[Place, Pointer]] = defaultdict(dict)
    for record in (record for topic in stage.outputs for record in evidence.pointers[topic]):
        if record.pointer and record.pointer.stage == stage.name:
            place = record.pointer.place
            by_object[place.bucket, place.key][place] = record.pointer
    for (bucket, key), pointers in by_object.items():
        body = objects.get(bucket, key)
        for pointer in pointers.values():
            try:
                read_section(body, pointer, content)
            except Undecodable as error:
                recount.fault("dangling", 1, f"{pointer.place}: {error}")


def section(body: bytes | None, pointer: Pointer) -> bytes:
    """The bytes that a pointer names, verified."""
    if body is None:
        raise Undecodable("no such object")
    place = pointer.place
    found = body[place.start : place.start + place.length]
    if len(found) != place.length:
        raise Undecodable("the object is shorter than the range")
    if hashlib.sha256(found).digest() != pointer.digest:
        raise Undecodable("the bytes have another digest")
    return found


def read_section(body: bytes | None, pointer: Pointer, content: Content) -> None:
    count = 0
    for datapoint in container(section(body, pointer), pointer.schema):
        count += 1
        if "line" in datapoint:
            content.origins.add(tuple(sorted(datapoint["origin"][1].items())))
        elif "rule_id" in datapoint:
            content.findings.add(datapoint["id"])
    if count != pointer.datapoints:
        raise Undecodable(f"{count} datapoints, not {pointer.datapoints}")
