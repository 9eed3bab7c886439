"""A budget towards a real server that answers 429: what the app learns of it, the breaker's way, and what it tells."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp
from aiohttp import web

from ebb import Message
from ebb.core.budget import BudgetState
from ebb.core.remarks import BUDGETS
from ebb.core.settings.schedules import Schedules
from tests.integration.control.hub import Hub, eventually, schedules

SECONDS = 60.0  # patience with a busy machine


class Server:
    """Takes `limit` requests a second; answers others 429 and says when to come back."""

    def __init__(self) -> None:
        self.limit, self.retry_after = 0, 3
        self.taken, self.refused = list[float](), 0
        self.at_once_since_refusal, self._at_work = 0, 0

    async def answer(self, _: web.Request) -> web.Response:
        self._at_work += 1
        try:
            if self.refused:
                self.at_once_since_refusal = max(self.at_once_since_refusal, self._at_work)
            now = time.monotonic()
            if sum(now - each < 1 for each in self.taken) < self.limit:
                self.taken.append(now)
                return web.Response(text="done")
            self.refused += 1
            return web.Response(status=429, headers={"Retry-After": str(self.retry_after)})
        finally:
            self._at_work -= 1

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[Server]:
        app = web.Application()
        app.router.add_post("/", self.answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        downstream.append(f"http://{host}:{port}/")
        try:
            yield self
        finally:
            await runner.cleanup()


downstream: list[str] = []  # the address of the server of the test that runs, last


async def handle(message: Message) -> None:
    async with aiohttp.ClientSession() as session, session.post(downstream[-1]) as answer:
        answer.raise_for_status()


def on_budget(rate: str) -> Schedules:
    known = schedules(
        handler=f"{__name__}:handle",
        maxDequeueCount=100,
        pollingInterval=0.2,
        maxPollingInterval=0.2,
        queueLength=1,
        maxExecutions=4,
        executionSlice=1,
        visibilityTimeout=2,
    )
    return Schedules({"parity": {**known["parity"].to_document(), "budget": {"name": "crm", "rate": rate}}})


async def budget(hub: Hub) -> BudgetState:
    noted = await hub.services.store.remark(BUDGETS, "crm")
    return BudgetState.from_remark(noted.remark if noted else None)


async def planned(hub: Hub) -> dict[str, Any]:
    return (await hub.call("GET", "schedules/parity/plan"))[1]


async def until_processed(hub: Hub, server: Server, count: int) -> None:
    async def done() -> bool:
        return (await hub.schedule())["totals"]["processed"] == count

    await eventually(done, lambda: f"{len(server.taken)} taken, {server.refused} refused", SECONDS)


async def test_server_that_refuses_opens_the_breaker_and_one_message_closes_it() -> None:
    server = Server()
    async with server.running(), Hub(on_budget("50/s")) as hub:
        hub.put("first")
        await hub.post("start")
        sent = 1

        async def told() -> bool:
            nonlocal sent
            if (await budget(hub)).is_open(hub.services.clock.now()) and sent < 3 + server.refused:
                hub.put("while it is open")
                sent += 1
            return (await hub.schedule())["decision"]["code"] == "budgetOpen"

        await eventually(told, lambda: f"{server.refused} refused", SECONDS)
        held = await hub.schedule()
        assert held["decision"]["executions"] == 0
        assert held["decision"]["limitedBy"] == "budget crm"
        assert "budget crm is open: its downstream refuses until" in held["decision"]["reason"]
        assert (await budget(hub)).share <= 0.5, "each refusal halves it"
        shown = (await planned(hub))["budget"]
        assert (shown["name"], shown["rate"], shown["rateNow"]) == ("crm", 50.0, 0.0)
        assert shown["breaker"] in ("open", "halfOpen")
        assert server.at_once_since_refusal <= 1, "half open, one message tries"
        hub.put("one more", "and another")
        server.limit = 1000
        await until_processed(hub, server, sent + 2)
        cycles = (await hub.call("GET", "schedules/parity/cycles?top=500"))[1]["value"]
        probes = [each for each in cycles if each["decision"]["code"] == "budgetHalfOpen"]
        assert probes
        assert {len(each["executions"]) for each in probes} == {1}
        assert "half open, one message tries" in probes[0]["decision"]["reason"]
        state = await budget(hub)
        assert not state.is_tripped
        shown = (await planned(hub))["budget"]
        assert (shown["breaker"], shown["openUntil"], shown["refusals"]) == ("closed", None, 0)
        assert 0 < shown["rateNow"] <= 50
        assert state.share <= 0.5, "closed, and the share comes back slowly"
        later = hub.services.clock.now() + timedelta(seconds=60)
        assert state.share_now(later) == 1.0


async def test_budget_learns_what_a_server_really_takes() -> None:
    server = Server()
    server.limit, server.retry_after = 4, 1
    async with server.running(), Hub(on_budget("40/s")) as hub:
        hub.put(*(f"order {number}" for number in range(16)))
        await hub.post("start")
        await until_processed(hub, server, 16)
        state = await budget(hub)
        assert server.refused
        assert state.share < 1.0
        assert len(server.taken) == 16
        assert server.refused <= 40, "each refusal closes the gate for a second"
        hub.put("later")
        await until_processed(hub, server, 17)
