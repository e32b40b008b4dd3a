"""The event table: what each Sysmon event shows.

The reference is `stages/generate/events.md`; this is a second reading of it.
"""

from dataclasses import dataclass
from itertools import islice
from typing import Callable

import canonical
from canonical import Address, clip, node_key, present
from event import Event, lower
from graph import Graph
from laws import Property, has_time

ANSWERS_MAX = 64
Properties = list[tuple[str, str | None]]


class Dead(Exception):
    """The event should be mapped, and is malformed."""


@dataclass(frozen=True)
class End:
    """A node as an end of edges."""

    key: bytes
    home: bytes


class Scene:
    """One event's elements, all seen at its time."""

    def __init__(self, event: Event, graph: Graph) -> None:
        self.event = event
        self._graph = graph
        self._pending: list[Callable[[], None]] = []
        self.host = canonical.name(self.need("Computer"))
        when = canonical.time_ms(self.need("UtcTime"))
        if when is None:
            raise Dead("UtcTime")
        self.time_ms = when
        key = node_key("device", self.host.encode())
        self.device = End(key, key)
        self._node("device", self.device, [("hostname", self.host)])

    def commit(self) -> None:
        """Adds the elements to the graph, once none of them can fail."""
        for add in self._pending:
            add()

    def get(self, field: str) -> str | None:
        return present(self.event.get(field))

    def need(self, field: str) -> str:
        value = self.get(field)
        if value is None:
            raise Dead(field)
        return value

    def process(self, role: str, extra: Properties = []) -> End | None:
        """The process in a role; None where Sysmon wrote a null GUID."""
        guid = canonical.guid(self.need(f"{role}ProcessGuid"))
        if guid is None:
            raise Dead(f"{role}ProcessGuid")
        if not any(guid):
            return None
        pid = canonical.number(self.get(f"{role}ProcessId"), 32)
        image, user = self.get(f"{role}Image"), self.get(f"{role}User")
        properties = [
            *extra,
            ("uid", canonical.guid_text(guid)),
            ("pid", None if pid is None else str(pid)),
            ("file.path", image and canonical.path(image)),
            ("user.name", user and lower(user)),
        ]
        return self.local("process", [guid], properties)

    def actor(self) -> End:
        return self.process("") or self.device

    def local(self, kind: str, fields: list[bytes], properties: Properties) -> End:
        """A node of this device."""
        end = End(node_key(kind, self.device.key, *fields), self.device.key)
        return self._node(kind, end, properties)

    def world(self, kind: str, fields: list[bytes], properties: Properties) -> End:
        """A node that is the same wherever it is seen."""
        key = node_key(kind, b"", *fields)
        return self._node(kind, End(key, key), properties)

    def file(self, path: str, extra: Properties = []) -> End:
        return self.local("file", [path.encode()], [*extra, ("path", path)])

    def registry_key(self, text: str, extra: Properties = []) -> End:
        path = lower(text)
        return self.local("registry_key", [path.encode()], [*extra, ("path", path)])

    def user(self, text: str) -> End:
        domain, name = canonical.account(text)
        scoped = self.local if canonical.is_local_domain(domain, self.host) else self.world
        properties: Properties = [("domain", domain), ("name", name)]
        return scoped("user", [domain.encode(), name.encode()], properties)

    def address(self, ip: Address, hostname: str | None = None) -> End:
        scoped = self.local if canonical.is_local(ip) else self.world
        properties = [("ip", str(ip)), ("hostname", hostname and canonical.name(hostname))]
        return scoped("network_endpoint", [ip.packed], properties)

    def service(self, ip: Address, port: int, protocol: str, address: End) -> End:
        scoped = self.local if canonical.is_local(ip) else self.world
        properties: Properties = [
            ("ip", str(ip)),
            ("port", str(port)),
            ("protocol_name", protocol),
        ]
        fields = [ip.packed, port.to_bytes(2, "big"), protocol.encode()]
        service = scoped("network_endpoint", fields, properties)
        self.edge(service, "located_at", address)
        return service

    def edge(self, source: End, label: str, target: End, properties: Properties = []) -> None:
        identity = ("edge", source.key.hex(), label, target.key.hex())
        self._element(identity, source.home, properties)

    def _node(self, kind: str, end: End, properties: Properties) -> End:
        self._element(("node", kind, end.key.hex()), end.home, properties)
        return end

    def _element(self, identity: tuple[str, ...], home: bytes, properties: Properties) -> None:
        at = self.time_ms
        built = [
            (name, Property((clip(value),), at if has_time(name) else 0))
            for name, value in properties
            if value is not None
        ]
        self._pending.append(lambda: self._graph.add(identity, home.hex(), (at, at), built))


