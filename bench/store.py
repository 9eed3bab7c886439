"""How long the store's calls take on tables in an emulator that already holds a long history.

    .venv/bin/python -m bench.store --schedules 100 --cycles 1000 --rounds 50

Times are of the caller, one call at a time, in milliseconds, over the SDK and Azurite on this machine. Azurite
searches a whole table for each query, so times of `cycles`, `events` and `trim` grow with the history here; Azure
reads one partition's range.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ebb.core.clock import rfc3339
from ebb.core.contract.store import update
from ebb.core.row.schedule_row import ScheduleRow, Totals
from ebb.core.settings.connection import resolve_connection
from ebb.sources.storage_queue.account import open_account
from ebb.store.codec import cycle_properties
from ebb.store.tables import TableStore
from tests.azurite import Azurite

START = datetime(2026, 1, 1, tzinfo=UTC)


def cycle(number: int) -> dict[str, Any]:
    """A Cycle document of usual size: three executions."""
    at = rfc3339(START + timedelta(minutes=number))
    done = {"startedAt": at, "endedAt": at, "outcome": "succeeded", "processed": 16, "failed": 0, "poisoned": 0}
    return {
        "cycle": number,
        "backlog": {"count": 48, "measuredAt": at},
        "decision": {"executions": 3, "reason": "48 messages wait; 48 / 16 = 3 executions, within the limit of 10"},
        "executions": [{"index": index, **done, "error": None} for index in range(3)],
        **done,
        "error": None,
    }


def name(index: int) -> str:
    return f"schedule-{index:03d}"


async def fill(store: TableStore, schedules: int, cycles: int) -> None:
    """Rows through the store; the history in transactions of 100, because one call each would take minutes."""
    for index in range(schedules):
        last = {key: value for key, value in cycle(cycles).items() if key != "executions"}
        row = ScheduleRow(name(index), cycle=cycles, totals=Totals(cycles, cycles * 48), last_cycle=last)
        await store.save(row)
    await store.write_cycle(name(0), cycle(0))  # creates the table
    for index in range(schedules):
        for start in range(1, cycles + 1, 100):
            entities = [cycle_properties(cycle(number)) for number in range(start, min(start + 100, cycles + 1))]
            async with store._tables.service.calling(store._history) as client:
                await client.submit_transaction(
                    [("upsert", {"PartitionKey": name(index), **entity}) for entity in entities]
                )


async def measure(label: str, rounds: int, call: Callable[[int], Awaitable[object]]) -> None:
    times: list[float] = []
    cpu = time.process_time()
    for number in range(rounds):
        started = time.perf_counter()
        await call(number)
        times.append((time.perf_counter() - started) * 1000)
    cpu = (time.process_time() - cpu) * 1000 / rounds
    p95 = statistics.quantiles(times, n=20)[-1]
    print(f"{label:36} {statistics.median(times):9.1f} {p95:9.1f} {max(times):9.1f} {cpu:9.1f}", flush=True)


async def run(schedules: int, cycles: int, rounds: int) -> None:
    pick = random.Random(1)
    with Azurite(start_timeout=30) as azurite:
        store = TableStore(resolve_connection("Storage", {"Storage": azurite.connection_string}), open_account)
        started = time.perf_counter()
        await fill(store, schedules, cycles)
        print(f"{schedules} schedules, {schedules * cycles} cycles stored in {time.perf_counter() - started:.0f} s")
        print(f"{'ms':36} {'median':>9} {'p95':>9} {'max':>9} {'our CPU':>9}")

        def any_name(_: int) -> str:
            return name(pick.randrange(schedules))

        async def count(number: int) -> ScheduleRow:
            return await update(store, any_name(number), lambda row: replace(row, cycle=row.cycle + 1))

        await measure("get", rounds, lambda n: store.get(any_name(n)))
        await measure(f"rows ({schedules})", rounds, lambda n: store.rows())
        await measure("update (get + save)", rounds, count)
        await measure("write_cycle (3 executions)", rounds, lambda n: store.write_cycle(any_name(n), cycle(cycles + n)))
        await measure("cycle", rounds, lambda n: store.cycle(any_name(n), pick.randrange(1, cycles)))
        await measure("cycles (top 50)", rounds, lambda n: store.cycles(any_name(n)))
        await measure("events (top 50)", rounds, lambda n: store.events(any_name(n)))
        await measure("trim, nothing to forget", max(rounds // 10, 2), lambda n: store.trim(any_name(n), 2 * cycles))
        await store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the calls of the store.")
    parser.add_argument("--schedules", type=int, default=100)
    parser.add_argument("--cycles", type=int, default=100, help="cycles of each schedule")
    parser.add_argument("--rounds", type=int, default=50, help="calls of each kind")
    arguments = parser.parse_args()
    asyncio.run(run(arguments.schedules, arguments.cycles, arguments.rounds))


if __name__ == "__main__":
    main()
