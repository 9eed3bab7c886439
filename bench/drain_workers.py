"""The workers of `bench/drain.py` that run in this project's environment, each in a process of its own.

    python -m bench.drain_workers bare|sdk|loop QUEUE        (connection string in DRAIN_CONNECTION)

Prints one JSON object: messages, seconds from the first receive to the last delete, processor seconds in between.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import re
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from email.utils import formatdate
from typing import TypeVar
from urllib.parse import quote, urlsplit

import aiohttp
import yarl
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from ebb.core.clock import SystemClock
from ebb.core.settings.connection import Connection, resolve_connection
from ebb.core.settings.validation import validate_settings
from ebb.execution.execution import run_execution
from ebb.sources.storage_queue.settings import StorageQueueSettings
from ebb.sources.storage_queue.source import StorageQueueSource
from handlers.noop import handle

AT_ONCE = 16  # deletes in flight
PAGE = 32
LEASE = 60  # seconds

T = TypeVar("T")


@dataclass
class Result:
    """What one worker did."""

    messages: int
    seconds: float
    cpu: float


async def bare(connection: Connection, queue: str) -> int:
    """No library but aiohttp: signs its own requests, keeps its receiver ahead of 16 deleters."""
    account, key = connection.account_name, base64.b64decode(connection.account_key or "")
    base = urlsplit(connection.endpoint("queue"))
    fields = re.compile(rb"<MessageId>([^<]*)</MessageId>.*?<PopReceipt>([^<]*)</PopReceipt>", re.DOTALL)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), auto_decompress=False) as session:

        async def call(verb: str, path: str, query: dict[str, str]) -> bytes:
            path, date = f"{base.path}{path}", formatdate(usegmt=True)
            signed = "".join(f"\n{name}:{query[name]}" for name in sorted(query))
            text = f"{verb}\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:{date}\nx-ms-version:2021-12-02\n/{account}{path}{signed}"
            signature = base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()
            headers = {
                "x-ms-date": date,
                "x-ms-version": "2021-12-02",
                "Authorization": f"SharedKey {account}:{signature}",
            }
            asked = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
            url = yarl.URL(f"{base.scheme}://{base.netloc}{path}?{asked}", encoded=True)
            async with session.request(verb, url, headers=headers, skip_auto_headers=("Content-Type",)) as response:
                body = await response.read()
                if response.status >= 300 and not (verb == "DELETE" and response.status == 404):
                    raise RuntimeError(f"{verb} answered {response.status}: {body[:200]!r}")
                return body

        async def receive() -> list[tuple[bytes, bytes]]:
            query = {"numofmessages": str(PAGE), "visibilitytimeout": str(LEASE)}
            return fields.findall(await call("GET", f"/{queue}/messages", query))

        async def delete(message: tuple[bytes, bytes]) -> None:
            await call("DELETE", f"/{queue}/messages/{message[0].decode()}", {"popreceipt": message[1].decode()})

        return await _ahead(receive, delete)


async def sdk(connection: Connection, queue: str) -> int:
    """The azure-storage-queue async client: pages of 32, 16 deletes at once, receiver kept ahead."""
    credential = {"account_name": connection.account_name, "account_key": connection.account_key}
    async with QueueClient(connection.endpoint("queue"), queue, credential=credential) as client:

        async def receive() -> list[QueueMessage]:
            pages = client.receive_messages(messages_per_page=PAGE, visibility_timeout=LEASE).by_page()
            async for page in pages:
                return [message async for message in page]
            return []

        async def delete(message: QueueMessage) -> None:
            try:
                await client.delete_message(message)
            except ResourceNotFoundError:
                return

        return await _ahead(receive, delete)


async def loop(connection: Connection, queue: str) -> int:
    """Ebb's execution loop and source by themselves, without orchestrator and activities."""
    source_settings = StorageQueueSettings(type="storageQueue", queueName=queue, messageEncoding="none")
    settings = validate_settings(
        {"source": source_settings, "handler": "handlers.noop:handle", "batchSize": PAGE, "concurrency": AT_ONCE}
    )
    source = StorageQueueSource(source_settings, connection)

    async def go_on() -> None:
        return None

    report = await run_execution(source, handle, settings, reason_to_stop=go_on, clock=SystemClock())
    await source.close()
    return report.processed


async def _ahead(receive: Callable[[], Awaitable[list[T]]], delete: Callable[[T], Awaitable[None]]) -> int:
    """Receive until nothing comes, at most three pages ahead of the deleters; returns how many were deleted."""
    waiting: asyncio.Queue[T | None] = asyncio.Queue(3 * PAGE)
    deleted = 0

    async def receiver() -> None:
        while batch := await receive():
            for message in batch:
                await waiting.put(message)
        for _ in range(AT_ONCE):
            await waiting.put(None)

    async def deleter() -> None:
        nonlocal deleted
        while (message := await waiting.get()) is not None:
            await delete(message)
            deleted += 1

    await asyncio.gather(receiver(), *(deleter() for _ in range(AT_ONCE)))
    return deleted


WORKERS = {"bare": bare, "sdk": sdk, "loop": loop}


async def main(kind: str, queue: str) -> Result:
    """Drain `queue` with worker `kind`."""
    connection = resolve_connection("Drain", {"Drain": os.environ["DRAIN_CONNECTION"]})
    started, cpu = time.perf_counter(), time.process_time()
    messages = await WORKERS[kind](connection, queue)
    return Result(messages, time.perf_counter() - started, time.process_time() - cpu)


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(main(*sys.argv[1:3])))))
