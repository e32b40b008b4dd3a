"""The recount of a pipeline: accounting from receipts and letters, and every payload's bytes."""

import dataclasses
from collections import defaultdict
from typing import Any

from avro import Schemas
from consumption import recount_consumption
from counts import FAULTS, Counts, Recount
from evidence import STAGES, Evidence, gather
from objects import Objects
from outputs import Content, Found, recount_content, recount_letters, recount_outputs
from replays import recount_replays
from sources import Log


# How often a pipeline that moves is read before the verdict says so.
READS_MAX = 5


def audit(log: Log, objects: Objects) -> tuple[dict[str, Any], list[str]]:
    """The verdict, and the faults in words."""
    evidence, moving = gather_at_rest(log)
    total, content = Counts(), Content()
    faults, stages = list(evidence.faults), {}
    total.phantom += len(evidence.faults)
    found = Found(evidence, STAGES)
    recounts = []
    for stage in STAGES:
        recount = Recount(stage.name)
        (recount_replays if stage.is_replayer else recount_consumption)(evidence, stage, recount)
        recount_outputs(evidence, stage, found, recount)
        recount_letters(evidence, stage, recount)
        recount_content(evidence, stage, objects, content, recount)
        recounts.append(recount)
    for stage, recount in zip(STAGES, recounts):
        found.recount_rest(stage, recount)
        total.add(recount.counts)
        faults += recount.faults
        stages[stage.name] = dataclasses.asdict(recount.counts)
    verdict: dict[str, Any] = {name: getattr(total, name) for name in FAULTS}
    verdict |= {
        "datapoints": total.datapoints,
        "pointers_out": total.pointers_out,
        "pending": total.pending,
        "reingested": total.reingested,
        "origins": len(content.origins),
        "findings": len(content.findings),
        "payload_datapoints": payload_datapoints(evidence),
        "moving": moving,
        "clean": total.is_clean(),
        "stages": stages,
    }
    return verdict, faults


def payload_datapoints(evidence: Evidence) -> dict[str, dict[str, int]]:
    """How many datapoints a payload holds, by the stage that wrote it."""
    counts: dict[str, list[int]] = defaultdict(list)
    for record in (record for topic in evidence.pointers.values() for record in topic):
        if record.pointer and record.pointer.datapoints is not None:
            counts[record.pointer.stage].append(record.pointer.datapoints)
    return {
        stage: {
            "payloads": len(found),
            "median": sorted(found)[len(found) // 2],
            "max": max(found),
        }
        for stage, found in counts.items()
    }


def gather_at_rest(log: Log) -> tuple[Evidence, bool]:
    """Evidence that belongs together; or whether the pipeline moved whenever it was read.

    Topics are read one after another, so a pipeline at work is seen half before and half after
    some transaction. Each transaction writes a receipt: when none came meanwhile, none did.
    """
    schemas = Schemas()
    receipts = count_receipts(log)
    for _ in range(READS_MAX):
        evidence = gather(log, schemas)
        before, receipts = receipts, count_receipts(log)
        if receipts == before:
            return evidence, False
    return evidence, True


def count_receipts(log: Log) -> list[int]:
    return [sum(1 for _ in log.records(f"receipts.{stage.name}")) for stage in STAGES]
