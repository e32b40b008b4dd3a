"""The counts themselves: what is counted, and what must not pass as counted."""

import contextlib
import io
import json
import os
import tempfile
import unittest
from unittest import mock

import cargo_test
import kinds
import python_test
import tally
from outcome import FAILED, PASSED, SKIPPED, Outcome

LIBTEST = """
running 3 tests
test hostile::a_bomb ... ok
test laws::ids_are_ordered ... ok
test plain::slow - should panic ... ignored

successes:

---- hostile::a_bomb stdout ----
test of_somebody_else ... ok
conformance: 34 cases on the model log
figures: {"mutants":40}

test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s
"""


def program(output, package="cordon-container", target="container", laws=()):
    made = cargo_test.Program("a title", package, target, True, set(laws))
    for line in output.splitlines():
        made.read(line)
    return made


def silently(action, *arguments):
    """Its result, and what it printed."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        return action(*arguments), printed.getvalue()


class Kinds(unittest.TestCase):
    def test_a_place_tells_the_kind(self):
        for place, expected in {
            "cordon-tests/structure::graph::arrows": "structure",
            "cordon-tests/e2e::nothing_is_lost": "e2e",
            "cordon-tests/bad_input::an_empty_file": "bad input",
            "cordon-kafka/conformance_real::conforms": "conformance",
            "cordon-simulation/seeds::one_seed": "simulation",
            "cordon-kafka/real::denials::no_read": "bad input",
            "cordon-kafka/model_laws::offsets": "laws",
            "cordon-pack/pack::keeps_order": "scenarios",
        }.items():
            (package, rest) = place.split("/")
            (target, test) = rest.split("::", 1)
            self.assertEqual(kinds.kind_of(package, target, True, test, set()), expected, place)
        self.assertEqual(kinds.kind_of("cordon-flow", "x", False, "graph::a", set()), "unit")

    def test_laws_are_found_in_sources(self):
        source = "proptest! {\n    #[test]\n    fn one(a in 0..3) {\n    }\n}\nfn other() {}\n"
        self.assertEqual(kinds.proptest_functions(source), {"one"})
        indented = "mod tests {\n    proptest! {\n        fn two(a in 0..3) {\n        }\n    }\n"
        self.assertEqual(kinds.proptest_functions(indented + "    fn not_it() {}\n}\n"), {"two"})


class CargoTest(unittest.TestCase):
    def test_each_test_is_counted_once_under_its_kind(self):
        outcome = program(LIBTEST, laws=["a_bomb"]).outcome()
        self.assertEqual(outcome.passed("laws"), 2)
        self.assertEqual(outcome.sums(), [2, 0, 1])
        self.assertEqual(outcome.cases["conformance"], 34)
        _, printed = silently(program(LIBTEST).report, outcome)
        self.assertIn('figures: {"mutants":40}', printed)
        self.assertNotIn("of_somebody_else", printed)

    def test_a_failure_is_counted_and_shown(self):
        output = "test a ... FAILED\n\nfailures:\n\n---- a stdout ----\nthe reason\n\ntest result: FAILED. 0 passed; 1 failed"
        failed = program(output)
        _, printed = silently(failed.report, failed.outcome())
        self.assertEqual(failed.outcome().failed(), 1)
        self.assertIn("the reason", printed)

    def test_a_program_that_dies_is_a_failure(self):
        self.assertEqual(program("running 2 tests\ntest a ... ok\n").outcome().sums(), [1, 1, 0])

    def test_lines_that_do_not_add_up_are_a_failure(self):
        output = "test a ... ok\ntest result: ok. 2 passed; 0 failed"
        self.assertEqual(program(output).outcome().failed(), 1)

    def test_a_test_that_could_not_run_says_so(self):
        output = "test a ... not run: no data\nnot run: no data\ntest result: ok. 1 passed; 0 failed"
        outcome = program(output).outcome()
        self.assertEqual((outcome.sums(), outcome.not_run), ([0, 0, 1], ["not run: no data"]))

    def test_programs_are_known_by_what_cargo_says(self):
        programs = {"model-1f": ("cordon-kafka", "model", True, set())}
        begun = cargo_test.begin("     Running tests/model.rs (target/debug/deps/model-1f)", programs)
        self.assertEqual(begun.title, "cordon-kafka tests/model.rs")
        self.assertEqual(cargo_test.begin("   Doc-tests cordon_kafka", {}).package, "cordon-kafka")
        self.assertIsNone(cargo_test.begin("running 3 tests", {}))
        self.assertEqual(cargo_test.package_name("path+file:///a/kafka#cordon-kafka@0.1.0"), "cordon-kafka")
        self.assertEqual(cargo_test.package_name("path+file:///a/cordon#0.1.0"), "cordon")


class PythonTest(unittest.TestCase):
    def test_unittest_is_counted(self):
        output = "...\nRan 5 tests in 0.1s\n\nFAILED (failures=1, errors=1, skipped=1)\n"
        self.assertEqual(python_test.count("checker", output).sums(), [2, 2, 1])
        self.assertEqual(python_test.count("checker", "Traceback").sums(), [0, 1, 0])


class Sum(unittest.TestCase):
    def ledger(self, *outcomes):
        file = tempfile.NamedTemporaryFile("w", suffix=".jsonl")
        self.addCleanup(file.close)
        file.writelines(json.dumps(outcome.as_dict()) + "\n" for outcome in outcomes)
        file.flush()
        patch = mock.patch.dict(os.environ, {"TALLY_FILE": file.name})
        patch.start()
        self.addCleanup(patch.stop)

    def test_runs_add_up(self):
        first, second = Outcome(), Outcome()
        first.count("unit", PASSED, 3)
        second.count("unit", PASSED, 2)
        second.count("laws", SKIPPED)
        self.ledger(first, second)
        status, printed = silently(tally.total, ["unit"])
        self.assertEqual(status, 0)
        self.assertIn("total: 5 passed, 0 failed, 1 skipped\n", printed)
        self.assertTrue(printed.endswith('figures: {"unit":5,"failed":0,"skipped":1}\n'))

    def test_a_kind_that_no_longer_runs_is_missed(self):
        only = Outcome()
        only.count("unit", PASSED)
        self.ledger(only)
        status, printed = silently(tally.total, ["unit", "e2e"])
        self.assertEqual(status, 1)
        self.assertIn("no test of the kind e2e ran", printed)

    def test_what_cannot_run_is_said_again_in_the_sum(self):
        self.ledger()
        silently(tally.not_run, "no Docker here")
        self.assertIn("\nnot run: no Docker here\n", silently(tally.total, [])[1])

    def test_a_failure_fails_the_sum(self):
        only = Outcome()
        only.count("unit", FAILED)
        self.ledger(only)
        self.assertEqual(silently(tally.total, [])[0], 1)


if __name__ == "__main__":
    unittest.main()
