"""Runs `python -m unittest …` and counts its tests."""

import re
import subprocess

from outcome import FAILED, PASSED, SKIPPED, Outcome


def run(command):
    """Returns the exit status and the outcome. The kind is the folder that the tests are in."""
    process = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False
    )
    kind = "tally" if any("tally" in argument for argument in command) else "checker"
    if process.returncode:
        print(process.stdout, flush=True)
    return process.returncode, count(kind, process.stdout)


def count(kind, output):
    """unittest closes with `Ran 3 tests in 0.1s` and `OK (skipped=1)` or `FAILED (failures=1)`."""
    outcome = Outcome()
    ran = re.search(r"^Ran (\d+) tests? in", output, re.MULTILINE)
    if not ran:
        outcome.count(kind, FAILED)
        return outcome
    last = output.strip().splitlines()[-1]

    def named(word):
        found = re.search(rf"{word}=(\d+)", last)
        return int(found[1]) if found else 0

    failed, skipped = named("failures") + named("errors"), named("skipped")
    outcome.count(kind, FAILED, failed)
    outcome.count(kind, SKIPPED, skipped)
    outcome.count(kind, PASSED, int(ran[1]) - failed - skipped)
    return outcome
