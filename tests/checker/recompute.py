"""The graph twice: from raw lines by the event table, and from what `merged` holds."""

from collections import Counter
from pathlib import Path
from typing import Any, Iterable, Iterator

from avro import Schemas, container
from event import Event, Malformed
from evidence import read_pointers
from graph import Graph
from lines import lines_of
from objects import Objects
from outputs import section
from sources import Log
from table import Dead, map_event


def from_lines(paths: Iterable[Path]) -> tuple[Graph, dict[str, Any]]:
    """The graph of raw archives, and the fates of their lines."""
    graph = Graph()
    fates: Counter[str] = Counter()
    for line in lines_of(paths):
        fates[fate_of(line, graph)] += 1
    summary = {"datapoints": fates.total()}
    summary |= {fate: fates[fate] for fate in ("mapped", "not_mapped", "dead")}
    return graph, summary | summary_of(graph)


def fate_of(line: bytes, graph: Graph) -> str:
    try:
        return "mapped" if map_event(Event(line), graph) else "not_mapped"
    except (Malformed, Dead):
        return "dead"


def from_merged(log: Log, objects: Objects, topic: str) -> tuple[Graph, dict[str, Any]]:
    """The union of every element that the payloads of a topic and of its replay lane hold."""
    graph = Graph()
    elements = 0
    for datapoint in datapoints_of(log, objects, (topic, twin(topic))):
        graph.add_datapoint(datapoint)
        elements += 1
    return graph, {"elements": elements} | summary_of(graph)


def twin(topic: str) -> str:
    """The replay lane of a topic."""
    return f"{topic}.replay"


def datapoints_of(
    log: Log, objects: Objects, topics: Iterable[str]
) -> Iterator[dict[str, Any]]:
    """Every datapoint in the payloads that the pointers of some topics name."""
    for record in (r for topic in topics for r in read_pointers(log, Schemas(), topic)):
        if record.pointer is None:
            continue
        place = record.pointer.place
        body = section(objects.get(place.bucket, place.key), record.pointer)
        yield from container(body, record.pointer.schema)


def summary_of(graph: Graph) -> dict[str, Any]:
    return {"nodes": graph.count("node"), "edges": graph.count("edge"), "hash": graph.hash()}


def differences(recomputed: Graph, merged: Graph) -> Iterable[str]:
    """Elements that only one of them has, as it has them."""
    left, right = set(recomputed.lines()), set(merged.lines())
    yield from (f"only recomputed: {line}" for line in sorted(left - right))
    yield from (f"only in the topic: {line}" for line in sorted(right - left))
