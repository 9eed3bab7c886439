"""Notifications: what is worth one, and what a webhook gets."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from ebb.control.notifying import Notifier, notifier_of
from ebb.control.watchdog import Watchdog
from ebb.core.documents import Cycle, Execution
from ebb.core.errors import SettingsError
from ebb.core.notices import Rules, Streak, notices_of
from ebb.services import Services
from ebb.store.memory import MemoryStore
from ebb.telemetry.webhook import ATTEMPTS, Webhook
from tests.integration.control.hub import Hub, eventually, schedules


class Receiver:
    """A webhook that keeps what it gets; `answers` are the statuses that it gives first."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answers: list[int] = []
        self.calls = 0
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.calls += 1
        status = self.answers.pop(0) if self.answers else 202
        if status < 300:
            self.events.append(json.loads(await request.read()))
            self.headers.append(dict(request.headers))
        return web.Response(status=status)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    taking = Receiver()
    app = web.Application()
    app.router.add_post("/hook", taking.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    taking.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield taking
    await runner.cleanup()


def cycle(number: int, outcome: str = "succeeded", poisoned: int = 0, age: float | None = None) -> Cycle:
    execution = Execution(index=0, started_at="2026-01-01T00:00:00Z", oldest_message_age=age)
    error = "no disk" if outcome == "failed" else None
    return Cycle(cycle=number, outcome=outcome, poisoned=poisoned, executions=(execution,), error=error)


def test_failed_cycles_are_counted_as_the_status_counts_them() -> None:
    outcomes = ["failed", "stopped", "timedOut", "partlyFailed", "failed", "failed"]
    cycles = [cycle(number, outcome) for number, outcome in enumerate(outcomes, 1)]
    notices, streak = notices_of("job", cycles, Streak(), Rules(failures=2))
    assert [each.id for each in notices] == ["job/failing/1", "job/recovered/1", "job/failing/5"]
    assert streak == Streak(seen=6, failed=2, first=5)


def test_failure_is_told_once_when_it_lasts_and_its_end_once() -> None:
    outcomes = ["succeeded", "failed", "failed", "failed", "failed", "succeeded", "failed", "succeeded"]
    streak, told = Streak(), list[str]()
    for number, outcome in enumerate(outcomes, 1):
        notices, streak = notices_of("s", [cycle(number, outcome)], streak, Rules(failures=3))
        told += [f"{notice.id} {notice.text}" for notice in notices]
    assert told == [
        "s/failing/2 s failed in 3 cycles in a row: no disk",
        "s/recovered/2 s works again after 4 cycles that failed",
    ]


def test_poison_and_lateness_are_told_for_each_cycle_once() -> None:
    cycles = [cycle(2, poisoned=1, age=90.0), cycle(1, age=40.0)]
    notices, streak = notices_of("s", cycles, Streak(), Rules(late=60))
    assert [notice.kind for notice in notices] == ["poisoned", "late"]
    assert notices[1].text == "s is late: a message waited 90 s until cycle 2, more than 60 s"
    assert notices_of("s", cycles, streak, Rules(late=60)) == ([], streak)
    assert notices_of("s", cycles, Streak(), Rules())[0][0].kind == "poisoned", "lateness is off by default"


async def test_webhook_gets_cloud_events_of_a_schedule_that_fails(receiver: Receiver) -> None:
    known = schedules(maxDequeueCount=1, replicaRetryLimit=0)
    settings = {"EbbWebhookUrl": receiver.url, "EbbWebhookAuthorization": "Bearer x", "EbbNotifyAfterFailures": "1"}
    async with Hub(known, **settings) as hub:
        notifier = notifier_of(hub.services)
        assert isinstance(notifier, Notifier)
        await hub.post("start")
        await hub.until(phase="waiting")
        await notifier.look("HubA", await hub.services.store.rows(), {})
        hub.put("no number")
        await hub.post("trigger")

        async def poisoned() -> bool:
            return (await hub.schedule())["totals"]["poisoned"] == 1

        await eventually(poisoned, lambda: "nothing was poisoned")
        for _ in range(2):
            await notifier.look("HubA", await hub.services.store.rows(), {})
    found = {event["type"]: event for event in receiver.events}
    event = found["ebb.schedule.poisoned"]
    assert set(event) == {"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"}
    assert (event["specversion"], event["subject"], event["source"]) == ("1.0", "parity", "/ebb/HubA/parity")
    assert event["data"]["messages"] == 1
    assert receiver.headers[0]["Content-Type"].startswith("application/cloudevents+json")
    assert receiver.headers[0]["Authorization"] == "Bearer x"
    ids = [event["id"] for event in receiver.events]
    assert len(set(ids)) == len(ids), "nothing is told twice"


async def test_silent_schedule_is_told_by_the_watchdog(receiver: Receiver) -> None:
    async with Hub(schedules(), EbbWebhookUrl=receiver.url) as hub:
        await hub.post("start")
        await hub.until(phase="waiting")
        client = hub.host.client
        await client.terminate("ebb-parity", "by a test")
        watchdog = Watchdog(hub.services)

        async def told() -> bool:
            await watchdog.look(client)
            return bool(receiver.events)

        await eventually(told, lambda: "the watchdog told nothing")
        assert receiver.events[0]["type"] == "ebb.schedule.silent"
        assert "was silent and was started again" in receiver.events[0]["data"]["text"]


@pytest.mark.parametrize(
    ("answers", "taken", "calls"),
    [([503, 429], True, 3), ([500] * 9, False, ATTEMPTS), ([400], False, 1), ([], True, 1)],
)
async def test_delivery_is_tried_again_where_that_may_help(
    receiver: Receiver, answers: list[int], taken: bool, calls: int, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answers = list(answers)
    assert await Webhook(receiver.url, first_pause=0.01).send({"id": "1"}) is taken
    assert receiver.calls == calls
    assert ("was not delivered" in caplog.text) is not taken


async def test_receiver_that_is_away_is_logged_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    assert await Webhook("http://127.0.0.1:9/secret-path", first_pause=0.01).send({"id": "1"}) is False
    assert "secret-path" not in caplog.text


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"EbbWebhookUrl": "ftp://secret"}, "EbbWebhookUrl must be an address"),
        ({"EbbWebhookUrl": "http://x", "EbbNotifyAfterFailures": "0"}, "must be a whole number, 1 to 200"),
        ({"EbbWebhookUrl": "http://x", "EbbNotifyLateAfter": "soon"}, "EbbNotifyLateAfter: 'soon'"),
    ],
)
def test_settings_that_cannot_be_used_are_named(settings: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said) as refused:
        notifier_of(Services(schedules(), MemoryStore(), environment=settings))
    assert "secret" not in str(refused.value)


def test_nothing_is_sent_unless_a_webhook_is_named() -> None:
    assert notifier_of(Services(schedules(), MemoryStore(), environment={})) is None
