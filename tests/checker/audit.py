"""The recount of a pipeline: accounting from receipts and letters, and every payload's bytes."""

import dataclasses
from typing import Any

from avro import Schemas
from consumption import recount_consumption
from counts import FAULTS, Counts, Recount
from evidence import STAGES, gather
from objects import Objects
from outputs import Content, recount_content, recount_letters, recount_outputs
from sources import Log


def audit(log: Log, objects: Objects) -> tuple[dict[str, Any], list[str]]:
    """The verdict, and the faults in words."""
    evidence = gather(log, Schemas())
    total, content = Counts(), Content()
    faults, stages = list(evidence.faults), {}
    total.phantom += len(evidence.faults)
    for stage in STAGES:
        recount = Recount(stage.name)
        recount_consumption(evidence, stage, recount)
        recount_outputs(evidence, stage, recount)
        recount_letters(evidence, stage, recount)
        recount_content(evidence, stage, objects, content, recount)
        total.add(recount.counts)
        faults += recount.faults
        stages[stage.name] = dataclasses.asdict(recount.counts)
    verdict: dict[str, Any] = {name: getattr(total, name) for name in FAULTS}
    verdict |= {
        "datapoints": total.datapoints,
        "pointers": total.pointers,
        "pending": total.pending,
        "reingested": total.reingested,
        "origins": len(content.origins),
        "findings": len(content.findings),
        "clean": total.is_clean(),
        "stages": stages,
    }
    return verdict, faults
