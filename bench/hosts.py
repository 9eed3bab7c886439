"""How much faster two and three hosts on one task hub are than one, with handlers that take a second each.

    .venv/bin/python -m bench.hosts [--engine realhost] [--rounds 3] [--hosts 1,2,3] [--seconds 40] [--dry]

Each host runs ACTIVITIES executions at once, each execution CONCURRENCY handlers, so that a host can do ACTIVITIES x
CONCURRENCY messages a second and the machine is hardly used. The queue is kept shallow, because each call to the
emulator walks through all messages that it stores. Speed is counted from the first handler to the last.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from azure.storage.queue import QueueClient

from bench.columns import Column, columns, write_table
from tests.azurite import Azurite
from tests.e2e.harness import wait_for
from tests.engine.deployment import Deployment

ACTIVITIES, CONCURRENCY = 4, 4
DEPTH = 300  # messages in the queue at most
FEEDERS = 4  # threads: a queue that is empty for a moment ends executions, and others begin with the next cycle
SETTINGS = {"handler": "second:handle", "concurrency": CONCURRENCY, "batchSize": CONCURRENCY, "pollingInterval": 1}
HANDLER = """
import asyncio
import json
import os
import time


async def handle(message):
    await asyncio.sleep(1)
    with open(os.environ["EBB_PARITY_LEDGER"], "a", encoding="utf-8") as file:
        file.write(json.dumps({"at": time.time(), "pid": os.getpid()}) + "\\n")
"""


def main() -> int:
    """Measure and write; the result is the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--engine", default="realhost", help="realhost or func")
    parser.add_argument("--rounds", type=int, default=3, help="of each number of hosts, in alternation (3)")
    parser.add_argument("--hosts", default="1,2,3", help="numbers of hosts, with commas; the first is compared with")
    parser.add_argument("--seconds", type=int, default=40, help="what there is to do, for any number of hosts (40)")
    parser.add_argument("--dry", action="store_true", help="print, write nothing")
    options = parser.parse_args()
    numbers = [int(each) for each in options.hosts.split(",")]
    found = list(columns([options.engine]))
    for column in found:
        _measure(column, numbers, options)
    if not options.dry:
        write_table("hosts", "hosts", found)
    return 0


def _measure(column: Column, numbers: list[int], options: argparse.Namespace) -> None:
    speeds: dict[int, list[float]] = {number: [] for number in numbers}
    for _ in range(options.rounds):
        for number in numbers:
            speeds[number].append(_speed(column, number, options.seconds))
            print(f"{column.title}: {number} hosts: {speeds[number][-1]:.1f} messages a second", flush=True)
    first = numbers[0]
    for number in numbers:
        ratios = [many / one / number * first for many, one in zip(speeds[number], speeds[first], strict=True)]
        told = f"{statistics.median(speeds[number]):.1f} messages a second"
        if number != first:
            told += f", {statistics.median(ratios):.2f} of {number} times one ({min(ratios):.2f} to {max(ratios):.2f})"
        column.cells[str(number)] = told


def _speed(column: Column, hosts: int, seconds: int) -> float:
    """Messages a second of so many hosts that have work for `seconds`."""
    count = hosts * ACTIVITIES * CONCURRENCY * seconds
    with tempfile.TemporaryDirectory() as folder, Azurite() as azurite:
        app = Deployment(
            Path(folder) / "app",
            azurite,
            column.engine,
            {"maxConcurrentActivityFunctions": ACTIVITIES},
            {**SETTINGS, "maxExecutions": hosts * ACTIVITIES, "queueLength": 1},
        )
        (app.root / "second.py").write_text(HANDLER)
        try:
            for _ in range(hosts):
                app.add_host().start()
            app.put(range(DEPTH))
            feeder = threading.Thread(target=_feed, args=(app.queue, count - DEPTH), daemon=True)
            feeder.start()
            app.call("POST", "schedules/parity/start", {})
            wait_for(lambda: _lines(app) >= count, 6 * seconds + 60, lambda: f"{_lines(app)} of {count}")
            feeder.join(10)
            return _rate(app)
        finally:
            app.stop()
            app.queue.close()


def _feed(queue: QueueClient, count: int) -> None:
    """Put so many messages, and keep the queue shallow."""
    while count > 0:
        room = DEPTH - (queue.get_queue_properties().approximate_message_count or 0)
        many = min(max(room, 0), count)
        with ThreadPoolExecutor(FEEDERS) as pool:
            list(pool.map(queue.send_message, ["1"] * many))
        count -= many
        time.sleep(0.2)


def _lines(app: Deployment) -> int:
    path = app.ledger.path
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _rate(app: Deployment) -> float:
    """From the ledger: a handler leaves its line as it ends, a second after its beginning."""
    times = sorted(json.loads(line)["at"] for line in app.ledger.path.read_text().splitlines())
    return len(times) / (times[-1] - times[0] + 1)


if __name__ == "__main__":
    sys.exit(main())
