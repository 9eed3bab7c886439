"""Whatever an app does wrong ends its own instance or call by name; the host goes on, now and after the next start."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import pytest

from devhost import Host, ManualClock
from devhost.errors import DevhostError

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
Context = df.DurableOrchestrationContext


class SpeechlessError(Exception):
    """An exception whose text cannot be made."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


RAISED: dict[str, Callable[[], BaseException]] = {
    "speechless": SpeechlessError,
    "generator exit": GeneratorExit,
    "stop iteration": StopIteration,
    "interrupt": KeyboardInterrupt,
    "outcome of pytest": lambda: pytest.fail.Exception("in the app"),
    "cancelled": asyncio.CancelledError,
    "timeout": TimeoutError,
}


def _raise(kind: str) -> None:
    error = RAISED[kind]()
    raise error


CALLS: dict[str, Callable[[Context], Any]] = {
    "activity 5": lambda c: c.call_activity(5, 1),  # the fault under test
    "activity dict": lambda c: c.call_activity({"k": 1}, 1),  # the fault under test
    "activity list": lambda c: c.call_activity(["a"], 1),  # the fault under test
    "child 5": lambda c: c.call_sub_orchestrator("child", None, 5),  # the fault under test
    "child surrogate": lambda c: c.call_sub_orchestrator("child", None, "\ud800"),
    "child with slash": lambda c: c.call_sub_orchestrator("child", None, "a/b"),
    "child with at": lambda c: c.call_sub_orchestrator("child", None, "@a"),
    "timer": lambda c: c.create_timer(datetime.min.replace(tzinfo=UTC)),
    "retry": lambda c: c.call_activity_with_retry("echo", df.RetryOptions(10**15, 3), 1),
    "entity": lambda c: c.call_entity(df.EntityId("holder", "\ud800"), "x"),
}


@app.activity_trigger(input_name="value")
def echo(value: str) -> str:
    return value


@app.orchestration_trigger(context_name="context")
def child(context: Context):
    return "child"


@app.entity_trigger(context_name="context")
def holder(context: df.DurableEntityContext) -> None:
    context.set_result("held")


@app.orchestration_trigger(context_name="context")
def calls(context: Context):
    yield CALLS[str(context.get_input())](context)


@app.orchestration_trigger(context_name="context")
def raises(context: Context):
    yield context.call_activity("echo", "x")
    _raise(str(context.get_input()))


@app.orchestration_trigger(context_name="context")
def asks_a_faulty_child(context: Context):
    try:
        yield context.call_sub_orchestrator("raises", "interrupt", "faulty-child")
    except Exception as error:  # noqa: BLE001  (the SDK raises plain Exception)
        return str(error)


async def _status(name: str, given: Any = None, state: Path | None = None) -> dict[str, Any]:
    async with Host(app, clock=ManualClock(), state=state) as host:
        await host.client.start_new(name, "one", given)
        status = await host.wait_for("one")
        await host.client.start_new("child", "two")
        assert (await host.wait_for("two"))["output"] == "child", "the host must live"
        return status


@pytest.mark.parametrize("call", CALLS)
async def test_c58_call_that_cannot_be_carried_out_fails_its_instance_only(call: str, tmp_path: Path) -> None:
    status = await _status("calls", call, tmp_path)
    assert status["runtimeStatus"] == "Failed"
    assert status["output"].startswith("Orchestrator function 'calls' failed: ")
    async with Host(app, clock=ManualClock(), state=tmp_path) as host:
        assert (await host.wait_for("one"))["runtimeStatus"] == "Failed"


@pytest.mark.parametrize("call", ["activity 5", "child 5"])
async def test_c58_value_of_the_wrong_kind_is_shown(call: str) -> None:
    assert "must be text, got 5 (int)" in (await _status("calls", call))["output"]


@pytest.mark.parametrize("kind", RAISED)
async def test_c58_orchestrator_may_raise_anything(kind: str) -> None:
    status = await _status("raises", kind)
    assert status["runtimeStatus"] == "Failed"
    assert status["output"].startswith("Orchestrator function 'raises' failed: ")


