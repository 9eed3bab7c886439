"""Runs queue-triggered functions: polls with back-off, retries, and moves what keeps failing to the poison queue."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Mapping
from typing import Any, cast

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError

from devhost.app_settings import resolve_setting
from devhost.arguments import Bindings
from devhost.converters import Datum
from devhost.errors import FunctionError
from devhost.indexing import Function
from devhost.settings import SHORTEST_POLL, QueueSettings
from devhost.storage_queues import POISON_SUFFIX, decode_body, encode_body, has_poison_queue, open_queue

log = logging.getLogger("devhost.queue")

LEASE_SECONDS = 600
"""How long a message stays invisible while its function runs; renewed at half time."""

SHORTEST_POLL_SECONDS = SHORTEST_POLL.total_seconds()


class QueueTrigger:
    """One queue function."""

    def __init__(
        self, function: Function, bindings: Bindings, settings: QueueSettings, environment: Mapping[str, str]
    ) -> None:
        self.function, self._bindings, self._settings = function, bindings, settings
        self._queue_name = resolve_setting(function.trigger["queueName"], environment)
        connection = function.trigger.get("connection") or ""
        self._queue = open_queue(connection, self._queue_name, environment)
        self._poison: Any = None
        if has_poison_queue(self._queue_name):
            self._poison = open_queue(connection, f"{self._queue_name}{POISON_SUFFIX}", environment)
        self._running: set[asyncio.Task[None]] = set()
        self._loop_task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to poll."""
        self._loop_task = asyncio.get_running_loop().create_task(self._poll())

    def run_now(self, given: str | None) -> None:
        """Run once with a message that stands in no queue (the admin API asks for it)."""
        message = _Message("by-hand", given or "", 1)
        self._spawn(self._call(message, given or ""))

    async def stop(self, grace_seconds: float) -> None:
        """Poll no more; messages in hand get the grace period and come back to the queue after their lease."""
        if self._loop_task:
            self._loop_task.cancel()
            await asyncio.wait({self._loop_task}, timeout=1)
        if self._running:
            await asyncio.wait(self._running, timeout=grace_seconds)
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=1)
        await self._queue.close()
        if self._poison:
            await self._poison.close()

    async def _poll(self) -> None:
        pause = SHORTEST_POLL_SECONDS
        longest = max(self._settings.max_polling_interval.total_seconds(), SHORTEST_POLL_SECONDS)
        while True:
            if len(self._running) > self._settings.new_batch_threshold:
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
                continue
            found = await self._receive()
            if found:
                pause = SHORTEST_POLL_SECONDS
                continue
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)

    async def _receive(self) -> int:
        count = 0
        try:
            messages = self._queue.receive_messages(
                messages_per_page=self._settings.batch_size,
                max_messages=self._settings.batch_size,
                visibility_timeout=LEASE_SECONDS,
            )
            async for message in messages:
                self._spawn(self._handle(message))
                count += 1
        except ResourceNotFoundError:
            pass  # Azure waits for the queue to be made, too
        except AzureError as error:
            log.warning("queue %s cannot be read: %s", self._queue_name, error)
        return count

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _handle(self, message: Any) -> None:
        try:
            body = decode_body(message.content, self._settings.message_encoding)
        except ValueError as fault:
            # As the extension (QueueServiceClientProvider): no function can read it, so it is not tried again.
            log.error("queue %s: message %s cannot be read: %s", self._queue_name, message.id, fault)
            await self._to_poison(message)
            return
        if message.dequeue_count > self._settings.max_dequeue_count:  # its host died in the last attempt
            await self._to_poison(message)
            return
        await self._run(message, body)

    async def _run(self, message: Any, body: str | bytes) -> None:
        lease = asyncio.get_running_loop().create_task(self._renew(message))
        try:
            await self._call(message, body)
        except FunctionError as failure:
            await self._stop_renewing(lease)
            await self._failed(message, str(failure))
        else:
            await self._stop_renewing(lease)
            with contextlib.suppress(ResourceNotFoundError):  # deleted by someone else: done either way
                await self._queue.delete_message(message)
        finally:
            lease.cancel()

    async def _call(self, message: Any, body: str | bytes) -> None:
        datum = Datum(body, "bytes" if isinstance(body, bytes) else "string")
        await self._bindings.call(self.function, datum, metadata=_metadata(message))

    async def _failed(self, message: Any, reason: str) -> None:
        log.error("queue %s: message %s failed: %s", self._queue_name, message.id, reason)
        if self._poison is None:
            return  # as the extension: it stays invisible to the end of its lease, so that it does not come in a loop
        if message.dequeue_count >= self._settings.max_dequeue_count:
            await self._to_poison(message)
            return
        with contextlib.suppress(ResourceNotFoundError):
            seconds = int(self._settings.visibility_timeout.total_seconds())
            await self._queue.update_message(message, visibility_timeout=seconds)

    async def _to_poison(self, message: Any) -> None:
        if self._poison is None:
            return
        with contextlib.suppress(ResourceExistsError):
            await self._poison.create_queue()
        await self._poison.send_message(message.content)
        with contextlib.suppress(ResourceNotFoundError):
            await self._queue.delete_message(message)
        log.warning("message %s moved to %s-poison", message.id, self._queue_name)

    async def _renew(self, message: Any) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 2)
            updated = await self._queue.update_message(message, visibility_timeout=LEASE_SECONDS)
            message.pop_receipt = updated.pop_receipt

    async def _stop_renewing(self, lease: asyncio.Task[None]) -> None:
        lease.cancel()
        await asyncio.wait({lease})


class QueueOutput:
    """Writes the values of queue output bindings."""

    def __init__(self, encoding: str, environment: Mapping[str, str]) -> None:
        self._encoding, self._environment = encoding, environment

    async def write(self, binding: dict[str, Any], value: Any) -> None:
        """Send a text, bytes, a QueueMessage, or a list of these; the queue is made if it is missing."""
        values = cast("list[Any]", value) if isinstance(value, list) else [value]
        name = resolve_setting(binding["queueName"], self._environment)
        async with open_queue(binding.get("connection") or "", name, self._environment) as queue:
            with contextlib.suppress(ResourceExistsError):
                await queue.create_queue()
            for one in values:
                body = one.get_body() if hasattr(one, "get_body") else one
                await queue.send_message(encode_body(body, self._encoding))


class _Message:
    """A message that stands in no queue."""

    def __init__(self, message_id: str, content: str, dequeue_count: int) -> None:
        self.id, self.content, self.dequeue_count = message_id, content, dequeue_count
        self.inserted_on = self.expires_on = self.next_visible_on = None
        self.pop_receipt = ""


def _metadata(message: Any) -> dict[str, Datum]:
    found = {
        "Id": Datum(message.id, "string"),
        "DequeueCount": Datum(json.dumps(message.dequeue_count), "json"),
        "PopReceipt": Datum(message.pop_receipt, "string"),
    }
    times = {"InsertionTime": "inserted_on", "ExpirationTime": "expires_on", "NextVisibleTime": "next_visible_on"}
    for key, attribute in times.items():
        moment = getattr(message, attribute)
        if moment is not None:
            found[key] = Datum(json.dumps(moment.isoformat()), "json")
    return found
