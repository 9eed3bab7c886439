"""A long history for tests: cycles of many schedules, written straight into the app's tables in large batches.

The SDK needs half a minute of processor time to write 100,000 cycles down as requests. Where schedules have names of
one length their requests differ in the name alone, so it writes those of the first, and the others are sent copies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from azure.core.exceptions import ServiceRequestError
from azure.core.pipeline.transport import AioHttpTransport
from azure.data.tables.aio import TableServiceClient

from ebb.core.clock import rfc3339
from ebb.store.codec import cycle_properties
from ebb.store.table_access import TRANSACTION_LIMIT

AT_ONCE = 4  # transactions
ATTEMPTS = 5
MINUTE = timedelta(minutes=1)


def write_history(connection: str, prefix: str, names: Sequence[str], cycles: int) -> None:
    """So many cycles for each schedule, a minute apart, the last one ending now."""
    now = datetime.now(UTC)
    documents = [cycle_document(each, now - (cycles - each) * MINUTE) for each in range(1, cycles + 1)]
    by_length: dict[int, list[str]] = {}
    for name in names:
        by_length.setdefault(len(name), []).append(name)
    with ThreadPoolExecutor(1) as thread:  # this thread's event loop, if it has one, is the browser's
        for alike in by_length.values():
            thread.submit(asyncio.run, _write_alike(connection, f"{prefix}History", alike, documents)).result()


def write_cycles(connection: str, prefix: str, cycles: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Cycle documents by schedule into the tables whose names begin with `prefix`."""
    with ThreadPoolExecutor(1) as thread:  # this thread's event loop, if it has one, is the browser's
        thread.submit(asyncio.run, _write(connection, f"{prefix}History", cycles)).result()


async def _write(
    connection: str,
    table: str,
    cycles: Mapping[str, Sequence[Mapping[str, Any]]],
    transport: AioHttpTransport | None = None,
) -> None:
    gate = asyncio.Semaphore(AT_ONCE)
    async with TableServiceClient.from_connection_string(connection, transport=transport) as service:
        await service.create_table_if_not_exists(table)
        client = service.get_table_client(table)

        async def write(name: str, documents: Sequence[Mapping[str, Any]]) -> None:
            entities = [{"PartitionKey": name, **cycle_properties(each)} for each in documents]
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


async def _write_alike(
    connection: str, table: str, names: Sequence[str], documents: Sequence[Mapping[str, Any]]
) -> None:
    """The same cycles for schedules whose names are equally long."""
    transport = _Recording()
    await _write(connection, table, {names[0]: documents}, transport)
    gate = asyncio.Semaphore(AT_ONCE)
    async with aiohttp.ClientSession() as session:

        async def send(name: str, url: str, headers: Mapping[str, str], body: bytes) -> None:
            copy = body.replace(f"'{names[0]}'".encode(), f"'{name}'".encode())
            copy = copy.replace(f'"{names[0]}"'.encode(), f'"{name}"'.encode())
            for left in range(ATTEMPTS, -1, -1):
                try:
                    async with gate, session.post(url, data=copy, headers=headers) as answer:
                        text = await answer.text()
                        assert answer.status == 202, text[:500]
                        assert "HTTP/1.1 204" in text, text[:500]
                    return
                except aiohttp.ClientConnectionError:
                    if not left:
                        raise

        await asyncio.gather(*(send(name, *request) for name in names[1:] for request in transport.batches))


class _Recording(AioHttpTransport):
    """Keeps the batches that it sends. Their signature covers the date and the path, not the body."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[tuple[str, dict[str, str], bytes]] = []

    async def send(self, request: Any, **options: Any) -> Any:
        if request.url.endswith("$batch"):
            self.batches.append((request.url, dict(request.headers), request.data))
        return await super().send(request, **options)


def cycle_document(number: int, ended: datetime) -> dict[str, Any]:
    """A cycle of half a minute that ended then."""
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