def process_created(scene: Scene) -> None:
    integrity, directory = scene.get("IntegrityLevel"), scene.get("CurrentDirectory")
    process = scene.process(
        "",
        [
            ("cmd_line", scene.get("CommandLine")),
            ("created_time", str(scene.time_ms)),
            ("integrity", integrity and lower(integrity)),
            ("working_directory", directory and canonical.path(directory)),
        ],
    )
    actor = process or scene.device
    if scene.get("ParentProcessGuid"):
        parent = scene.process("Parent", [("cmd_line", scene.get("ParentCommandLine"))])
        if parent and process:
            scene.edge(parent, "launched", process)
    path = canonical.path(scene.get("Image") or "")
    if path:
        scene.edge(actor, "executed", scene.file(path, image(scene)))
    user = scene.get("User")
    if user:
        scene.edge(actor, "ran_as", scene.user(user))


def image(scene: Scene) -> Properties:
    return [
        *canonical.hashes(scene.get("Hashes") or ""),
        ("company_name", scene.get("Company")),
        ("version", scene.get("FileVersion")),
    ]


def connected(scene: Scene) -> None:
    source_ip = canonical.ip(scene.need("SourceIp"))
    target_ip = canonical.ip(scene.need("DestinationIp"))
    port = canonical.number(scene.need("DestinationPort"), 16)
    protocol = lower(scene.need("Protocol"))
    initiated = lower(scene.need("Initiated"))
    if source_ip is None or target_ip is None or port is None:
        raise Dead("an address or a port")
    if initiated not in ("true", "false"):
        raise Dead("Initiated")
    actor = scene.actor()
    source = scene.address(source_ip, scene.get("SourceHostname"))
    target = scene.address(target_ip, scene.get("DestinationHostname"))
    service = scene.service(target_ip, port, protocol, target)
    if initiated == "true":
        scene.edge(scene.device, "has_address", source)
        scene.edge(actor, "connected_to", service)
    else:
        scene.edge(scene.device, "has_address", target)
        scene.edge(actor, "listened_on", service)
        scene.edge(actor, "accepted_from", source)


def process_terminated(scene: Scene) -> None:
    scene.process("", [("terminated_time", str(scene.time_ms))])


def image_loaded(scene: Scene) -> None:
    path = need_path(scene, "ImageLoaded")
    actor = scene.actor()
    signature: Properties = [
        ("signature.state", scene.get("SignatureStatus")),
        ("signature.subject", scene.get("Signature")),
    ]
    scene.edge(actor, "loaded", scene.file(path, image(scene) + signature))


def thread_created(scene: Scene) -> None:
    module = canonical.path(scene.get("StartModule") or "")
    function = scene.get("StartFunction")
    properties = [("module.path", module), ("module.function_name", function)]
    reach(scene, "created_thread_in", properties)


def process_accessed(scene: Scene) -> None:
    access = scene.get("GrantedAccess")
    reach(scene, "accessed", [("actual_permissions", access and lower(access))])


def reach(scene: Scene, label: str, properties: Properties) -> None:
    source = scene.process("Source") or scene.device
    target = scene.process("Target")
    if target:
        scene.edge(source, label, target, properties)


