"""Runs `cargo test …` and counts its tests by kind."""

import json
import os
import re
import subprocess

import kinds
from outcome import FAILED, PASSED, SKIPPED, Outcome

# Lines of a test's own output that everybody should see, whether it passes or not.
WORTH_SHOWING = ("figures: ", "not run: ")

FATES = {"ok": PASSED, "FAILED": FAILED, "ignored": SKIPPED, "not run": SKIPPED}


class Program:
    """One test program: what cargo calls it, and what it printed."""

    def __init__(self, title, package, target, is_integration, law_names):
        self.title = title
        self.package = package
        self.target = target
        self.is_integration = is_integration
        self.law_names = law_names
        self.lines = []
        self.fates = []
        self.promised = None
        self.took = ""
        # Between the results and the next program stands what tests printed: no results there.
        self.is_listing = True

    def read(self, line):
        """One line of its output."""
        self.lines.append(line)
        if line in ("successes:", "failures:"):
            self.is_listing = False
        elif result := re.match(r"test result: (.*)", line):
            numbers = re.findall(r"(\d+) (passed|failed|ignored)", result[1])
            self.promised = (self.promised or 0) + sum(int(number) for number, _ in numbers)
            took = re.search(r"finished in (\S+)", result[1])
            self.took = f" in {took[1]}" if took else ""
            self.is_listing = True
        elif self.is_listing and (test := re.match(r"test (.+?) \.\.\. (\w+( run)?)\b", line)):
            if fate := FATES.get(test[2]):
                self.fates.append((test[1].removesuffix(" - should panic"), fate))

    def outcome(self):
        """Its counts. A program that died, or whose lines do not add up, is one failure more."""
        outcome = Outcome()
        for test, fate in self.fates:
            kind = kinds.kind_of(
                self.package, self.target, self.is_integration, test, self.law_names
            )
            outcome.count(kind, fate)
        if self.promised != len(self.fates):
            promised = "no count" if self.promised is None else f"a count of {self.promised}"
            self.lines.append(f"tally: {promised} and {len(self.fates)} lines of tests")
            outcome.count("scenarios" if self.is_integration else "unit", FAILED)
        for line in self.lines:
            if cases := re.match(r"([a-z ]+): (\d+) cases on ", line):
                outcome.cases[cases[1]] += int(cases[2])
            if line.startswith("not run: "):
                outcome.not_run.append(line)
        return outcome

    def report(self, outcome):
        """What a person sees of it; nothing of a program without tests."""
        passed, failed, skipped = outcome.sums()
        if not any((passed, failed, skipped)):
            return
        words = "FAILED" if failed else "ok"
        skipped = f", {skipped} skipped" if skipped else ""
        print(f"{words:>8} {self.title}: {passed} passed{skipped}{self.took}", flush=True)
        for line in self.lines:
            if failed or line.startswith(WORTH_SHOWING):
                print(line, flush=True)


def run(command):
    """Builds, runs, and counts. Returns cargo's exit status and the outcome."""
    own, of_tests = partition(command)
    programs, status = build(own)
    if status:
        return status, Outcome()
    # What passing tests print is shown by their program too, so that figures are seen.
    shown = [*own, "--no-fail-fast", "--", "--show-output", *of_tests]
    environment = os.environ | {"CARGO_TERM_COLOR": "never"}
    process = subprocess.Popen(
        shown, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
        encoding="utf-8", errors="replace",
    )
    total, current = Outcome(), None

    def close():
        if current is not None:
            outcome = current.outcome()
            current.report(outcome)
            total.add(outcome)

    for line in process.stdout:
        line = line.rstrip("\n")
        if begun := begin(line, programs):
            close()
            current = begun
        elif current is not None:
            current.read(line)
        else:
            print(line, flush=True)
    close()
    return process.wait(), total


def partition(command):
    """`cargo test …`, and what stands behind `--` for the test programs."""
    if "--" not in command:
        return command, []
    at = command.index("--")
    return command[:at], command[at + 1 :]


def build(command):
    """Builds the test programs. Returns them by file name, and cargo's exit status."""
    arguments = [*command, "--no-run", "--message-format", "json-render-diagnostics"]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, encoding="utf-8")
    programs, laws = {}, {}
    for line in process.stdout:
        message = json.loads(line)
        if message["reason"] != "compiler-artifact" or not message["profile"]["test"]:
            continue
        if not message["executable"]:
            continue
        directory = os.path.dirname(message["manifest_path"])
        if directory not in laws:
            laws[directory] = kinds.law_names_in(directory)
        target = message["target"]
        programs[os.path.basename(message["executable"])] = (
            package_name(message["package_id"]),
            target["name"],
            "test" in target["kind"],
            laws[directory],
        )
    return programs, process.wait()


def package_name(package_id):
    """`path+file:///…/kafka#cordon-kafka@0.1.0`, or `…/cordon#0.1.0` where the folder has its name."""
    path, _, fragment = package_id.rpartition("#")
    return fragment.split("@")[0] if "@" in fragment else path.rsplit("/", 1)[-1]


def begin(line, programs):
    """The program that this line of cargo's announces."""
    if running := re.match(r"\s+Running (?:unittests )?(\S+) \((\S+)\)$", line):
        package, target, is_integration, laws = programs[os.path.basename(running[2])]
        return Program(f"{package} {running[1]}", package, target, is_integration, laws)
    if documented := re.match(r"\s+Doc-tests (\S+)$", line):
        name = documented[1].replace("_", "-")
        return Program(f"{name} examples in its documentation", name, "doc", False, set())
    return None
