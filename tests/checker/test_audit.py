"""Plants each kind of fault in a clean pipeline: the recount must find it, and nothing else."""

import copy
import tempfile
import unittest
from pathlib import Path
from typing import Any, Iterator

from audit import READS_MAX, audit
from counts import FAULTS
from objects import DirectoryObjects
from pipeline import Pipeline, file_input, node, output, pointer_input, receipt, runs
from recompute import from_merged
from sources import DirectoryLog, Record


class Audit(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.pipeline = Pipeline(Path(directory.name))
        self.topics = self.pipeline.topics

    def check(self, **expected: int) -> dict[str, Any]:
        """Recounts, and demands these faults and no others."""
        directory = self.pipeline.write()
        verdict, faults = audit(DirectoryLog(directory), DirectoryObjects(directory))
        found = {name: verdict[name] for name in FAULTS if verdict[name]}
        self.assertEqual(found, expected, faults)
        self.assertEqual(verdict["clean"], not expected)
        self.assertEqual(bool(faults), bool(expected))
        return verdict

    def test_a_clean_pipeline_is_clean(self) -> None:
        verdict = self.check()
        self.assertEqual(verdict["datapoints"], 20, "ten of ingest, ten of generate")
        self.assertEqual(verdict["pointers_out"], 3)
        self.assertEqual(verdict["origins"], 10)
        self.assertEqual(verdict["pending"], 13, "ten of match, three of merge")
        self.assertEqual(
            verdict["payload_datapoints"],
            {
                "ingest": {"payloads": 1, "median": 10, "max": 10},
                "generate": {"payloads": 2, "median": 2, "max": 2},
            },
        )

    def test_what_was_not_begun_is_pending(self) -> None:
        self.topics["receipts.generate"] = []
        self.topics["subgraphs"] = []
        self.topics["dead.generate"] = []
        self.assertEqual(self.check()["pending"], 20)

    def test_a_gap(self) -> None:
        self.topics["receipts.generate"][1]["inputs"][0] |= {"from": 7, "output": runs([(7, 2)])}
        self.check(lost=1, gaps=1)

    def test_an_overlap(self) -> None:
        self.topics["receipts.generate"][1]["inputs"][0] |= {"from": 5, "output": runs([(5, 4)])}
        self.check(duplicated=1, overlaps=1)

    def test_an_index_without_outcome(self) -> None:
        self.topics["receipts.generate"][0]["inputs"][0]["not_mapped"] = runs([(4, 1)])
        self.check(lost=1)

    def test_an_index_with_two_outcomes(self) -> None:
        self.topics["receipts.generate"][0]["inputs"][0]["not_mapped"] = runs([(3, 3)])
        self.check(both=1)

    def test_a_fate_behind_the_end(self) -> None:
        self.topics["receipts.generate"][1]["inputs"][0] |= {
            "to": 11,
            "output": runs([(6, 3), (10, 1)]),
        }
        self.check(phantom=2)

    def test_a_receipt_of_nothing(self) -> None:
        stray = pointer_input(0, 3, output=[(0, 3)])
        stray["source"][1]["offset"] = 77
        self.topics["receipts.generate"].append(receipt("generate", 9, [stray], []))
        self.check(phantom=3)

    def test_a_lost_pointer(self) -> None:
        self.topics["subgraphs"].pop()
        self.check(lost=1)

    def test_a_pointer_twice(self) -> None:
        self.topics["subgraphs"].append(self.topics["subgraphs"][0])
        self.check(duplicated=2)

    def test_a_pointer_that_no_receipt_names(self) -> None:
        stray = self.pipeline.payload("subgraphs", "generate", "element", [node(5)])
        self.topics["subgraphs"].append(stray)
        self.check(phantom=1)

    def replay(self, slot: str, times: int, in_lane: int) -> None:
        """Emits the one pointer of `logs` again, and as often tells of it."""
        logs = self.topics["logs"][0]
        item = pointer_input(0, 10, output=[(0, 10)])
        for n in range(times):
            told = receipt("replay", 20 + n, [item], [output("logs.replay", logs)])
            self.topics.setdefault("receipts.replay", []).append(told | {"slot": slot})
        self.topics["logs.replay"] = [logs] * in_lane

    def test_replays_are_nobodys_duplicates(self) -> None:
        self.replay("cordon.replay-a", 1, 1)
        self.replay("cordon.replay-b", 1, 2)
        self.check()

    def test_the_lister_names_what_a_replay_names(self) -> None:
        self.replay("cordon.replay-a", 1, 1)
        listed = {"stage": "lister", "digest": None, "datapoints": None, "schema": 0}
        self.topics["logs.replay"].append(self.topics["logs"][0] | listed)
        self.check()

    def test_a_replay_that_emits_a_pointer_twice(self) -> None:
        self.replay("cordon.replay-a", 2, 2)
        self.check(duplicated=10, overlaps=1)

    def test_a_replayed_pointer_without_a_receipt(self) -> None:
        self.replay("cordon.replay-a", 1, 2)
        self.check(duplicated=10)

    def test_a_receipt_of_a_replayed_pointer_that_is_not_there(self) -> None:
        self.replay("cordon.replay-a", 1, 0)
        self.check(lost=10)

    def test_a_replay_that_leaves_a_pointer_out(self) -> None:
        logs = self.topics["logs"][0]
        # Two more, of which match and generate have not heard: somebody else's.
        stranger = logs | {"stage": "outside", "key": "logs/2-x"}
        self.topics["logs"] += [stranger, stranger]
        ends = []
        for offset in (0, 4):
            item = pointer_input(0, 10, output=[(0, 10)])
            item["source"][1]["offset"] = offset
            ends.append(item)
        promises = [output("logs.replay", logs)] * 2
        self.topics["receipts.replay"] = [receipt("replay", 20, ends, promises)]
        self.topics["logs.replay"] = [logs] * 2
        self.check(lost=10, gaps=1)

    def test_a_letter_that_is_driven_again_twice(self) -> None:
        self.replay("cordon.replay-redrive", 2, 2)
        for told in self.topics["receipts.replay"]:
            told["inputs"][0] = told["inputs"][0] | {"redrives": ["generate/logs/0/0/9"]}
        self.check(duplicated=10)

    def test_a_pointer_that_says_another_count_than_its_receipt(self) -> None:
        self.topics["subgraphs"][0] = copy.deepcopy(self.topics["subgraphs"][0])
        self.topics["subgraphs"][0]["datapoints"] = 3
        self.check(dangling=2)

    def test_a_missing_object(self) -> None:
        self.pipeline.object(self.topics["subgraphs"][0]).unlink()
        self.check(dangling=1)

    def test_a_damaged_object(self) -> None:
        path = self.pipeline.object(self.topics["logs"][0])
        content = bytearray(path.read_bytes())
        content[100] ^= 1
        path.write_bytes(bytes(content))
        self.check(dangling=1)

    def test_a_truncated_object(self) -> None:
        path = self.pipeline.object(self.topics["logs"][0])
        path.write_bytes(path.read_bytes()[:50])
        self.check(dangling=1)

    def test_an_object_outside_the_store(self) -> None:
        for record in (self.topics["subgraphs"][0], self.topics["receipts.generate"][0]["outputs"][0]):
            record["key"] = "../../../../etc/passwd"
        self.check(dangling=1)

    def test_a_dead_index_without_letter(self) -> None:
        self.topics["dead.generate"] = []
        self.check(lost=1)

    def test_a_letter_twice(self) -> None:
        self.topics["dead.generate"] *= 2
        self.check(duplicated=1)

    def test_a_letter_for_the_living(self) -> None:
        self.topics["dead.generate"][0]["from"] = 8
        self.check(phantom=1)

    def test_a_letter_of_another_batch(self) -> None:
        self.topics["dead.generate"][0]["batch"] = bytes(16)
        self.check(lost=1, phantom=1)

    def test_a_receipt_that_cannot_be_read(self) -> None:
        self.topics["receipts.merge"] = [b"\xc3\x01no receipt"]  # type: ignore[list-item]
        self.check(phantom=1)

    def test_a_record_that_is_no_pointer_is_owed_a_letter(self) -> None:
        self.topics["logs"].insert(0, b"no pointer")  # type: ignore[arg-type]
        self.topics["receipts.generate"][0]["inputs"][0]["source"][1]["offset"] = 2
        self.topics["receipts.generate"][1]["inputs"][0]["source"][1]["offset"] = 2
        self.topics["dead.generate"][0]["offset"] = 2
        self.check(lost=1, gaps=1)

    def test_a_file_ingested_twice_is_no_duplicate(self) -> None:
        self.topics["receipts.ingest"].append(receipt("ingest", 8, [file_input(0, 4)], []))
        self.assertEqual(self.check()["reingested"], 4)

    def test_equal_elements_unite(self) -> None:
        directory = self.pipeline.write()
        log, objects = DirectoryLog(directory), DirectoryObjects(directory)
        graph, summary = from_merged(log, objects, "subgraphs")
        self.assertEqual((summary["elements"], summary["nodes"]), (3, 2))

    def test_a_pipeline_at_work_is_read_until_it_rests(self) -> None:
        log = CommitsMeanwhile(self.pipeline.write())
        verdict, faults = audit(log, DirectoryObjects(self.pipeline.directory))
        self.assertEqual((verdict["moving"], verdict["clean"]), (False, True), faults)

    def test_a_pipeline_that_never_rests_is_moving(self) -> None:
        log = NeverRests(self.pipeline.write())
        verdict, _ = audit(log, DirectoryObjects(self.pipeline.directory))
        self.assertTrue(verdict["moving"])


class CommitsMeanwhile(DirectoryLog):
    """The second batch of generate commits when its pointers were read, and its receipt was not."""

    is_committed = False

    def records(self, topic: str) -> Iterator[Record]:
        found = list(super().records(topic))
        if topic in ("subgraphs", "receipts.generate", "dead.generate") and not self.is_committed:
            found = found[:1] if topic != "dead.generate" else []
        self.is_committed |= topic == "subgraphs"
        yield from found


class NeverRests(DirectoryLog):
    """A receipt comes whenever receipts are read."""

    reads = 0

    def records(self, topic: str) -> Iterator[Record]:
        yield from super().records(topic)
        if topic == "receipts.generate":
            self.reads += 1
            yield from list(super().records(topic))[:1] * self.reads


if __name__ == "__main__":
    unittest.main()
