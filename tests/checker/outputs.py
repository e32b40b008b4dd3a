"""Is each output pointer in exactly one receipt, do its bytes exist, and is each dead index told?"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
import hashlib

from avro import Undecodable, container
from counts import Recount
from evidence import Evidence, Stage
from objects import Objects
from records import Input, Letter, Output, Place, Pointer, Receipt


def recount_outputs(evidence: Evidence, stage: Stage, recount: Recount) -> None:
    """Pointers against receipts, both ways."""
    promised: dict[Place, Output] = {}
    for receipt in evidence.receipts[stage.name]:
        for output in receipt.outputs:
            recount.counts.pointers_out += 1
            if output.place in promised:
                recount.fault("duplicated", output.datapoints, f"{output.place} in two receipts")
            promised[output.place] = output
        held = sum(output.datapoints for output in receipt.outputs)
        recount.fault("phantom", max(held - receipt.elements_out, 0), "outputs hold more")
        recount.fault("lost", max(receipt.elements_out - held, 0), "outputs hold fewer")
    found = [
        (record, record.pointer)
        for record in evidence.pointers[stage.output]
        if record.pointer and record.pointer.stage == stage.name
    ]
    times = Counter(pointer.place for _, pointer in found)
    for place, output in promised.items():
        if not times[place]:
            recount.fault("lost", output.datapoints, f"no pointer to {place}")
        recount.fault(
            "duplicated", output.datapoints * max(times[place] - 1, 0), f"pointers to {place}"
        )
    for place in times:
        if place not in promised:
            recount.fault("phantom", times[place], f"no receipt has the pointer to {place}")
    for record, pointer in found:
        told = promised.get(pointer.place)
        if told and not agrees(told, record.partition, pointer):
            recount.fault("dangling", 1, f"pointer and receipt differ on {pointer.place}")


def agrees(output: Output, partition: int, pointer: Pointer) -> bool:
    """Whether a receipt tells of a pointer what the pointer says of itself."""
    told = (output.digest, output.datapoints, output.partition)
    return told == (pointer.digest, pointer.datapoints, partition)


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
    by_object: dict[tuple[str, str], list[Pointer]] = defaultdict(list)
    for record in evidence.pointers[stage.output]:
        if record.pointer and record.pointer.stage == stage.name:
            place = record.pointer.place
            by_object[place.bucket, place.key].append(record.pointer)
    for (bucket, key), pointers in by_object.items():
        body = objects.get(bucket, key)
        for pointer in pointers:
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
