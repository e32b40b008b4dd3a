"""Committed records of a topic: from Kafka, or from the files of a demo."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, Protocol

import fastavro

# Metadata, a first fetch and a leader election; a healthy broker needs milliseconds.
TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Record:
    partition: int
    offset: int
    value: bytes


class Unavailable(Exception):
    """The source cannot be read: nothing was checked."""


class Log(Protocol):
    def records(self, topic: str) -> Iterator[Record]:
        """Every committed record of a topic; none where there is no such topic."""
        ...


class DirectoryLog:
    """`DIR/log/<topic>.avro`: containers with the committed records of each topic."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory / "log"
        if not self._directory.is_dir():
            raise Unavailable(f"{self._directory} is not a directory")

    def records(self, topic: str) -> Iterator[Record]:
        path = self._directory / f"{topic}.avro"
        if not path.exists():
            return
        with path.open("rb") as file:
            for record in fastavro.reader(file):
                assert isinstance(record, dict)
                yield Record(record["partition"], record["offset"], record["value"])


class KafkaLog:
    """Reads each partition from its beginning to its last stable offset, read committed."""

    def __init__(self, bootstrap: str, user: str | None, password: str | None) -> None:
        from confluent_kafka import Consumer

        # What the client last complained of; its own timeouts do not say why.
        self._complaint = ""
        settings: dict[str, Any] = {
            "bootstrap.servers": bootstrap,
            # Required by the client; nothing is committed under it, and no such group is joined.
            "group.id": "checker",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "error_cb": self._remember,
            "log_level": 0,
        }
        if user is not None:
            settings |= {
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": user,
                "sasl.password": password or "",
            }
        self._consumer = Consumer(settings)

    def records(self, topic: str) -> Iterator[Record]:
        from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, TopicPartition

        partitions = self._partitions(topic)
        if not partitions:
            return
        self._consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in partitions])
        unfinished = set(partitions)
        while unfinished:
            message = self._consumer.poll(TIMEOUT_S)
            if message is None:
                raise Unavailable(f"{topic}: nothing from {sorted(unfinished)}{self._complaint}")
            error = message.error()
            if error is None:
                partition, offset = message.partition(), message.offset()
                assert partition is not None and offset is not None
                # A null value is no record of cordon, and is shown as an empty one.
                yield Record(partition, offset, message.value() or b"")
            elif error.code() == KafkaError._PARTITION_EOF:
                unfinished -= {message.partition()}
            elif error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
                pass  # The client looks for the coordinator of a group that nobody may use.
            else:
                raise Unavailable(f"{topic}: {error}") from KafkaException(error)
        self._consumer.unassign()

    def _remember(self, error: Any) -> None:
        self._complaint = f" ({error.str()})"

    def _partitions(self, topic: str) -> list[int]:
        from confluent_kafka import KafkaError, KafkaException

        try:
            found = self._consumer.list_topics(topic, TIMEOUT_S).topics[topic]
        except KafkaException as error:
            self._consumer.poll(0)  # Only this serves the callback.
            raise Unavailable(f"{topic}: {error}{self._complaint}") from error
        if found.error is None:
            return sorted(found.partitions)
        if found.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return []
        raise Unavailable(f"{topic}: {found.error}")
