"""Checks Terraform's modules without Terraform, AWS or a network. See README.md.

The files are HCL; checkov finds nothing, and what it is told to skip is explained there; every name
is in the providers' published schemas; what is attached to roles and to the bucket is what
`cordon topology show --iam` prints. Ends with one line of figures.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from names import Names
from policies import Attached
from schema import Schema
from source import Unreadable, read
from suppressions import Findings, suppressions, unexplained

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    arguments = parser().parse_args()
    root: Path = arguments.root.resolve()
    try:
        modules = read(root)
    except Unreadable as error:
        print(f"check.py: {error}", file=sys.stderr)
        return 1
    names = Names(modules, Schema.load(*arguments.schema))
    attached = Attached(modules, arguments.topology, root / "policies.json")
    findings = Findings(arguments.checkov, root)
    faults = [
        *names.faults(),
        *attached.faults(shown(arguments.topology)),
        *unexplained(root),
        *findings.faults(),
    ]
    for fault in faults:
        print(f"check.py: {fault}", file=sys.stderr)
    figures = {
        "modules": len(modules),
        "names": names.checked,
        "documents": attached.compared,
        "checkov_passed": findings.passed,
        "suppressions": len(suppressions(root)),
        "faults": len(faults),
    }
    print(f"figures: {json.dumps(figures)}")
    return 1 if faults else 0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="check.py", description=__doc__)
    top.add_argument("--root", type=Path, default=ROOT / "terraform")
    top.add_argument("--topology", type=Path, default=ROOT / "kafka/topology.yaml")
    top.add_argument("--checkov", type=Path, default=ROOT / ".cache/terraform/venv/bin/checkov")
    schemas = [ROOT / ".cache/terraform" / f"{name}.json" for name in ("aws", "random")]
    top.add_argument("--schema", type=Path, nargs="+", default=schemas, help="schema.py's output")
    return top


def shown(topology: Path) -> Any:
    """What cordon prints: this machine's configuration is not asked."""
    binary = os.environ.get("CORDON_BIN", ROOT / "target/debug/cordon")
    command = [str(binary), "topology", "show", "--iam"]
    environment = {"CORDON_TOPOLOGY": str(topology)}
    printed = subprocess.run(command, env=environment, check=True, capture_output=True, cwd="/")
    return json.loads(printed.stdout)


if __name__ == "__main__":
    sys.exit(main())
