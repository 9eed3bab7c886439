"""Conformance 34 to 39: durable timers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import azure.durable_functions as df
import azure.functions as func

from devhost import Host, ManualClock, RealClock

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.orchestration_trigger(context_name="context")
def sleeper(context: df.DurableOrchestrationContext):
    seconds = context.get_input()
    yield context.create_timer(context.current_utc_datetime + timedelta(seconds=seconds))
    return context.current_utc_datetime.isoformat()


@app.orchestration_trigger(context_name="context")
def race(context: df.DurableOrchestrationContext):
    timer = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
    event = context.wait_for_external_event("go")
    winner = yield context.task_any([event, timer])
    if winner is event and context.get_input() == "cancel":
        timer.cancel()
    return "event" if winner is event else "timer"


def _input(text: str) -> str:
    """An input as the Python client sends it: JSON text within a JSON string."""
    return f'"{text}"' if not text.startswith('"') else '"\\' + text[:-1] + '\\""'


async def test_c34_timer_never_fires_early_on_the_real_clock() -> None:
    async with Host(app, clock=RealClock()) as host:
        begun = datetime.now(UTC)
        status = await host.wait_for(await host.operations.start("sleeper", None, _input("0.2")))
    assert datetime.fromisoformat(status["output"]) >= begun + timedelta(seconds=0.2)


async def test_c34_timer_fires_exactly_on_the_manual_clock() -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    async with Host(app, clock=clock) as host:
        status = await host.wait_for(await host.operations.start("sleeper", None, _input("90")))
    assert status["output"] == "2026-01-01T00:01:30+00:00"


async def test_c35_timer_in_the_past_fires_at_once() -> None:
    clock = ManualClock()
    begun = clock.now()
    async with Host(app, clock=clock) as host:
        status = await host.wait_for(await host.operations.start("sleeper", None, _input("-5")))
    assert status["runtimeStatus"] == "Completed"
    assert clock.now() == begun


async def test_c36_cancelled_timer_does_not_hold_the_end() -> None:
    clock = ManualClock()
    begun = clock.now()
    async with Host(app, clock=clock) as host:
        await host.operations.start("race", "one", _input('"cancel"'))
        await host.operations.raise_event("one", "go", "1")
        status = await host.wait_for("one")
    assert status["output"] == "event"
    assert clock.now() == begun


async def test_c37_timer_that_is_not_cancelled_holds_the_end_until_it_fires() -> None:
    clock = ManualClock()
    begun = clock.now()
    async with Host(app, clock=clock) as host:
        await host.operations.start("race", "one", _input('"leave"'))
        await host.operations.raise_event("one", "go", "1")
        await host.run_until(timedelta(minutes=59))
        assert (await host.client.get_status("one")).runtime_status.name == "Running"
        status = await host.wait_for("one")
    assert status["output"] == "event"
    assert clock.now() - begun == timedelta(hours=1)


async def test_c38_timer_of_thirty_days_is_one_timer() -> None:
    async with Host(app, clock=ManualClock()) as host:
        await host.wait_for(await host.operations.start("sleeper", "one", _input(str(30 * 86400))))
        history = host.store.history("one")
    assert [event["EventType"] for event in history].count(10) == 1


async def test_c39_timer_fires_after_a_restart(tmp_path: Path) -> None:
    clock = ManualClock()
    async with Host(app, clock=clock, state=tmp_path) as host:
        await host.operations.start("sleeper", "one", _input("60"))
        await host.run_until(timedelta(seconds=10))
    async with Host(app, clock=clock, state=tmp_path) as host:
        assert host.resumed == 1
        status = await host.wait_for("one")
    assert status["output"] == "2026-01-01T00:01:00+00:00"


async def test_c39_timer_that_came_due_while_stopped_fires_at_once(tmp_path: Path) -> None:
    async with Host(app, clock=ManualClock(), state=tmp_path) as host:
        await host.operations.start("sleeper", "one", _input("60"))
        await host.run_until(timedelta(seconds=10))
    later = ManualClock(datetime(2026, 1, 2, tzinfo=UTC))
    async with Host(app, clock=later, state=tmp_path) as host:
        status = await host.wait_for("one")
    assert status["output"] == "2026-01-02T00:00:00+00:00"
