"""librdkafka's mock cluster as a process: says its address, and lives until it is killed."""

from __future__ import annotations

import logging
import re
import sys

from confluent_kafka import Producer


class Lines(logging.Handler):
    """Looks for the address in what the library logs: it says it nowhere else."""

    address = ""

    def emit(self, record: logging.LogRecord) -> None:
        found = re.search(r"127\.0\.0\.1:\d+", record.getMessage())
        if found and not self.address:
            self.address = found[0]
            sys.stdout.write(f"{self.address}\n")
            sys.stdout.flush()


def main() -> None:
    """Serve."""
    log, lines = logging.getLogger("mock"), Lines()
    log.addHandler(lines)
    log.setLevel(logging.DEBUG)
    options = {"bootstrap.servers": "x:1", "test.mock.num.brokers": 1, "debug": "mock"}
    producer = Producer(options, logger=log)
    while True:
        producer.poll(0.5)


if __name__ == "__main__":
    main()
