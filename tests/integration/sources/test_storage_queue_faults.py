"""The storage queue source against a server that misbehaves: retries, tokens, pages that no XML parser reads."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref
from collections import deque
from collections.abc import AsyncIterator
from datetime import timedelta
from types import SimpleNamespace

import aiohttp
import pytest
from aiohttp import web
from azure.core.exceptions import ClientAuthenticationError

from ebb.core.errors import LeaseLostError, SourceError, SourceUnavailableError
from ebb.core.message import Message
from ebb.core.settings.connection import Connection
from ebb.sources.storage_queue import account
from ebb.sources.storage_queue.account import open_account
from ebb.sources.storage_queue.settings import StorageQueueSettings
from ebb.sources.storage_queue.signing import TokenSigner
from ebb.sources.storage_queue.source import StorageQueueSource

LEASE = timedelta(seconds=30)
PAGE = (
    "\ufeff<?xml version='1.0' encoding='utf-8'?><QueueMessagesList>"
    "<QueueMessage><MessageId>1</MessageId><InsertionTime>Sat, 31 Jan 2026 12:00:00 GMT</InsertionTime>"
    "<PopReceipt>r+/=</PopReceipt><DequeueCount>2</DequeueCount><MessageText>{}</MessageText></QueueMessage>"
    "<QueueMessage><DequeueCount>1</DequeueCount><MessageText /><MessageId>2</MessageId></QueueMessage>"
    "</QueueMessagesList>"
)


class Server:
    """Gives the answers in `answers`, in turn; an answer of None drops the connection."""

    def __init__(self) -> None:
        self.answers: deque[web.Response | None] = deque()
        self.requests: list[web.Request] = []
        self.endpoint = ""
        self.silent, self.silence = False, asyncio.Event()

    async def answer(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        if self.silent:
            await self.silence.wait()
            return web.Response()
        answer = self.answers.popleft()
        if answer is None:
            assert request.transport is not None
            request.transport.abort()
            await asyncio.sleep(0)
            return web.Response()
        return answer


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    monkeypatch.setattr("ebb.sources.storage_queue.account.FIRST_PAUSE", 0.001)
    server = Server()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", server.answer)
    runner = web.AppRunner(app, handle_signals=False)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.endpoint = f"http://127.0.0.1:{runner.addresses[0][1]}/account"
    yield server
    await runner.cleanup()


@pytest.fixture
async def source(server: Server) -> AsyncIterator[StorageQueueSource]:
    connection = Connection("Storage", "connectionString", {"queue": server.endpoint}, sas="sig=s%2Fecret&sp=raup")
    settings = StorageQueueSettings(type="storageQueue", queueName="work", messageEncoding="none")
    source = StorageQueueSource(settings, connection)
    yield source
    await source.close()


def error(status: int, code: str = "") -> web.Response:
    return web.Response(status=status, headers={"x-ms-error-code": code} if code else {})


def count(number: int) -> web.Response:
    return web.Response(headers={"x-ms-approximate-messages-count": str(number)})


async def test_overload_and_dropped_connections_are_tried_again(server: Server, source: StorageQueueSource) -> None:
    server.answers += [error(503, "ServerBusy"), None, None, error(500), web.Response(text=PAGE.format("x"))]
    messages = await source.receive(32, LEASE)
    assert [message.id for message in messages] == ["1", "2"]


async def test_overload_that_lasts_is_told_without_secrets(server: Server, source: StorageQueueSource) -> None:
    server.answers += [error(503, "ServerBusy") for _ in range(4)]
    with pytest.raises(SourceUnavailableError, match=r"cannot answer now \(503 ServerBusy\), tried 4 times") as caught:
        await source.receive(32, LEASE)
    assert "127.0.0.1" in str(caught.value)
    assert "ecret" not in str(caught.value)
    assert len(server.requests) == 4


async def test_connection_that_is_always_dropped_is_told_without_secrets(
    server: Server, source: StorageQueueSource
) -> None:
    server.answers += [None] * 20
    with pytest.raises(SourceUnavailableError, match="cannot be reached") as caught:
        await source.complete(Message("1", b"", receipt="r"))
    assert "ecret" not in str(caught.value)


async def test_refused_access_is_not_tried_again(server: Server, source: StorageQueueSource) -> None:
    server.answers.append(error(403, "AuthorizationPermissionMismatch"))
    with pytest.raises(SourceUnavailableError, match=r"refuses access \(403 AuthorizationPermissionMismatch\)"):
        await source.measure()
    assert len(server.requests) == 1


async def test_silent_service_is_given_up_in_bounded_time(
    server: Server, source: StorageQueueSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(account.LIMITS, "queue", (0.1, 0.2))
    server.silent = True
    with pytest.raises(SourceUnavailableError, match=r"\d did not answer within 0.2 s \(app setting Storage\)"):
        await source.measure()
    server.silence.set()


async def test_unexpected_answer_is_told(server: Server, source: StorageQueueSource) -> None:
    server.answers.append(error(400, "OutOfRangeQueryParameterValue"))
    with pytest.raises(SourceError, match=r"queue work at .* answered 400 OutOfRangeQueryParameterValue"):
        await source.receive(32, LEASE)


async def test_receipt_travels_unharmed(server: Server, source: StorageQueueSource) -> None:
    server.answers += [web.Response(text=PAGE.format("x")), web.Response(status=204)]
    message, _ = await source.receive(32, LEASE)
    await source.complete(message)
    assert server.requests[1].query["popreceipt"] == "r+/="
    assert server.requests[1].query["sig"] == "s/ecret"
    assert server.requests[1].path == "/account/work/messages/1"


async def test_delete_of_a_message_that_is_gone_is_done(server: Server, source: StorageQueueSource) -> None:
    server.answers.append(error(404, "MessageNotFound"))
    await source.complete(Message("1", b"", receipt="r"))


async def test_extend_after_a_lost_answer_is_a_lost_lease(server: Server, source: StorageQueueSource) -> None:
    server.answers += [error(500), error(400, "PopReceiptMismatch")]
    with pytest.raises(LeaseLostError):
        await source.extend(Message("1", b"", receipt="r"), LEASE)


@pytest.mark.parametrize(
    ("stored", "body"),
    [
        ("a\x01b", b"a\x01b"),
        ("a&#x1;&#2;b", b"a\x01\x02b"),
        ("&lt;a&gt; &amp;amp; &quot;&apos;", b"<a> &amp; \"'"),
        ("&unknown; &#xFFFFFFF; & alone", b"&unknown; &#xFFFFFFF; & alone"),
        ("a\r\nb&#13;", b"a\r\nb\r"),
        ("\U0001f41d&#x1F41D;", "🐝🐝".encode()),
        ("&#xD800;", b"?"),
    ],
)
async def test_page_is_read_whatever_its_messages_contain(
    server: Server, source: StorageQueueSource, stored: str, body: bytes
) -> None:
    server.answers.append(web.Response(text=PAGE.format(stored)))
    first, second = await source.receive(32, LEASE)
    assert (first.body, first.dequeue_count, first.receipt) == (body, 2, "r+/=")
    assert (second.id, second.body) == ("2", b"")
    assert first.enqueued_at is not None
    assert first.enqueued_at.isoformat() == "2026-01-31T12:00:00+00:00"


async def test_full_peek_asks_for_the_approximate_count(server: Server, source: StorageQueueSource) -> None:
    full = "<QueueMessagesList>" + "<QueueMessage></QueueMessage>" * 32 + "</QueueMessagesList>"
    server.answers += [web.Response(text=full), count(700), web.Response(text=full), count(20)]
    assert [(await source.measure()).count for _ in range(2)] == [700, 32]
    assert server.requests[0].query["peekonly"] == "true"
    assert server.requests[1].query["comp"] == "metadata"


class FakeCredential:
    """An identity that gives numbered tokens."""

    def __init__(self, lifetime: float = 3600) -> None:
        self.asked = self.given = self.closed = 0
        self.lifetime, self.fault = lifetime, False

    async def get_token(self, *scopes: str) -> SimpleNamespace:
        assert scopes == ("https://storage.azure.com/.default",)
        self.asked += 1
        await asyncio.sleep(0)
        if self.fault:
            raise ClientAuthenticationError("no identity is assigned")
        self.given += 1
        return SimpleNamespace(token=f"token-{self.given}", expires_on=time.time() + self.lifetime)

    async def close(self) -> None:
        self.closed += 1


@pytest.fixture
async def identity(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[StorageQueueSource, FakeCredential]]:
    credential = FakeCredential()
    monkeypatch.setattr(
        "ebb.sources.storage_queue.account.signer_for", lambda connection, service: TokenSigner(lambda: credential)
    )
    connection = Connection("Storage", "identity", {"queue": server.endpoint}, "account")
    settings = StorageQueueSettings(type="storageQueue", queueName="work", messageEncoding="none")
    source = StorageQueueSource(settings, connection, visible_only=False)
    yield source, credential
    await source.close()
    assert credential.closed == credential.asked


async def test_connections_outlive_the_source_that_opened_them(server: Server, source: StorageQueueSource) -> None:
    server.answers += [count(1) for _ in range(2)]
    for each in (source, StorageQueueSource(source._source, source._connection)):
        assert await each.receive(32, LEASE) == []
        await each.close()
    first, second = server.requests
    assert first.transport is not None
    assert first.transport is second.transport


async def test_connections_are_closed_with_their_event_loop(server: Server, source: StorageQueueSource) -> None:
    async def use() -> aiohttp.ClientSession | None:
        assert await StorageQueueSource(source._source, source._connection).receive(32, LEASE) == []
        return open_account(source._connection)._session

    server.answers.append(count(1))
    session = await asyncio.to_thread(asyncio.run, use())
    assert session is not None
    assert session.closed


async def test_nothing_is_kept_of_an_event_loop_that_ended(server: Server, source: StorageQueueSource) -> None:
    async def use() -> weakref.ref[asyncio.AbstractEventLoop]:
        assert await StorageQueueSource(source._source, source._connection).receive(32, LEASE) == []
        return weakref.ref(asyncio.get_running_loop())

    server.answers.append(count(1))
    loop = await asyncio.to_thread(asyncio.run, use())
    gc.collect()
    assert loop() is None


async def test_token_is_fetched_once_for_many_requests(
    server: Server, identity: tuple[StorageQueueSource, FakeCredential]
) -> None:
    source, credential = identity
    server.answers += [count(1) for _ in range(5)]
    await asyncio.gather(*(source.measure() for _ in range(5)))
    assert {request.headers["Authorization"] for request in server.requests} == {"Bearer token-1"}
    assert server.requests[0].headers["x-ms-version"] == "2021-12-02"
    assert credential.given == 1


async def test_token_outlives_the_source_that_fetched_it(
    server: Server, identity: tuple[StorageQueueSource, FakeCredential]
) -> None:
    source, credential = identity
    server.answers += [count(1) for _ in range(2)]
    other = StorageQueueSource(source._source, source._connection, visible_only=False)
    for each in (source, other):
        await each.measure()
        await each.close()
    assert credential.given == 1
    with pytest.raises(SourceUnavailableError, match="queue work is closed"):
        await source.measure()


async def test_token_that_ends_soon_is_renewed(
    server: Server, identity: tuple[StorageQueueSource, FakeCredential]
) -> None:
    source, credential = identity
    credential.lifetime = 200
    server.answers += [count(1) for _ in range(2)]
    await source.measure()
    await source.measure()
    assert [request.headers["Authorization"] for request in server.requests] == ["Bearer token-1", "Bearer token-2"]


async def test_refused_token_is_renewed_once(
    server: Server, identity: tuple[StorageQueueSource, FakeCredential]
) -> None:
    source, _ = identity
    server.answers += [error(401, "AuthenticationFailed"), count(4)]
    assert (await source.measure()).count == 4
    server.answers += [error(401, "AuthenticationFailed") for _ in range(2)]
    with pytest.raises(SourceUnavailableError, match="role Storage Queue Data Contributor"):
        await source.measure()


async def test_client_of_the_sdk_gets_the_same_token(
    server: Server, identity: tuple[StorageQueueSource, FakeCredential]
) -> None:
    source, credential = identity
    server.answers.append(count(1))
    await source.measure()
    async with open_account(source._connection).signer.sdk_credential() as for_sdk:
        assert (await for_sdk.get_token("https://storage.azure.com/.default")).token == "token-1"
    assert credential.given == 1


async def test_missing_identity_is_told(server: Server, identity: tuple[StorageQueueSource, FakeCredential]) -> None:
    source, credential = identity
    credential.fault = True
    with pytest.raises(SourceUnavailableError, match=r"gets no token .*app setting Storage.*no identity is assigned"):
        await source.measure()
    credential.fault = False
    server.answers.append(count(0))
    await source.measure()