async def test_c58_parent_of_a_faulty_child_is_told() -> None:
    assert "Orchestrator function 'raises' failed" in (await _status("asks_a_faulty_child"))["output"]


async def test_fault_of_the_host_in_one_episode_fails_that_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Host(app, clock=ManualClock()) as host:

        def broken(*_: Any) -> None:
            raise LookupError("a fault of the host")

        with monkeypatch.context() as patch:
            patch.setattr(type(host.engine.episodes.beginnings), "work_of", broken)
            await host.client.start_new("raises", "one", "timeout")
            status = await host.wait_for("one")
        assert status["output"] == "Orchestrator function 'raises' failed: LookupError: a fault of the host"
        await host.client.start_new("child", "two")
        assert (await host.wait_for("two"))["output"] == "child"


async def test_wait_on_the_real_clock_names_a_store_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Host(app) as host:
        await host.client.start_new("raises", "one", "timeout")

        def full(*_: Any) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr(host.store, "write_instance", full)
        with pytest.raises(DevhostError, match="the state could not be written: database or disk is full"):
            await host.wait_for("one", patience_seconds=5)


@app.activity_trigger(input_name="kind")
def fails_in_a_thread(kind: str) -> None:
    _raise(kind)


@app.activity_trigger(input_name="kind")
async def fails_on_the_loop(kind: str) -> None:
    _raise(kind)


@app.entity_trigger(context_name="context")
def failing(context: df.DurableEntityContext) -> None:
    _raise(context.operation_name or "")


WORK: dict[str, Callable[[Context, Any], Any]] = {
    "thread": lambda c, kind: c.call_activity("fails_in_a_thread", kind),
    "loop": lambda c, kind: c.call_activity("fails_on_the_loop", kind),
    "entity": lambda c, kind: c.call_entity(df.EntityId("failing", "k"), kind),
    "http without address": lambda c, _kind: c.call_http("GET", None),  # the fault under test
    "http to a number": lambda c, _kind: c.call_http("GET", 5),  # the fault under test
    "http headers": lambda c, _: c.call_http("GET", "http://127.0.0.1:1/", None, ["a"]),  # as above
}


@app.orchestration_trigger(context_name="context")
def catches(context: Context):
    given: Any = context.get_input()
    try:
        yield WORK[given["work"]](context, given["kind"])
    except Exception as error:  # noqa: BLE001  (the SDK raises plain Exception)
        return str(error)


@pytest.mark.parametrize("kind", RAISED)
@pytest.mark.parametrize("work", ["thread", "loop", "entity"])
async def test_c10_work_ends_whatever_it_raises(work: str, kind: str) -> None:
    status = await _status("catches", {"work": work, "kind": kind})
    assert status["runtimeStatus"] == "Completed"
    assert "FunctionTimeoutException" not in status["output"]


@pytest.mark.parametrize("work", [name for name in WORK if name.startswith("http")])
async def test_http_call_that_cannot_be_sent_fails(work: str) -> None:
    output = (await _status("catches", {"work": work, "kind": ""}))["output"]
    assert output.startswith("Activity function 'BuiltIn::HttpActivity' failed:  ")


async def test_c55_timeout_error_of_the_app_is_told_with_its_own_traceback() -> None:
    output = (await _status("catches", {"work": "thread", "kind": "timeout"}))["output"]
    assert output.startswith("Activity function 'fails_in_a_thread' failed:  TimeoutError: ")
    assert 'test_faulty_code.py", line' in output.split("Traceback (most recent call last):")[1].split(", in ")[
        0
    ].replace("\\", "")


async def test_failed_operation_of_an_entity_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with Host(app, clock=ManualClock()) as host:
        await host.client.signal_entity(df.EntityId("failing", "k"), "outcome of pytest")
        await host.run_until(lambda: "of entity @failing@k failed" in caplog.text)
    assert "in the app" in caplog.text
