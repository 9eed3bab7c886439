"""A long history for tests: cycles of many schedules, written straight into the app's tables in large batches."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.exceptions import ServiceRequestError
from azure.data.tables.aio import TableServiceClient

from ebb.core.clock import rfc3339
from ebb.store.codec import cycle_properties
from ebb.store.tables import TRANSACTION_LIMIT, _entity

AT_ONCE = 4  # transactions
ATTEMPTS = 5
MINUTE = timedelta(minutes=1)


def write_history(connection: str, prefix: str, names: Sequence[str], cycles: int) -> None:
    """So many cycles for each schedule, a minute apart, the last one ending now."""
    now = datetime.now(UTC)
    documents = [_cycle(each, now - (cycles - each) * MINUTE) for each in range(1, cycles + 1)]
    write_cycles(connection, prefix, dict.fromkeys(names, documents))


def write_cycles(connection: str, prefix: str, cycles: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Cycle documents by schedule into the tables whose names begin with `prefix`."""
    with ThreadPoolExecutor(1) as thread:  # this thread's event loop, if it has one, is the browser's
        thread.submit(asyncio.run, _write(connection, f"{prefix}History", cycles)).result()


async def _write(connection: str, table: str, cycles: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    gate = asyncio.Semaphore(AT_ONCE)
    async with TableServiceClient.from_connection_string(connection) as service:
        await service.create_table_if_not_exists(table)
        client = service.get_table_client(table)

        async def write(name: str, documents: Sequence[Mapping[str, Any]]) -> None:
            entities = [_entity(name, cycle_properties(each)) for each in documents]
            for left in range(ATTEMPTS, -1, -1):  # a busy emulator closes connections; an upsert may be repeated
                try:
                    async with gate:
                        await client.submit_transaction([("upsert", entity) for entity in entities])
                    return
                except ServiceRequestError:
                    if not left:
                        raise

        batches = [
            write(name, documents[first : first + TRANSACTION_LIMIT])
            for name, documents in cycles.items()
            for first in range(0, len(documents), TRANSACTION_LIMIT)
        ]
        await asyncio.gather(*batches)


def _cycle(number: int, ended: datetime) -> dict[str, Any]:
    began, count = ended - MINUTE / 2, 16 * (1 + number % 4)
    times = {"startedAt": rfc3339(began), "endedAt": rfc3339(ended), "outcome": "succeeded", "error": None}
    counts = {"received": 16, "processed": 16, "failed": 0, "poisoned": 0, "serviceSeconds": 1.5}
    executions = [{"index": index, **times, **counts} for index in range(count // 16)]
    reason = f"{count} messages at 16 each want {len(executions)} executions"
    return {
        "cycle": number,
        **times,
        "backlog": {"count": count, "measuredAt": rfc3339(began)},
        "decision": {"executions": len(executions), "reason": reason, "limitedBy": None, "code": "asWanted"},
        "executions": executions,
        "processed": count,
        "failed": 0,
        "poisoned": 0,
        "wait": {"seconds": 30.0, "reason": "polling in 30 s", "limitedBy": None, "code": "polling", "missedTicks": 0},
    }
