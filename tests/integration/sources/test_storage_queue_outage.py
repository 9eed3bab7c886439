"""A connection that loses requests and answers, or goes away for a while: no message is lost."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from ebb import Message
from ebb.core.clock import SystemClock
from ebb.core.settings.connection import resolve_connection
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.validation import validate_settings
from ebb.execution.execution import run_execution
from ebb.execution.execution_report import ExecutionReport
from ebb.sources.registry import open_source
from ebb.sources.storage_queue.account import open_account
from ebb.sources.storage_queue.client import QueueClient
from tests.azurite import Azurite

VALUES = {str(number) for number in range(120)}
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class BadConnection:
    """Stands before the emulator and drops connections, before or after the server acted."""

    def __init__(self, upstream: str) -> None:
        self._upstream = URL(upstream)
        self._chance = random.Random(20260131)
        self.loss = 0.0  # share of requests lost, and of answers
        self.down = False
        self.lost_answers = 0
        self.url = ""
        self.session = aiohttp.ClientSession(auto_decompress=False, skip_auto_headers=["Content-Type"])

    async def handle(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        if self.down or self._chance.random() < self.loss:
            request.transport.abort()
            return web.Response()
        headers = {key: value for key, value in request.headers.items() if key.lower() != "host"}
        url, body = self._upstream.join(URL(request.raw_path, encoded=True)), await request.read() or None
        async with self.session.request(request.method, url, headers=headers, data=body) as answer:
            content = await answer.read()
        if self._chance.random() < self.loss:
            self.lost_answers += 1
            request.transport.abort()
        kept = {key: value for key, value in answer.headers.items() if key.lower() not in _HOP_BY_HOP}
        return web.Response(status=answer.status, body=content, headers=kept)


@pytest.fixture
async def bad(azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[BadConnection]:
    monkeypatch.setattr("ebb.sources.storage_queue.account.FIRST_PAUSE", 0.002)
    connection = BadConnection(azurite.endpoint("queue"))
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", connection.handle)
    runner = web.AppRunner(app, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    connection.url = f"http://127.0.0.1:{runner.addresses[0][1]}/{azurite.account}"
    yield connection
    await connection.session.close()
    await runner.cleanup()


class Drain:
    """A filled queue behind the bad connection."""

    def __init__(self, azurite: Azurite, bad: BadConnection) -> None:
        self.bad, self.handled = bad, list[str]()
        self.queue_name = f"outage-{secrets.token_hex(4)}"
        self._azurite = azurite
        self.settings: ScheduleSettings = validate_settings(
            {
                "source": {"type": "storageQueue", "queueName": self.queue_name, "messageEncoding": "none"},
                "handler": "handlers.noop:handle",
                "visibilityTimeout": 1,
                "maxDequeueCount": 50,
                "concurrency": 8,
            }
        )

    async def fill(self) -> None:
        account = open_account(resolve_connection("Direct", {"Direct": self._azurite.connection_string}))
        queue = QueueClient(account, self.queue_name, create=True)
        await queue.create()
        await asyncio.gather(*(queue.put(value) for value in VALUES))

    async def left(self) -> int:
        account = open_account(resolve_connection("Direct", {"Direct": self._azurite.connection_string}))
        return await QueueClient(account, self.queue_name, create=False).count_all()

    async def run(self) -> ExecutionReport:
        endpoint = self._azurite.endpoint("queue")
        text = self._azurite.connection_string.replace(endpoint, self.bad.url)
        source = open_source(self.settings, {"AzureWebJobsStorage": text})
        try:
            report = await run_execution(
                source, self._handle, self.settings, reason_to_stop=_go_on, clock=SystemClock(), log={}
            )
        finally:
            await source.close()
        settled = report.processed + report.failed + report.poisoned + report.released
        assert report.received == settled + report.lost
        assert report.poisoned == report.failed == 0
        return report

    async def _handle(self, message: Message) -> None:
        self.handled.append(message.text)
        if len(self.handled) == 50:
            self.bad.down = True


async def _go_on() -> None:
    return None


async def test_lost_requests_and_answers_lose_no_message(azurite: Azurite, bad: BadConnection) -> None:
    drain = Drain(azurite, bad)
    await drain.fill()
    bad.loss = 0.15
    while await drain.left():
        await drain.run()
        bad.down = False
        await asyncio.sleep(0.2)
    assert set(drain.handled) == VALUES
    assert bad.lost_answers > 5


async def test_outage_ends_the_execution_and_loses_no_message(azurite: Azurite, bad: BadConnection) -> None:
    drain = Drain(azurite, bad)
    await drain.fill()
    report = await drain.run()
    assert report.ended == "failed"
    assert "cannot be reached" in str(report.error)
    assert report.lost > 0
    bad.down = False
    while await drain.left():
        assert (await drain.run()).ended == "empty"
        await asyncio.sleep(0.2)
    assert set(drain.handled) == VALUES
