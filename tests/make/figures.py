"""Figures that commands print: lines that begin with `figures: `."""

import json
import subprocess
import sys

FIGURES = "figures: "


def told(command):
    """Runs a command, printing what it prints; all its figures, or None if it failed."""
    found = []
    with subprocess.Popen(command, shell=True, stdout=subprocess.PIPE, text=True) as running:
        for line in running.stdout:
            print(line, end="", flush=True)
            if line.startswith(FIGURES):
                found.append(json.loads(line.removeprefix(FIGURES)))
    if running.returncode != 0:
        return None
    if not found:
        print(f"{command} told no figures", file=sys.stderr)
    return found


def tell(figures):
    """Prints figures, the last line of a target."""
    print(FIGURES + json.dumps(figures, separators=(",", ":")))
