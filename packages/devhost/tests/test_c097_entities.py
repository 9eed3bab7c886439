"""Conformance 97 and 98: durable entities."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from devhost import Host, ManualClock

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
overlap = {"now": 0, "most": 0}
COUNTER = df.EntityId("Counter", "k1")


@app.entity_trigger(context_name="context")
def counter(context: df.DurableEntityContext) -> None:
    overlap["now"] += 1
    overlap["most"] = max(overlap["most"], overlap["now"])
    state = context.get_state(lambda: 0)
    match context.operation_name:
        case "add":
            state += context.get_input()
            time.sleep(0.001)
        case "spoil":
            context.set_state(-1)
            overlap["now"] -= 1
            raise ValueError("kaput")
        case "delete":
            overlap["now"] -= 1
            context.destruct_on_exit()
            return
    context.set_state(state)
    context.set_result(state)
    overlap["now"] -= 1


@app.orchestration_trigger(context_name="context")
def uses_counter(context: df.DurableOrchestrationContext):
    context.signal_entity(COUNTER, "add", 5)
    first = yield context.call_entity(COUNTER, "add", 2)
    try:
        yield context.call_entity(COUNTER, "spoil")
        failure = None
    except Exception as error:  # noqa: BLE001  (the SDK raises plain Exception)
        failure = str(error)
    last = yield context.call_entity(COUNTER, "get")
    return [first, failure, last]


@app.orchestration_trigger(context_name="context")
def adds(context: df.DurableOrchestrationContext):
    yield context.task_all([context.call_entity(COUNTER, "add", 1) for _ in range(20)])
    return "added"


async def test_c97_operations_run_one_at_a_time_and_the_last_state_is_read() -> None:
    overlap.update(now=0, most=0)
    async with Host(app) as host:
        for name in ("one", "two"):
            await host.client.start_new("adds", name)
        for name in ("one", "two"):
            await host.wait_for(name)
        found = await host.client.read_entity_state(COUNTER)
    assert (found.entity_exists, found.entity_state) == (True, 40)
    assert overlap["most"] == 1


async def test_c98_failed_operation_raises_and_keeps_what_the_sdk_returned() -> None:
    async with Host(app, clock=ManualClock()) as host:
        status = await host.wait_for(await host.client.start_new("uses_counter"))
    assert status["output"] == [7, "kaput", -1]


async def test_client_signals_reads_and_deletes_an_entity() -> None:
    async with Host(app, clock=ManualClock()) as host:
        assert not (await host.client.read_entity_state(COUNTER)).entity_exists
        await host.client.signal_entity(COUNTER, "add", 3)
        url = "/runtime/webhooks/durabletask/entities/counter"
        async with host.http.post(f"{url}/k1?op=add", json="4") as response:  # the SDK reads JSON text in JSON
            assert response.status == 202
        await host.progress.settle()
        assert (await host.client.read_entity_state(COUNTER)).entity_state == 7
        async with host.http.get(f"{url}?fetchState=true") as response:
            listed = await response.json()
        assert [(one["entityId"], one["state"]) for one in listed] == [({"name": "counter", "key": "k1"}, 7)]
        assert (await host.client.get_status("@counter@k1")).name == "@counter"
        assert "@counter@k1" in [one.instance_id for one in await host.client.get_status_all()]
        async with host.http.delete(f"{url}/k1") as response:
            assert response.status == 202
        await host.progress.settle()
        assert not (await host.client.read_entity_state(COUNTER)).entity_exists


async def test_entity_state_and_queued_operations_survive_a_restart(tmp_path: Path) -> None:
    async with Host(app, clock=ManualClock(), state=tmp_path) as host:
        await host.client.signal_entity(COUNTER, "add", 3)
        await host.progress.settle()
        # Queued, committed and not begun: what a kill at this point would leave.
        with host.store.transaction() as connection:
            row = (99, "@counter@k1", '{"op": "add", "id": "x", "signal": true, "input": "\\"4\\""}')
            connection.execute("INSERT INTO operations VALUES (?,?,?)", row)
    async with Host(app, clock=ManualClock(), state=tmp_path) as host:
        await host.progress.settle()
        assert (await host.client.read_entity_state(COUNTER)).entity_state == 7
        assert host.store.rows("SELECT * FROM operations") == []


async def test_signal_to_unknown_entity_is_400() -> None:
    url = "/runtime/webhooks/durabletask/entities/nobody/k?op=add"
    async with Host(app) as host, host.http.post(url, json=1) as response:
        assert response.status == 400
        content: Any = await response.json()
    assert "known entity functions: 'counter'" in content["Message"]
