"""A shipper: writes the lines of files to `raw`, one a record. It knows nothing of cordon.

No part of the check: what Vector, Fluent Bit or Winlogbeat do, with the checker's Kafka client.
Prints `{"shipped": N}` when the broker has all of them.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from lines import lines_of

# For the broker to have everything.
FLUSH_S = 60.0


def main() -> int:
    arguments = parser().parse_args()
    shipper = Shipper(arguments.bootstrap, arguments.user, arguments.password_file)
    for line in lines_of(arguments.paths):
        shipper.ship(arguments.topic, line)
    faults = shipper.finish()
    for fault in faults[:20]:
        print(f"ship.py: {fault}", file=sys.stderr)
    print(json.dumps({"shipped": shipper.shipped}))
    return 1 if faults else 0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="ship.py", description=__doc__)
    top.add_argument("paths", nargs="+", type=Path, help="archives of JSON lines")
    top.add_argument("--topic", default="raw")
    top.add_argument("--bootstrap", required=True, help="Kafka as HOST:PORT")
    top.add_argument("--user", required=True)
    top.add_argument("--password-file", required=True, type=Path)
    return top


class Shipper:
    """A producer that compresses, as shippers do, and does not write a record twice."""

    def __init__(self, bootstrap: str, user: str, password_file: Path) -> None:
        from confluent_kafka import Producer

        self.shipped = 0
        self._faults: list[str] = []
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": user,
                "sasl.password": password_file.read_text().strip(),
                "enable.idempotence": True,
                "compression.type": "lz4",
            }
        )

    def ship(self, topic: str, line: bytes) -> None:
        while True:
            try:
                self._producer.produce(topic, line, on_delivery=self._delivered)
                break
            except BufferError:
                self._producer.poll(0.1)
        self._producer.poll(0)

    def finish(self) -> list[str]:
        """Waits for the broker. Returns what went wrong."""
        left = self._producer.flush(FLUSH_S)
        return [*self._faults, *([f"{left} records are not written"] if left else [])]

    def _delivered(self, error: Any, _: Any) -> None:
        if error is None:
            self.shipped += 1
        else:
            self._faults.append(str(error))


if __name__ == "__main__":
    sys.exit(main())
