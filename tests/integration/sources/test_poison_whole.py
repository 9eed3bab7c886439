"""A poisoned message keeps its body and its reason, and is one message however often it was put: on real storage."""

from __future__ import annotations

import asyncio
import base64
import secrets
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from ebb.core.clock import SystemClock
from ebb.core.errors import SourceUnavailableError, StoreUnavailableError
from ebb.core.message import Message
from ebb.core.remarks import poison_scope
from ebb.core.settings.connection import resolve_connection
from ebb.sources.storage_queue.account import StorageAccount, open_account
from ebb.sources.storage_queue.client import QueueClient
from ebb.sources.storage_queue.poison import PoisonQueue
from ebb.sources.storage_queue.settings import StorageQueueSettings
from ebb.sources.storage_queue.source import StorageQueueSource
from ebb.sources.storage_queue.text import Encoding, encode_body
from ebb.store.tables import TableStore
from tests.azurite import Azurite
from tests.integration.sources.test_storage_queue import LEASE

LARGE = b"x" * 48_500 + bytes([200])  # not UTF-8: its envelope would take 64 KiB and more


@dataclass
class Ground:
    queue: QueueClient
    source: StorageQueueSource
    place: PoisonQueue
    store: TableStore
    encoding: Encoding

    async def receive(self, body: bytes) -> Message:
        await self.queue.put(encode_body(body, self.encoding))
        (message,) = await self.source.receive(1, LEASE)
        return message

    async def poison(self, body: bytes, reason: str) -> str:
        message = await self.receive(body)
        await self.source.dead_letter(message, reason)
        return message.id


@pytest.fixture(params=["base64", "none"])
async def ground(request: pytest.FixtureRequest, azurite: Azurite) -> Any:
    name = f"whole-{secrets.token_hex(6)}"
    connection = resolve_connection("Storage", {"Storage": azurite.connection_string})
    settings = StorageQueueSettings(type="storageQueue", queueName=name, messageEncoding=request.param)
    store = TableStore(connection, open_account, f"W{secrets.token_hex(6)}")
    queue = QueueClient(open_account(connection), name, create=True)
    await queue.create()
    source = StorageQueueSource(settings, connection, True, SystemClock(), store)
    yield Ground(queue, source, PoisonQueue(settings, connection, store), store, request.param)
    await store.close()


def large(ground: Ground) -> bytes:
    return LARGE if ground.encoding == "base64" else b"y" * 65_500


@pytest.fixture
def losing_answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The next put into a poison queue is done, and its answer is lost; its path is noted."""
    send, lost = StorageAccount._send, list[str]()

    async def send_and_lose(account: StorageAccount, verb: str, path: str, *rest: Any) -> Any:
        response = await send(account, verb, path, *rest)
        if verb == "POST" and "-poison" in path and response.status == 201 and not lost:
            lost.append(path)
            raise aiohttp.ServerDisconnectedError
        return response

    monkeypatch.setattr(StorageAccount, "_send", send_and_lose)
    return lost


async def test_large_message_keeps_its_body_and_its_reason(ground: Ground) -> None:
    body = large(ground)
    first = await ground.poison(body, "too much of it")
    (found,) = await ground.place.peek(32)
    assert (found.id, found.body, found.reason) == (first, body, "too much of it")
    assert found.about["dequeueCount"] == 1
    assert await ground.place.requeue(frozenset([first]), 10) == 1
    assert await ground.store.remarks(poison_scope(ground.queue.name)) == {}
    (again,) = await ground.source.receive(1, LEASE)
    assert again.body == body


async def test_large_messages_of_one_body_stay_several_with_a_reason_each(ground: Ground) -> None:
    ids = [await ground.poison(large(ground), f"reason {number}") for number in range(3)]
    found = {each.id: each.reason for each in await ground.place.peek(32)}
    assert found == dict(zip(ids, ("reason 0", "reason 1", "reason 2"), strict=True))
    assert await ground.place.requeue(None, 10) == 3
    assert len(await ground.source.receive(32, LEASE)) == 3


@pytest.mark.parametrize("size", ["small", "large"])
async def test_put_whose_answer_is_lost_leaves_one_poisoned_message(
    ground: Ground, losing_answers: list[str], size: str
) -> None:
    body = large(ground) if size == "large" else b"small"
    first = await ground.poison(body, "because")
    assert losing_answers
    poison = QueueClient(ground.queue._account, f"{ground.queue.name}-poison", create=False)
    assert await poison.count_all() == 2
    second = await ground.poison(body, "because again")
    assert [each.id for each in await ground.place.peek(32)] == (
        [first, second] if size == "small" else sorted([first, second])
    )
    assert await ground.place.count() == 2
    assert await ground.place.requeue(frozenset([first]), 10) == 1
    assert await ground.place.count() == 1
    assert await ground.place.purge(None, 10) == 1
    assert await poison.count_all() == 0
    assert len(await ground.source.receive(32, LEASE)) == 1


async def test_copies_that_lie_far_apart_go_together(ground: Ground) -> None:
    message = await ground.receive(b"one")
    for number in range(2):
        await ground.source.dead_letter(message, f"put {number}")
        await asyncio.gather(*(ground.poison(b"another", "because") for _ in range(40)))
    poison = QueueClient(ground.queue._account, f"{ground.queue.name}-poison", create=False)
    assert await poison.count_all() == 82
    assert await ground.place.requeue(frozenset([message.id]), 10) == 1
    assert await poison.count_all() == 80
    assert await ground.place.requeue(frozenset([message.id]), 10) == 0


async def test_crash_between_put_and_delete_leaves_one_poisoned_message(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = await ground.receive(b"one")
    with monkeypatch.context() as crash:

        async def die(message: Message) -> None:
            raise asyncio.CancelledError

        crash.setattr(ground.source, "complete", die)
        with pytest.raises(asyncio.CancelledError):
            await ground.source.dead_letter(message, "first")
    message.dequeue_count += 1
    await ground.source.dead_letter(message, "second")
    assert len(await ground.place.peek(32)) == 1
    assert await ground.place.requeue(None, 10) == 1
    assert len(await ground.source.receive(32, LEASE)) == 1


async def test_large_message_stays_where_it_is_while_its_reason_cannot_be_kept(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise StoreUnavailableError("tables are away")

    monkeypatch.setattr(ground.store, "write_remark", away)
    message = await ground.receive(large(ground))
    with pytest.raises(SourceUnavailableError, match=r"reason of message .* could not be kept: tables are away"):
        await ground.source.dead_letter(message, "because")
    assert await ground.place.peek(32) == []


async def test_envelope_holds_what_xml_does_not(ground: Ground) -> None:
    body = "\x01\ufffe\uffff".encode()
    message = Message("made-up", body)
    await ground.source.dead_letter(message, base64.b64encode(b"reason").decode())
    (found,) = await ground.place.peek(32)
    assert (found.body, found.id) == (body, "made-up")
