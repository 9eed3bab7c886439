"""What claims on very many keys cost: requests and processor time a message, rows, memory.

.venv/bin/python -m bench.keys [--keys 10000] [--messages 1] [--executions 1] [--memory]

A queue in memory and a store in memory that counts; handlers that do nothing. So it measures Ebb's own work.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
import tracemalloc
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ebb.core.clock import SystemClock
from ebb.core.message import Message
from ebb.core.remarks import Noted, keys_scope, parked_scope
from ebb.core.settings.validation import validate_settings
from ebb.execution.execution import run_execution
from ebb.execution.execution_report import ExecutionReport
from ebb.execution.key_claims import KeyClaims
from ebb.sources.memory.source import MemoryBroker, MemorySource
from ebb.store.codec import remark_properties
from ebb.store.memory import MemoryStore

QUEUE, SCHEDULE = "work", "bench"


class CountingStore(MemoryStore):
    """A store in memory that counts requests, the rows of keys, and their bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.requests, self.largest, self.most = 0, 0, 0

    async def remark(self, scope: str, key: str) -> Noted | None:
        self.requests += 1
        return await super().remark(scope, key)

    async def write_remark(self, scope: str, key: str, at: datetime, remark: Mapping[str, Any]) -> None:
        self.requests += 1
        row = remark_properties(key, at, remark)
        self.largest = max(self.largest, sum(len(name) + len(str(value)) for name, value in row.items()))
        await super().write_remark(scope, key, at, remark)
        self.most = max(self.most, len(self._remarks[scope]))

    async def delete_remark(self, scope: str, key: str, etag: str | None = None) -> None:
        self.requests += 1
        await super().delete_remark(scope, key, etag)


async def handle(message: Message) -> None:
    """Nothing."""


async def never() -> None:
    """Nobody stops it."""


async def drain(keys: int, messages: int, executions: int, with_keys: bool, trace: bool) -> dict[str, float]:
    """Drain `messages` of each key, and say what that took."""
    clock, store = SystemClock(), CountingStore()
    broker = MemoryBroker(clock)
    for _ in range(messages):
        for number in range(keys):
            broker.put(QUEUE, json.dumps({"customer": f"customer-{number:08}"}))
    limits = {"perKey": {"key": "customer"}} if with_keys else {}
    common = {"source": {"type": "memory"}, "handler": "handlers.noop:handle", "concurrency": 16, "batchSize": 32}
    whole = {"executionSlice": 3600, "replicaTimeout": 7200}  # one execution drains it all
    settings = validate_settings({**common, **whole, **limits})

    async def execute(number: int) -> ExecutionReport:
        claims = KeyClaims(store, SCHEDULE, f"run-{number}", None, clock, timedelta(seconds=30)) if with_keys else None
        source = MemorySource(broker, QUEUE)
        return await run_execution(source, handle, settings, reason_to_stop=never, clock=clock, claims=claims)

    if trace:
        tracemalloc.start()
    began, used = time.perf_counter(), time.process_time()
    reports = await asyncio.gather(*(execute(number) for number in range(executions)))
    cpu, seconds = time.process_time() - used, time.perf_counter() - began
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()  # says 0 where it was not started
    done = sum(each.processed for each in reports)
    left = len(await store.remarks(keys_scope(SCHEDULE))), len(await store.remarks(parked_scope(SCHEDULE)))
    return {
        "processed": done,
        "seconds": round(seconds, 1),
        "cpuMillisecondsAMessage": round(cpu / done * 1000, 3),
        "requestsToTablesAMessage": round(store.requests / done, 3),
        "parked": sum(each.parked for each in reports),
        "rowsAtMost": store.most,
        "charactersOfTheLargestRow": store.largest,
        "rowsOfKeysAfterwards": left[0],
        "rowsOfParkedMessagesAfterwards": left[1],
        "megabytesAtMost": round(most / 2**20, 1),
    }


def main() -> None:
    """Both, with and without keys, as JSON."""
    parser = argparse.ArgumentParser(description="what very many keys cost")
    parser.add_argument("--keys", type=int, default=10_000)
    parser.add_argument("--messages", type=int, default=1, help="of each key")
    parser.add_argument("--executions", type=int, default=1)
    parser.add_argument("--memory", action="store_true", help="trace memory, which costs time")
    given = parser.parse_args()
    for with_keys in (False, True):
        found = asyncio.run(drain(given.keys, given.messages, given.executions, with_keys, given.memory))
        sys.stdout.write(json.dumps({"perKey": with_keys, **found}) + "\n")


if __name__ == "__main__":
    main()
