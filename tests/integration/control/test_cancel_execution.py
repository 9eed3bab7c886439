"""One execution at work is ended by its name; its siblings and the schedule go on."""

from __future__ import annotations

import pytest

from tests.integration.control.hub import Hub, eventually
from tests.integration.control.test_command import ok, run
from tests.integration.control.test_executions_api import listed

ONE_AT_A_TIME = {
    "concurrency": 1,
    "batchSize": 1,
    "maxExecutions": 2,
    "queueLength": 1,
    "executionSlice": 50,
    "replicaTimeout": 60,
}


async def two_at_work(hub: Hub) -> int:
    """Start a cycle with two executions and long work; its number."""
    hub.put(*[0.2] * 200)
    assert (await hub.post("start", {"settings": ONE_AT_A_TIME}))[0] == 202

    async def noted() -> bool:
        return len((await listed(hub, "?status=running"))["value"]) == 2

    await eventually(noted, lambda: "two executions are not listed as running")
    return (await hub.schedule())["cycle"]


async def test_cancelled_execution_ends_and_the_other_goes_on(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ebb.execution.execution.LOOK_EVERY", 0.3)
    cycle = await two_at_work(hub)
    printed = await ok(hub, "cancel", "parity", f"parity-{cycle}-1", "--reason", "it hangs")
    assert "ends after the messages in hand" in printed
    assert "was told so before" in await ok(hub, "cancel", "parity", f"{cycle}-1", "--reason", "again")

    async def ended() -> bool:
        return [each["index"] for each in (await listed(hub, "?status=running"))["value"]] == [0]

    await eventually(ended, lambda: "the execution did not end alone")
    assert (await hub.schedule())["phase"] == "processing"
    status, problem = await hub.post(f"executions/{cycle}-1/cancel", {"reason": "late"})
    assert (status, problem["code"]) == (404, "unknownExecution")
    (event,) = [
        each
        for each in (await hub.call("GET", "schedules/parity/events?kind=audit"))[1]["value"]
        if each["action"] == "cancelExecution"
    ]
    assert (event["execution"], event["reason"]) == (f"{cycle}-1", "it hangs")
    await hub.post("stop", {"reason": "enough"})
    await hub.until(state="stopped")
    _, closed, _ = await hub.call("GET", f"schedules/parity/cycles/{cycle}")
    cancelled = closed["executions"][1]
    assert (cancelled["index"], cancelled["outcome"]) == (1, "stopped")
    assert (await hub.services.store.get("parity")).cancelled is None


@pytest.mark.parametrize("name", ["42-0", "x", "1-2-3-4", "42-99999999999"])
async def test_what_is_not_at_work_is_not_cancelled(hub: Hub, name: str) -> None:
    status, problem = await hub.post(f"executions/{name}/cancel", {"reason": "why not"})
    assert (status, problem["code"]) == (404, "unknownExecution")
    failed = await run(hub, "cancel", "parity", name, "--reason", "why not")
    assert failed.exit_code != 0
