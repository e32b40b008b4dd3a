"""The independent checker: `check.py audit|findings …`, `check.py graph|rules|mark … PATHS`. See
README.md."""

import argparse
import json
import sys
from itertools import islice
from pathlib import Path
from typing import Any, Iterable

from audit import audit
from avro import Undecodable
from findings import from_topic
from objects import DirectoryObjects, Objects, S3Objects
from recompute import differences, from_lines, from_merged
from sources import DirectoryLog, KafkaLog, Log, Unavailable
import versions

# One cause often makes thousands of faults.
FAULTS_SHOWN_MAX = 20


def main() -> int:
    arguments = parser().parse_args()
    try:
        verdict, is_good = MODES[arguments.mode](arguments)
    except (Unavailable, Undecodable, OSError) as error:
        print(f"check.py: cannot check: {error}", file=sys.stderr)
        return 2
    print(json.dumps(verdict))
    return 0 if is_good else 1


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="check.py", description=__doc__)
    modes = top.add_subparsers(dest="mode", required=True)
    audit_mode = modes.add_parser("audit", help="recount receipts, letters and payloads")
    graph_mode = modes.add_parser("graph", help="recompute the graph and compare it")
    graph_mode.add_argument("paths", nargs="*", type=Path, help="raw archives of JSON lines")
    graph_mode.add_argument("--topic", default="merged", help="the topic to compare with")
    findings_mode = modes.add_parser("findings", help="recompute ids and hash what they say")
    rules_mode = modes.add_parser("rules", help="how findings of two simple sets of rules differ")
    rules_mode.add_argument("--old", type=json.loads, required=True, help="rules as JSON")
    rules_mode.add_argument("--new", type=json.loads, required=True)
    rules_mode.add_argument("paths", nargs="+", type=Path, help="raw archives of JSON lines")
    mark_mode = modes.add_parser("mark", help="how the graph differs without lines with a mark")
    mark_mode.add_argument("--mark", type=str.encode, required=True)
    mark_mode.add_argument("paths", nargs="+", type=Path, help="raw archives of JSON lines")
    for mode in (audit_mode, graph_mode, findings_mode):
        mode.add_argument("--from", dest="directory", type=Path, help="a demo's output")
        mode.add_argument("--bootstrap", help="Kafka as HOST:PORT")
        mode.add_argument("--user", help="the reader; none for a broker without SASL")
        mode.add_argument("--password-file", type=Path)
        mode.add_argument("--s3-endpoint")
        mode.add_argument("--s3-region", default="us-east-1")
        mode.add_argument("--s3-credentials-file", type=Path)
    return top


def open_pipeline(arguments: argparse.Namespace) -> tuple[Log, Objects] | None:
    """Where to read from; None when nothing is named."""
    if arguments.directory:
        return DirectoryLog(arguments.directory), DirectoryObjects(arguments.directory)
    if not arguments.bootstrap:
        return None
    if not (arguments.s3_endpoint and arguments.s3_credentials_file):
        raise Unavailable("--bootstrap needs --s3-endpoint and --s3-credentials-file")
    password = arguments.password_file.read_text().strip() if arguments.password_file else None
    log = KafkaLog(arguments.bootstrap, arguments.user, password)
    objects = S3Objects(
        arguments.s3_endpoint, arguments.s3_region, arguments.s3_credentials_file
    )
    return log, objects


def open_some_pipeline(arguments: argparse.Namespace) -> tuple[Log, Objects]:
    pipeline = open_pipeline(arguments)
    if pipeline is None:
        raise Unavailable("name a demo's output (--from) or a cluster (--bootstrap)")
    return pipeline


def run_audit(arguments: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    verdict, faults = audit(*open_some_pipeline(arguments))
    show(faults)
    return verdict, verdict["clean"] and not verdict["moving"]


def run_findings(arguments: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    verdict = from_topic(*open_some_pipeline(arguments))
    return verdict, verdict["wrong_ids"] == 0


def run_rules(arguments: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    return versions.of_rules(arguments.paths, arguments.old, arguments.new), True


def run_mark(arguments: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    return versions.of_mark(arguments.paths, arguments.mark), True


def run_graph(arguments: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    pipeline = open_pipeline(arguments)
    verdict: dict[str, Any] = {}
    graphs = []
    if arguments.paths:
        graph, verdict["recomputed"] = from_lines(arguments.paths)
        graphs.append(graph)
    if pipeline:
        graph, verdict[arguments.topic] = from_merged(*pipeline, arguments.topic)
        graphs.append(graph)
    if not graphs:
        raise Unavailable("name archives, a demo's output (--from) or a cluster (--bootstrap)")
    if len(graphs) == 2:
        show(differences(*graphs))
        verdict["equal"] = graphs[0].hash() == graphs[1].hash()
    return verdict, verdict.get("equal", True)


def show(faults: Iterable[str]) -> None:
    for fault in islice(faults, FAULTS_SHOWN_MAX):
        print(fault, file=sys.stderr)


MODES = {
    "audit": run_audit,
    "graph": run_graph,
    "findings": run_findings,
    "rules": run_rules,
    "mark": run_mark,
}

if __name__ == "__main__":
    sys.exit(main())
