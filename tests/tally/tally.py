"""Runs tests and says how many of each kind ran.

    python3 tests/tally/tally.py run TARGET COMMAND...    run `cargo test …` or `python -m unittest …`
    python3 tests/tally/tally.py not-run WORDS            note what cannot run here
    python3 tests/tally/tally.py sum KIND...              add up what TALLY_FILE holds; each KIND must be in it

A run prints one line for each test program, the whole output of those that failed, and every line
of figures. Its counts go to the file that TALLY_FILE names, one line of JSON a run.
"""

import json
import os
import sys
import time

import cargo_test
import python_test
from outcome import Outcome


def run(target, command):
    """Runs one command; the exit status is the command's, or 1 when its counts do not add up."""
    began = time.monotonic()
    runner = cargo_test if "cargo" in os.path.basename(command[0]) else python_test
    status, outcome = runner.run(command)
    seconds = round(time.monotonic() - began)
    print(f"{target}: {outcome.words()} in {seconds} s", flush=True)
    note(outcome)
    return status or (1 if outcome.failed() else 0)


def not_run(words):
    """Says what cannot run on this machine, now and in the sum."""
    outcome = Outcome()
    outcome.not_run.append(f"not run: {words}")
    print(outcome.not_run[0], flush=True)
    note(outcome)
    return 0


def note(outcome):
    """Keeps an outcome for the sum, where there is to be one."""
    if ledger := os.environ.get("TALLY_FILE"):
        with open(ledger, "a", encoding="utf-8") as file:
            print(json.dumps(outcome.as_dict()), file=file)


def total(needed):
    """Prints the sum of all runs. A kind of test that no longer runs is a fault, not a saving."""
    outcome = Outcome()
    with open(os.environ["TALLY_FILE"], encoding="utf-8") as file:
        for line in file:
            outcome.add(Outcome.from_dict(json.loads(line)))
    print(f"ran: {outcome.words()}")
    for words in outcome.not_run:
        print(words)
    missing = [kind for kind in needed if not outcome.passed(kind)]
    for kind in missing:
        print(f"no test of the kind {kind} ran")
    passed, failed, skipped = outcome.sums()
    print(f"total: {passed} passed, {failed} failed, {skipped} skipped")
    print(f"figures: {json.dumps(outcome.figures(), separators=(',', ':'))}")
    return 1 if failed or missing else 0


def main(arguments):
    match arguments:
        case ["run", target, *command] if command:
            return run(target, command)
        case ["not-run", words]:
            return not_run(words)
        case ["sum", *needed]:
            return total(needed)
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
