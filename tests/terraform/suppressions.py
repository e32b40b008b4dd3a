"""checkov, and whether what it is told not to say is explained where it stands.

checkov reads a copy without the suppressions, because it counts one as used whether its check fails
or not. A finding is suppressed as checkov does it: by a comment in the lines of its block.
"""

import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

_SKIP = re.compile(r"checkov:skip=(\w+)(?::\s*(.*))?")
# A number of a ticket, or "false positive", is no explanation.
_WORDS_MIN = 4


@dataclass(frozen=True)
class Suppression:
    """A comment by which checkov is told not to say something."""

    path: Path
    line: int
    check: str
    reason: str

    def covers(self, finding: dict[str, Any]) -> bool:
        """Whether it stands in the block that this is found in."""
        first, last = finding["file_line_range"]
        is_there = (
            Path(finding["file_path"].lstrip("/")) == self.path and first <= self.line <= last
        )
        return is_there and finding["check_id"] == self.check


def suppressions(root: Path) -> list[Suppression]:
    """All of them below a folder; paths are relative to it."""
    found: list[Suppression] = []
    for path in sorted(root.rglob("*.tf")):
        for line, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            for check, reason in _SKIP.findall(text):
                found.append(Suppression(path.relative_to(root), line, check, reason))
    return found


def unexplained(root: Path) -> Iterator[str]:
    """Suppressions without a reason, and those that are not in the code."""
    for each in suppressions(root):
        if len(each.reason.split()) < _WORDS_MIN:
            yield f"{each.path}:{each.line}: {each.check} is skipped, and nobody says why"
    for path in root.rglob(".checkov*"):
        yield f"{path.relative_to(root)}: what is skipped is said in the code, where it is"


class Findings:
    """What checkov finds below a folder."""

    def __init__(self, checkov: Path, root: Path) -> None:
        self._suppressions = suppressions(root)
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "terraform"
            shutil.copytree(root, copy)
            for path in copy.rglob("*.tf"):
                path.write_text(_SKIP.sub("", path.read_text(encoding="utf-8")), encoding="utf-8")
            report = _run(checkov, copy)
        self._failed: list[dict[str, Any]] = report["results"]["failed_checks"]
        self._unreadable: list[str] = report["results"]["parsing_errors"]
        self.passed = int(report["summary"]["passed"])

    def faults(self) -> Iterator[str]:
        """What it finds and is not suppressed, and suppressions of nothing."""
        for found in self._failed:
            if not any(each.covers(found) for each in self._suppressions):
                yield f"checkov: {found['resource']}: {found['check_id']} {found['check_name']}"
        for each in self._suppressions:
            if not any(each.covers(found) for found in self._failed):
                yield f"{each.path}:{each.line}: {each.check} is skipped, and would not be found"
        for path in self._unreadable:
            yield f"checkov cannot read {path}"
        if not self.passed:
            yield "checkov checked nothing"


def _run(checkov: Path, root: Path) -> dict[str, Any]:
    command = [str(checkov), "--directory", str(root), "--framework", "terraform"]
    # Only what lies there is asked, and no configuration of this machine's.
    command += ["--skip-download", "--output", "json", "--soft-fail"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    if ran.returncode:
        raise ChildProcessError(f"checkov ended with {ran.returncode}: {ran.stderr[-2000:]}")
    report: dict[str, Any] = json.loads(ran.stdout)
    return report
