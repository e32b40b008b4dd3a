import json
import random
import unittest

import canonical
import laws
from event import Event, Malformed
from graph import Graph
from laws import Property
from table import Dead, map_event

GUID = "{aabbccdd-0011-2233-4455-66778899AABB}"


def sysmon(**fields: object) -> bytes:
    """A flat line, as NXLog writes it."""
    base: dict[str, object] = {
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Hostname": "PC01.",
        "UtcTime": "2020-09-21 19:35:27.123",
        "ProcessGuid": GUID,
    }
    return json.dumps(base | fields).encode()


def graph_of(*lines: bytes) -> Graph:
    graph = Graph()
    for line in lines:
        map_event(Event(line), graph)
    return graph


class Keys(unittest.TestCase):
    def test_a_key_is_the_documented_hash(self) -> None:
        key = canonical.node_key("device", b"pc01")
        self.assertEqual(key.hex(), "60aa2ba5ff1c3ab85cc2dfe9698228b2")

    def test_spellings_meet(self) -> None:
        self.assertEqual(canonical.guid(GUID), canonical.guid(GUID[1:-1].upper()))
        self.assertIsNone(canonical.guid(GUID[1:]), "braces come in pairs")
        self.assertEqual(str(canonical.ip("::ffff:192.0.2.1")), "192.0.2.1")
        self.assertEqual(str(canonical.ip("fe80::1%12")), "fe80::1")
        self.assertIsNone(canonical.ip("192.0.2.01"))
        self.assertEqual(canonical.path("\\\\?\\C:\\Ä.EXE"), "c:\\Ä.exe")
        self.assertIsNone(canonical.path("<unknown process>"))
        self.assertEqual(canonical.account("NT AUTHORITY\\SYSTEM"), ("nt authority", "system"))

    def test_times(self) -> None:
        for text, ms in (
            ("1970-01-01 00:00:00.000", 0),
            ("1969-12-31 23:59:59.999", -1),
            ("2020-09-21T19:35:27.1239999Z", 1_600_716_927_123),
            ("9999-12-31 23:59:59.999", 253_402_300_799_999),
        ):
            self.assertEqual(canonical.time_ms(text), ms)
        for text in ("", "2021-02-29 00:00:00", "2020-01-01 24:00:00", "2020-01-01 00:00:00."):
            self.assertIsNone(canonical.time_ms(text), text)

    def test_answers(self) -> None:
        found = list(canonical.answers("type:  5 Example.org.;::ffff:192.0.2.1;-;"))
        self.assertEqual([str(answer) for answer in found], ["example.org", "192.0.2.1"])


class Events(unittest.TestCase):
    def test_own_data_wins_wherever_it_stands(self) -> None:
        line = b'{"EventData":{"Image":"a"},"Image":"b","EventID":1,"EventID":"2"}'
        event = Event(line)
        self.assertEqual((event.get("Image"), event.get("EventID")), ("a", "2"))

    def test_every_shape_says_the_same(self) -> None:
        data = {"UtcTime": "2020-09-21 19:35:27.123", "ProcessGuid": GUID}
        channel = "Microsoft-Windows-Sysmon/Operational"
        shapes: list[dict[str, object]] = [
            {"Channel": channel, "Hostname": "pc", "EventID": 5, **data},
            {"Channel": channel, "Computer": "pc", "EventID": 5, "EventData": json.dumps(data)},
            {"log_name": channel, "computer_name": "pc", "event_id": "5", "event_data": data},
            {"winlog": {"channel": channel, "computer_name": "pc", "event_id": 5, "event_data": data}},
            {"Event": {
                "System": {"Channel": channel, "Computer": "pc", "EventID": {"#text": 5}},
                "EventData": data,
            }},
        ]  # fmt: skip
        hashes = {graph_of(json.dumps(shape).encode()).hash() for shape in shapes}
        self.assertEqual(len(hashes), 1)

    def test_what_is_no_json_object_is_malformed(self) -> None:
        deep = b'{"a":' + b"[" * 200 + b"]" * 200 + b"}"
        for line in (b"", b"[]", b'{"a":NaN}', b'{"a":"\xff"}', b'{"a":"\\ud800"}', b"{}x", deep):
            with self.assertRaises(Malformed):
                Event(line)

    def test_an_event_without_its_fields_adds_nothing(self) -> None:
        graph = Graph()
        for line in (
            sysmon(EventID=1, ProcessGuid="no GUID"),
            sysmon(EventID=11),
            sysmon(EventID="x"),
            sysmon(EventID=5, EventData="no JSON"),
            sysmon(EventID=5, UtcTime="yesterday"),
        ):
            with self.assertRaises(Dead):
                map_event(Event(line), graph)
        self.assertEqual(graph.elements, {})

    def test_others_are_not_mapped(self) -> None:
        graph = Graph()
        self.assertFalse(map_event(Event(b'{"Channel":"Security","EventID":4688}'), graph))
        self.assertFalse(map_event(Event(sysmon(EventID=4)), graph))

    def test_a_creation_shows_process_file_and_user(self) -> None:
        graph = graph_of(sysmon(EventID=1, Image="C:\\A.exe", User="CORP\\Bob", CommandLine="a"))
        self.assertEqual((graph.count("node"), graph.count("edge")), (4, 2))
        device = canonical.node_key("device", b"pc01")
        file = canonical.node_key("file", device, b"c:\\a.exe")
        self.assertIn(("node", "file", file.hex()), graph.elements)
        user = canonical.node_key("user", b"", b"corp", b"bob")
        self.assertEqual(graph.elements["node", "user", user.hex()].home, user.hex())


class Laws(unittest.TestCase):
    NAMES = ("pid", "created_time", "terminated_time", "version", "hostname")

    def test_merging_is_a_join(self) -> None:
        random.seed(7)
        for name in self.NAMES:
            for _ in range(2000):
                a, b, c = (self.any_property(name) for _ in range(3))
                ab, bc = laws.merge(name, a, b), laws.merge(name, b, c)
                self.assertEqual(ab, laws.merge(name, b, a), name)
                self.assertEqual(laws.merge(name, ab, c), laws.merge(name, a, bc), name)
                self.assertEqual(laws.merge(name, ab, a), ab, name)

    def any_property(self, name: str) -> Property:
        """A property as some merges of single values leave it."""
        pool = ["1", "10", "9", "-3", "x", "", *(f"v{n}" for n in range(20))]
        times = range(3) if laws.has_time(name) else range(1)
        merged = Property((random.choice(pool),), random.choice(times))
        for _ in range(random.randrange(20)):
            more = Property((random.choice(pool),), random.choice(times))
            merged = laws.merge(name, merged, more)
        return merged

    def test_numbers_are_numbers(self) -> None:
        newest = laws.merge("terminated_time", Property(("1000",)), Property(("999",)))
        self.assertEqual(newest.values, ("1000",))

    def test_a_set_is_bounded(self) -> None:
        full = Property(tuple(f"h{n:02}" for n in range(1, 17)))
        spilt = laws.merge("hostname", full, Property(("h00",)))
        self.assertEqual((spilt.values[0], len(spilt.values), spilt.overflow), ("h00", 16, True))


if __name__ == "__main__":
    unittest.main()
