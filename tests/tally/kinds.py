"""Which kind a test is of, told from where it lies.

| kind | what it is | how it is told |
|---|---|---|
| unit | one part, from inside | in `src`, and examples in doc comments |
| laws | a property, over generated input | written in `proptest! { … }`, or in a file `laws.rs` or `…_laws.rs` |
| scenarios | parts together, from outside | in a `tests` folder, and nothing below |
| conformance | the log seam's suite | `kafka/tests/conformance_*.rs` |
| simulation | the shipped code on the model log, by seed | a crate, file or module named `simulation…` |
| bad input | damage, lies and refusals | a file or module of the names in `BAD_INPUT` |
| structure | the dependency graph and the tree of files | `tests/tests/structure` |
| e2e | the binary on a real Kafka and an S3 API | `tests/tests/e2e*.rs` |
| checker | the independent checker's own tests | Python, `tests/checker` |
| tally | these counts | Python, `tests/tally` |

The first that fits, in the order of `RULES`; a law about bad input is a law.
"""

import pathlib
import re

KINDS = (
    "unit", "laws", "scenarios", "conformance", "simulation", "bad input", "structure", "e2e",
    "checker", "tally",
)

# Names of files and modules whose tests feed a part with what it must refuse or survive.
BAD_INPUT = ("bad_input", "hostile", "damage", "denials", "faults", "outages", "deaths")

# Matched against PACKAGE/TARGET::MODULE::TEST.
RULES = (
    ("structure", r"^cordon-tests/structure::"),
    ("e2e", r"^cordon-tests/e2e\w*::"),
    ("conformance", r"^cordon-kafka/conformance_\w+::"),
    ("simulation", r"^[\w-]*simulation/|[/:]simulation\w*::"),
    ("laws", r"[/:](\w+_)?laws::"),
    ("bad input", rf"[/:]({'|'.join(BAD_INPUT)})::"),
)


def kind_of(package, target, is_integration, test, law_names):
    """The kind of one Rust test. `law_names`: the names of its package's proptest functions."""
    if test.rsplit("::", 1)[-1] in law_names:
        return "laws"
    place = f"{package}/{target}::{test}"
    for kind, pattern in RULES:
        if re.search(pattern, place):
            return kind
    return "scenarios" if is_integration else "unit"


def law_names_in(package_dir):
    """Names of the functions in the `proptest!` blocks of a package's sources."""
    names = set()
    for path in sorted(pathlib.Path(package_dir).rglob("*.rs")):
        names |= proptest_functions(path.read_text(encoding="utf-8"))
    return names


def proptest_functions(source):
    """A block ends with the brace that is indented like its first line: rustfmt sees to that."""
    names, closing = set(), None
    for line in source.splitlines():
        if opening := re.match(r"(\s*)proptest! \{$", line):
            closing = opening[1] + "}"
        elif line == closing:
            closing = None
        elif closing is not None and (function := re.match(r"\s*fn (\w+)\(", line)):
            names.add(function[1])
    return names