def need_path(scene: Scene, field: str) -> str:
    path = canonical.path(scene.need(field))
    if path is None:
        raise Dead(field)
    return path


def touched_file(label: str, has_hashes: bool, has_time: bool) -> Callable[[Scene], None]:
    def touch(scene: Scene) -> None:
        path = need_path(scene, "TargetFilename")
        actor = scene.actor()
        extra: Properties = list(canonical.hashes(scene.get("Hashes") or "")) if has_hashes else []
        created = canonical.time_ms(scene.get("CreationUtcTime")) if has_time else None
        if created is not None:
            extra.append(("created_time", str(created)))
        scene.edge(actor, label, scene.file(path, extra))

    return touch


def registry(label: str) -> Callable[[Scene], None]:
    def touch(scene: Scene) -> None:
        path = scene.need("TargetObject")
        actor = scene.actor()
        key = scene.registry_key(path, [("data", scene.get("Details"))])
        scene.edge(actor, label, key, activity(scene))

    return touch


def registry_renamed(scene: Scene) -> None:
    old_path, new_path = scene.need("TargetObject"), scene.need("NewName")
    actor = scene.actor()
    old, new = scene.registry_key(old_path), scene.registry_key(new_path)
    scene.edge(actor, "renamed_key", old, activity(scene))
    scene.edge(old, "renamed_to", new)


def activity(scene: Scene) -> Properties:
    """Sysmon's EventType, unless NXLog overwrote it with a severity."""
    severities = "AUDIT_FAILURE AUDIT_SUCCESS CRITICAL ERROR INFO VERBOSE WARNING".split()
    word = scene.get("EventType")
    return [] if word is None or word in severities else [("activity", word)]


def pipe(label: str) -> Callable[[Scene], None]:
    def touch(scene: Scene) -> None:
        path = canonical.pipe_path(scene.need("PipeName"))
        actor = scene.actor()
        if path:
            scene.edge(actor, label, scene.file(path, [("type", "Named Pipe")]))

    return touch


def dns_queried(scene: Scene) -> None:
    name = canonical.name(scene.need("QueryName"))
    actor = scene.actor()
    results = scene.get("QueryResults") or ""
    found = list(islice(canonical.answers(results), ANSWERS_MAX))
    names: Properties = [("answers", answer) for answer in found if isinstance(answer, str)]
    query = scene.world("dns_query", [name.encode()], [*names, ("hostname", name)])
    scene.edge(actor, "queried", query, [("status_code", scene.get("QueryStatus"))])
    for answer in found:
        if not isinstance(answer, str):
            scene.edge(query, "resolved_to", scene.address(answer))


TABLE: dict[int, Callable[[Scene], None]] = {
    1: process_created,
    3: connected,
    5: process_terminated,
    7: image_loaded,
    8: thread_created,
    10: process_accessed,
    11: touched_file("created", has_hashes=False, has_time=True),
    12: registry("altered_key"),
    13: registry("set_value"),
    14: registry_renamed,
    15: touched_file("created_stream", has_hashes=True, has_time=True),
    17: pipe("created_pipe"),
    18: pipe("connected_pipe"),
    22: dns_queried,
    23: touched_file("deleted", has_hashes=True, has_time=False),
    26: touched_file("deleted", has_hashes=True, has_time=False),
}


def event_id(event: Event) -> int:
    text = event.get("EventID") or ""
    number = canonical.number(text.removeprefix("+"), 16)
    if number is None:
        raise Dead("EventID")
    return number


def map_event(event: Event, graph: Graph) -> bool:
    """Adds an event's elements to the graph; False where there is no mapping for it."""
    if not event.is_sysmon():
        return False
    describe = TABLE.get(event_id(event))
    if describe is None:
        return False
    if event.is_data_unreadable:
        raise Dead("EventData")
    scene = Scene(event, graph)
    describe(scene)
    scene.commit()
    return True

