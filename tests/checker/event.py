"""One log line to the fields of its event, in the shapes that shippers write.

A field of the event's own data wins over one of the same name outside; of two in the same place
the later wins. Null, lists and numbers with a fraction count as absent; whole numbers and booleans
count as their text.
"""

import json
from typing import Any

DEPTH_MAX = 128

# Fields whose name differs from shipper to shipper, or within Sysmon's own schema versions.
ALIASES = {
    "Hash": "Hashes",
    "SourceProcessGUID": "SourceProcessGuid",
    "TargetProcessGUID": "TargetProcessGuid",
}
TOP = {
    "EventID": "EventID",
    "event_id": "EventID",
    "Channel": "Channel",
    "log_name": "Channel",
    "SourceName": "Provider",
    "ProviderName": "Provider",
    "Provider": "Provider",
    "source_name": "Provider",
    "Hostname": "Computer",
    "Computer": "Computer",
    "computer_name": "Computer",
}
SYSTEM = {name: name for name in ("EventID", "Channel", "Provider", "Computer")}
WINLOG = {
    "event_id": "EventID",
    "channel": "Channel",
    "provider_name": "Provider",
    "computer_name": "Computer",
}
ENVELOPE = frozenset(SYSTEM)


class Malformed(Exception):
    """The line is not one JSON object in UTF-8."""


class Pairs(list[tuple[str, Any]]):
    """A JSON object with its keys in order, each as often as it stands there."""


class Event:
    """Fields by name: `EventID`, `Channel`, `Provider`, `Computer`, and Sysmon's own."""

    def __init__(self, line: bytes) -> None:
        self._outside: dict[str, str] = {}
        self._data: dict[str, str] = {}
        self.is_data_unreadable = False
        self._read_top(parse(line))

    def get(self, name: str) -> str | None:
        found = self._data.get(name)
        return self._outside.get(name) if found is None else found

    def is_sysmon(self) -> bool:
        return (
            lower(self.get("Channel") or "") == "microsoft-windows-sysmon/operational"
            or lower(self.get("Provider") or "") == "microsoft-windows-sysmon"
        )

    def _read_top(self, top: Pairs) -> None:
        for key, value in top:
            if key == "Event" and isinstance(value, Pairs):
                self._read_evtx(value)
            elif key == "winlog" and isinstance(value, Pairs):
                self._read_winlog(value)
            elif key in ("EventData", "event_data"):
                self._read_data(value)
            elif key not in ("Event", "winlog"):
                store(self._outside, TOP.get(key) or data_field(key), value)

    def _read_evtx(self, event: Pairs) -> None:
        for key, value in event:
            if key == "System" and isinstance(value, Pairs):
                for name, inner in value:
                    store(self._outside, SYSTEM.get(name), inner)
            elif key == "EventData":
                self._read_data(value)

    def _read_winlog(self, winlog: Pairs) -> None:
        for key, value in winlog:
            if key == "event_data":
                self._read_data(value)
            else:
                store(self._outside, WINLOG.get(key), value)

    def _read_data(self, value: Any) -> None:
        """The event's own data: an object, or a string that holds one."""
        if isinstance(value, str):
            try:
                value = parse(value.encode())
            except Malformed:
                self.is_data_unreadable = True
        if isinstance(value, Pairs):
            for name, inner in value:
                store(self._data, data_field(name), inner)


def data_field(key: str) -> str | None:
    """The meaning of a key of the event's own data; the envelope's names mean nothing there."""
    return None if key in ENVELOPE else ALIASES.get(key, key)


def store(fields: dict[str, str], name: str | None, value: Any) -> None:
    """Stores the text of a value, if it has one."""
    if name is None:
        return
    if isinstance(value, Pairs):
        # EVTX: an element with attributes. Its text, and of a provider its name.
        for key, inner in value:
            if key == "#text" or (name == "Provider" and key in ("#attributes", "Name")):
                store(fields, name, inner)
    elif isinstance(value, bool):
        fields[name] = "true" if value else "false"
    elif isinstance(value, (str, int)):
        fields[name] = str(value)


def parse(line: bytes) -> Pairs:
    """Parses one JSON object, as strictly as RFC 8259 says."""
    try:
        text = line.decode()
        if depth(line) > DEPTH_MAX:
            raise Malformed(f"nested deeper than {DEPTH_MAX} levels")
        value = json.loads(
            text, object_pairs_hook=Pairs, parse_constant=refuse, parse_int=whole_number
        )
        check_text(value)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise Malformed(str(error)) from error
    if not isinstance(value, Pairs):
        raise Malformed("no JSON object")
    return value


def refuse(constant: str) -> None:
    raise Malformed(f"{constant} is no JSON")


def whole_number(digits: str) -> int | float:
    """A number beyond 64 bits counts as one with a fraction, and so does minus zero."""
    number = int(digits)
    fits = -(1 << 63) <= number < 1 << 64 and digits != "-0"
    return number if fits else float(number)


def check_text(value: Any) -> None:
    """A lone surrogate is no character."""
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, Pairs):
        for key, inner in value:
            check_text(key)
            check_text(inner)
    elif isinstance(value, list):
        for inner in value:
            check_text(inner)


def depth(line: bytes) -> int:
    """Deepest nesting of brackets outside strings."""
    if line.count(b"{") + line.count(b"[") <= DEPTH_MAX:
        return 0
    level = deepest = 0
    in_string = is_escaped = False
    for byte in line:
        if is_escaped:
            is_escaped = False
        elif byte == ord("\\"):
            is_escaped = in_string
        elif byte == ord('"'):
            in_string = not in_string
        elif in_string:
            continue
        elif byte in b"{[":
            level += 1
            deepest = max(deepest, level)
        elif byte in b"}]":
            level = max(level - 1, 0)
    return deepest


UPPER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def lower(text: str) -> str:
    """Lower case in ASCII only."""
    return text.translate(UPPER)
