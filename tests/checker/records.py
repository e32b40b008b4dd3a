"""Pointers, receipts and letters as the checker needs them."""

from dataclasses import dataclass
from typing import Any

MASK64 = (1 << 64) - 1


@dataclass(frozen=True)
class Place:
    """Which bytes a pointer or an output names."""

    bucket: str
    key: str
    start: int
    length: int


@dataclass(frozen=True)
class Pointer:
    place: Place
    digest: bytes | None
    datapoints: int | None
    schema: int
    stage: str
    selection: frozenset[int] | None


@dataclass(frozen=True)
class PointerRecord:
    """A record of a pointer topic; `pointer` is None where it is not one at all."""

    topic: str
    partition: int
    offset: int
    pointer: Pointer | None


@dataclass(frozen=True)
class Source:
    """What an input counts in: a pointer record, a raw partition, or a file."""

    kind: str
    topic: str
    partition: int
    offset: int
    key: str = ""
    datapoints: int | None = None


@dataclass(frozen=True)
class Input:
    source: Source
    begin: int
    end: int
    output: frozenset[int]
    dead: frozenset[int]
    not_mapped: frozenset[int]
    selection: frozenset[int] | None
    # Letters that are driven again; nobody did before there was the second version.
    redrives: tuple[str, ...] = ()


@dataclass(frozen=True)
class Output:
    topic: str
    partition: int
    place: Place
    digest: bytes
    datapoints: int


@dataclass(frozen=True)
class Receipt:
    batch: bytes
    stage: str
    slot: str
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    elements_in: int
    elements_out: int


@dataclass(frozen=True)
class Letter:
    batch: bytes
    stage: str
    topic: str
    partition: int
    offset: int
    begin: int
    end: int
    reason: str


def indexes(runs: list[dict[str, int]]) -> frozenset[int]:
    """Every index of a run-length list."""
    return frozenset(i for run in runs for i in range(run["start"], run["start"] + run["len"]))


def place_of(record: dict[str, Any]) -> Place:
    return Place(
        record["bucket"], record["key"], record["range_start_bytes"], record["range_bytes"]
    )


def pointer(record: dict[str, Any]) -> Pointer:
    chosen = record["selection"]
    return Pointer(
        place=place_of(record),
        digest=record["digest"],
        datapoints=record["datapoints"],
        schema=record["schema"] & MASK64,
        stage=record["stage"],
        selection=None if chosen is None else indexes(chosen),
    )


def source(tagged: tuple[str, dict[str, Any]]) -> Source:
    name, record = tagged
    match name.rpartition(".")[2]:
        case "PointerSource":
            return Source(
                "pointer",
                record["topic"],
                record["partition"],
                record["offset"],
                record["key"],
                record["datapoints"],
            )
        case "RawSource":
            return Source("raw", record["topic"], record["partition"], 0)
        case "FileSource":
            return Source("file", "file:" + record["sha256"].hex(), 0, 0)
        case other:
            raise ValueError(f"unknown source {other}")


def receipt(record: dict[str, Any]) -> Receipt:
    inputs = tuple(
        Input(
            source=source(item["source"]),
            begin=item["from"],
            end=item["to"],
            output=indexes(item["output"]),
            dead=indexes(item["dead"]),
            not_mapped=indexes(item["not_mapped"]),
            selection=None if item["selection"] is None else indexes(item["selection"]),
            redrives=tuple(item.get("redrives", ())),
        )
        for item in record["inputs"]
    )
    outputs = tuple(
        Output(
            item["topic"], item["partition"], place_of(item), item["digest"], item["datapoints"]
        )
        for item in record["outputs"]
    )
    return Receipt(
        record["batch"],
        record["stage"],
        record["slot"],
        inputs,
        outputs,
        record["elements_in"],
        record["elements_out"],
    )


def letter(record: dict[str, Any]) -> Letter:
    return Letter(
        record["batch"],
        record["stage"],
        record["topic"],
        record["partition"],
        record["offset"],
        record["from"],
        record["to"],
        record["reason"],
    )
