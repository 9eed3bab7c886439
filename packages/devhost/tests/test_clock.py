"""The clocks, and what moves the manual one."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import azure.durable_functions as df
import azure.functions as func
import pytest

from devhost import Host, ManualClock, RealClock
from devhost.errors import DevhostError

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
clock = ManualClock()


@app.activity_trigger(input_name="seconds")
async def works(seconds: float) -> str:
    await clock.sleep(seconds)
    return clock.now().isoformat()


@app.activity_trigger(input_name="seconds")
def works_in_a_thread(seconds: float) -> str:
    before = clock.now()
    time.sleep(seconds)
    return str(clock.now() - before)


@app.activity_trigger(input_name="seconds")
async def works_in_parts(seconds: float) -> str:
    """Four workers share the activity, as the handlers of one execution do."""

    async def worker() -> None:
        for _ in range(3):
            await clock.sleep(seconds)

    await asyncio.gather(*(worker() for _ in range(4)))
    return clock.now().isoformat()


@app.orchestration_trigger(context_name="context")
def calls(context: df.DurableOrchestrationContext):
    given = context.get_input()
    yield context.create_timer(context.current_utc_datetime + timedelta(seconds=0))
    tasks = [context.call_activity(given["activity"], seconds) for seconds in given["seconds"]]
    results = yield context.task_all(tasks)
    return results


@app.orchestration_trigger(context_name="context")
def hourly(context: df.DurableOrchestrationContext):
    """An eternal loop: half an hour of work, then a wait of an hour."""
    yield context.call_activity("works", 1800)
    yield context.create_timer(context.current_utc_datetime + timedelta(hours=1))
    context.continue_as_new((context.get_input() or 0) + 1)


@app.orchestration_trigger(context_name="context")
def waits(context: df.DurableOrchestrationContext):
    yield context.wait_for_external_event("never")


@pytest.fixture
def manual() -> ManualClock:
    global clock
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    return clock


async def test_month_of_an_hourly_loop_runs_in_seconds(manual: ManualClock) -> None:
    begun = time.monotonic()
    async with Host(app, clock=manual) as host:
        await host.client.start_new("hourly", "one")
        await host.run_until(timedelta(days=30) - timedelta(seconds=1))
        assert host.engine.live["one"].input == '"479"'
    assert manual.now() == datetime(2026, 1, 30, 23, 59, 59, tzinfo=UTC)
    assert time.monotonic() - begun < 20


async def test_activities_that_sleep_share_the_time(manual: ManualClock) -> None:
    async with Host(app, clock=manual) as host:
        await host.client.start_new("calls", "one", {"activity": "works", "seconds": [30, 10, 20]})
        status = await host.wait_for("one")
    assert [text[17:19] for text in status["output"]] == ["30", "10", "20"]


async def test_workers_of_one_activity_share_the_time(manual: ManualClock) -> None:
    async with Host(app, clock=manual) as host:
        await host.client.start_new("calls", "one", {"activity": "works_in_parts", "seconds": [7]})
        status = await host.wait_for("one")
    assert status["output"] == ["2026-01-01T00:00:21+00:00"]


async def test_activity_in_a_thread_holds_the_time(manual: ManualClock) -> None:
    async with Host(app, clock=manual) as host:
        await host.client.start_new("calls", "one", {"activity": "works_in_a_thread", "seconds": [0.05]})
        await host.client.start_new("hourly", "two")
        status = await host.wait_for("one")
    assert status["output"] == ["0:00:00"]


async def test_time_stands_still_outside_of_run_until(manual: ManualClock) -> None:
    async with Host(app, clock=manual) as host:
        before = manual.now()
        await host.client.start_new("hourly", "one")
        await asyncio.sleep(0.05)
        assert manual.now() == before


async def test_condition_that_nothing_can_meet_is_told(manual: ManualClock) -> None:
    async with Host(app, clock=manual) as host:
        await host.client.start_new("waits", "one")
        with pytest.raises(DevhostError, match="nothing is left that could happen"):
            await host.run_until(lambda: False)


async def test_patience_in_real_time_ends_the_wait_and_names_what_runs(manual: ManualClock) -> None:
    async with Host(app, clock=manual, grace_seconds=1) as host:
        await host.client.start_new("calls", "one", {"activity": "works_in_a_thread", "seconds": [0.5]})
        with pytest.raises(DevhostError, match="running: works_in_a_thread"):
            await host.run_until(lambda: "one" not in host.engine.live, patience_seconds=0.1)


async def test_real_clock_waits_for_conditions_and_times() -> None:
    async with Host(app, clock=RealClock()) as host:
        begun = time.monotonic()
        await host.run_until(timedelta(seconds=0.05))
        assert time.monotonic() - begun >= 0.05
        await host.run_until(lambda: True)
        with pytest.raises(DevhostError, match="not reached within"):
            await host.run_until(lambda: False, patience_seconds=0.05)


def test_alarms_go_off_in_order_of_their_times_and_cancelled_ones_do_not() -> None:
    manual, seen = ManualClock(datetime(2026, 1, 1, tzinfo=UTC)), []
    for seconds in (3, 1, 2):
        manual.call_at(manual.now() + timedelta(seconds=seconds), lambda seconds=seconds: seen.append(seconds))
    manual.call_at(manual.now() + timedelta(seconds=2), lambda: seen.append("cancelled")).cancel()
    manual.advance_to(datetime(2026, 1, 1, 0, 0, 2, tzinfo=UTC))
    assert seen == [1, 2]
    assert manual.next_due() == datetime(2026, 1, 1, 0, 0, 3, tzinfo=UTC)


def test_manual_clock_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        ManualClock(datetime(2026, 1, 1))  # noqa: DTZ001  (the fault that is tested)


@app.activity_trigger(input_name="seconds")
async def works_beside_a_thread(seconds: float) -> list[str]:
    """One part sleeps on the clock while another does real work in a thread."""
    begun = clock.now()

    async def in_a_thread() -> str:
        await asyncio.to_thread(time.sleep, 0.05)
        return str(clock.now() - begun)

    async def on_the_clock() -> str:
        await clock.sleep(seconds)
        return str(clock.now() - begun)

    return await asyncio.gather(in_a_thread(), on_the_clock())


async def test_thread_of_an_activity_holds_the_time_though_another_part_sleeps(manual: ManualClock) -> None:
    async with Host(app, clock=manual) as host:
        await host.client.start_new("calls", "one", {"activity": "works_beside_a_thread", "seconds": [60]})
        status = await host.wait_for("one")
    assert status["output"] == [["0:00:00", "0:01:00"]]


class SteppedRealClock(RealClock):
    """The wall clock, set back or forward by `step`."""

    step = timedelta()

    def now(self) -> datetime:
        return super().now() + self.step


@pytest.mark.parametrize("step", [-60, 60])
async def test_real_alarm_rings_in_time_although_the_clock_is_set(step: float) -> None:
    stepped, rung = SteppedRealClock(), asyncio.Event()
    stepped.call_at(stepped.now() + timedelta(seconds=0.3), rung.set)
    stepped.step = timedelta(seconds=step)
    await asyncio.wait_for(rung.wait(), 2)
