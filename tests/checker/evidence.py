"""Everything the recount is made from, read once."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Callable, TypeVar

import records
from avro import Schemas, Undecodable
from records import Letter, PointerRecord, Receipt
from sources import Log


@dataclass(frozen=True)
class Stage:
    """What the checker knows of a stage; the pipeline as its design draws it."""

    name: str
    inputs: tuple[str, ...]
    # Of each lane.
    outputs: tuple[str, ...]
    is_raw: bool = False
    # Emits what its inputs hold again, and owes nobody a fate.
    is_replayer: bool = False


STAGES = (
    Stage("ingest", (), ("logs",)),
    Stage("pack", ("raw",), ("logs",), is_raw=True),
    Stage("generate", ("logs", "logs.replay", "replay.generate"), ("subgraphs", "subgraphs.replay")),
    Stage("match", ("logs", "logs.replay", "replay.match"), ("findings", "findings.replay")),
    Stage("merge", ("subgraphs", "subgraphs.replay", "replay.merge"), ("merged", "merged.replay")),
    Stage(
        "replay",
        ("logs", "subgraphs"),
        ("logs.replay", "subgraphs.replay", "replay.generate", "replay.match", "replay.merge"),
        is_replayer=True,
    ),
)


@dataclass
class Evidence:
    """Committed records, decoded."""

    pointers: dict[str, list[PointerRecord]] = field(default_factory=dict)
    raw: dict[tuple[str, int], set[int]] = field(default_factory=lambda: defaultdict(set))
    receipts: dict[str, list[Receipt]] = field(default_factory=dict)
    letters: dict[str, list[Letter]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


T = TypeVar("T")


def gather(log: Log, schemas: Schemas, stages: tuple[Stage, ...] = STAGES) -> Evidence:
    """Reads every topic of these stages."""
    evidence = Evidence()
    for stage in stages:
        for topic in stage.inputs if stage.is_raw else ():
            for record in log.records(topic):
                evidence.raw[topic, record.partition].add(record.offset)
        pointer_topics = (*(() if stage.is_raw else stage.inputs), *stage.outputs)
        for topic in pointer_topics:
            if topic not in evidence.pointers:
                evidence.pointers[topic] = read_pointers(log, schemas, topic)
        evidence.receipts[stage.name] = read_all(
            log, schemas, f"receipts.{stage.name}", "receipt", records.receipt, evidence
        )
        if stage.is_replayer:
            evidence.letters[stage.name] = []  # What it emits dies elsewhere.
            continue
        evidence.letters[stage.name] = read_all(
            log, schemas, f"dead.{stage.name}", "letter", records.letter, evidence
        )
    return evidence


def read_pointers(log: Log, schemas: Schemas, topic: str) -> list[PointerRecord]:
    """A record that is no pointer is a datapoint all the same: its stage owes it a letter."""
    found = []
    for record in log.records(topic):
        try:
            pointer = records.pointer(schemas.decode("pointer", record.value))
        except Undecodable:
            pointer = None
        found.append(PointerRecord(topic, record.partition, record.offset, pointer))
    return found


def read_all(
    log: Log,
    schemas: Schemas,
    topic: str,
    family: str,
    build: Callable[[dict[str, object]], T],
    evidence: Evidence,
) -> list[T]:
    """Records that only cordon's own stages write: one that does not decode is a fault."""
    found = []
    for record in log.records(topic):
        try:
            found.append(build(schemas.decode(family, record.value)))
        except Undecodable as error:
            at = f"{topic}/{record.partition}@{record.offset}"
            evidence.faults.append(f"{at}: {error}")
    return found
