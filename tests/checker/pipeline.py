"""A tiny clean pipeline on disk, for the checker's own tests to plant faults in."""

import hashlib
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fastavro

from avro import SCHEMAS, Schemas, fingerprint

BUCKET = "payloads"
FILE = hashlib.sha256(b"a file").digest()

OCF = fastavro.parse_schema(
    {
        "type": "record",
        "name": "Record",
        "fields": [
            {"name": "partition", "type": "int"},
            {"name": "offset", "type": "long"},
            {"name": "timestamp_ms", "type": "long"},
            {"name": "key", "type": ["null", "bytes"]},
            {"name": "value", "type": "bytes"},
        ],
    }
)

Json = dict[str, Any]


@dataclass
class Pipeline:
    """Ten lines ingested in one payload; generate took them in two batches, one line is dead."""

    directory: Path
    topics: dict[str, list[Json]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lines = [
            {"origin": ("cordon.v1.File", {"sha256": FILE, "record": n}), "line": b"{}"}
            for n in range(10)
        ]
        logs = self.payload("logs", "ingest", "log_datapoint", lines)
        self.topics["logs"] = [logs]
        self.topics["receipts.ingest"] = [
            receipt("ingest", 1, [file_input(0, 10)], [output("logs", logs)])
        ]
        first = self.payload("subgraphs", "generate", "element", [node(0), node(1)])
        second = self.payload("subgraphs", "generate", "element", [node(1)])
        self.topics["subgraphs"] = [first, second]
        self.topics["receipts.generate"] = [
            receipt(
                "generate",
                2,
                [pointer_input(0, 6, output=[(0, 4)], not_mapped=[(4, 2)])],
                [output("subgraphs", first)],
            ),
            receipt(
                "generate",
                3,
                [pointer_input(6, 10, output=[(6, 3)], dead=[(9, 1)])],
                [output("subgraphs", second)],
            ),
        ]
        self.topics["dead.generate"] = [letter("generate", 3, 9)]

    def payload(self, topic: str, stage: str, family: str, datapoints: list[Json]) -> Json:
        """Stores an object and returns the pointer to it."""
        schema = json.loads((SCHEMAS / f"{family}.v1.avsc").read_text())
        section = io.BytesIO()
        fastavro.writer(section, fastavro.parse_schema(schema), datapoints, codec="zstandard")
        body = section.getvalue()
        key = f"{topic}/1-{hashlib.sha256(body).hexdigest()[:12]}"
        path = self.directory / "objects" / BUCKET / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"head" + body + b"tail")
        number = fingerprint(schema)
        return {
            "bucket": BUCKET,
            "key": key,
            "range_start_bytes": 4,
            "range_bytes": len(body),
            "digest": hashlib.sha256(body).digest(),
            "datapoints": len(datapoints),
            "decoded_bytes": 0,
            "schema": number - (1 << 64) if number >> 63 else number,
            "time_min_ms": None,
            "time_max_ms": None,
            "stage": stage,
            "stage_version": "1",
            "selection": None,
            "redrives": [],
        }

    def object(self, pointer: Json) -> Path:
        path: Path = self.directory / "objects" / pointer["bucket"] / pointer["key"]
        return path

    def write(self) -> Path:
        """Writes the topics; offsets count by two, as under transactions."""
        schemas = Schemas()
        log = self.directory / "log"
        log.mkdir(exist_ok=True)
        for topic, values in self.topics.items():
            family = {"receipts": "receipt", "dead": "letter"}.get(topic.split(".")[0], "pointer")
            records = [
                {
                    "partition": 0,
                    "offset": 2 * n,
                    "timestamp_ms": 0,
                    "key": None,
                    "value": value if isinstance(value, bytes) else schemas.encode(family, value),
                }
                for n, value in enumerate(values)
            ]
            with (log / f"{topic}.avro").open("wb") as file:
                fastavro.writer(file, OCF, records)
        return self.directory


def node(n: int) -> Json:
    properties = [
        {"name": "hostname", "values": [f"h{n}"], "time_ms": 0, "conflicts": [], "overflow": False}
    ]
    return {
        "home": bytes([n] * 16),
        "first_seen_ms": n,
        "last_seen_ms": n,
        "body": ("cordon.v1.Node", {"kind": "device", "key": bytes([n] * 16)}),
        "properties": properties,
    }


def runs(pairs: list[tuple[int, int]]) -> list[Json]:
    return [{"start": start, "len": length} for start, length in pairs]


Pairs = list[tuple[int, int]]


def pointer_input(
    begin: int, end: int, output: Pairs = [], dead: Pairs = [], not_mapped: Pairs = []
) -> Json:
    source = {
        "topic": "logs",
        "partition": 0,
        "offset": 0,
        "key": "logs/1-x",
        "digest": None,
        "datapoints": 10,
    }
    return {
        "source": ("cordon.v1.PointerSource", source),
        "from": begin,
        "to": end,
        "output": runs(output),
        "dead": runs(dead),
        "not_mapped": runs(not_mapped),
        "selection": None,
    }


def file_input(begin: int, end: int) -> Json:
    return {
        "source": ("cordon.v1.FileSource", {"sha256": FILE, "name": "a.json"}),
        "from": begin,
        "to": end,
        "output": runs([(begin, end - begin)]),
        "dead": [],
        "not_mapped": [],
        "selection": None,
    }


def output(topic: str, pointer: Json) -> Json:
    fields = ("bucket", "key", "range_start_bytes", "range_bytes", "digest", "datapoints")
    return {"topic": topic, "partition": 0} | {name: pointer[name] for name in fields}


def receipt(stage: str, batch: int, inputs: list[Json], outputs: list[Json]) -> Json:
    held = sum(output["datapoints"] for output in outputs)
    return {
        "batch": bytes([batch] * 16),
        "stage": stage,
        "stage_version": "1",
        "slot": f"{stage}-0",
        "lane": "Live",
        "time_ms": 0,
        "inputs": inputs,
        "outputs": outputs,
        "elements_in": held,
        "elements_out": held,
    }


def letter(stage: str, batch: int, index: int) -> Json:
    return {
        "id": f"{stage}/logs/0/0/{index}",
        "batch": bytes([batch] * 16),
        "stage": stage,
        "stage_version": "1",
        "time_ms": 0,
        "topic": "logs",
        "partition": 0,
        "offset": 0,
        "from": index,
        "to": index + 1,
        "bucket": BUCKET,
        "key": "logs/1-x",
        "reason": "rejected",
        "detail": "",
        "attempts": 1,
        "excerpt": b"",
    }
