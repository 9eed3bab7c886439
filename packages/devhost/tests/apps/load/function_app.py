"""Orchestrations that keep a diary of their activities, for tests that kill the host under load."""

import os
import random
import time
from datetime import timedelta
from pathlib import Path

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
DIARY = Path(os.environ["DEVHOST_TEST_DIARY"])


def note(line: str) -> None:
    """Append one line in one write, so that a kill leaves whole lines."""
    handle = os.open(DIARY, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{line}\n".encode())
    os.close(handle)


@app.activity_trigger(input_name="label")
def step(label: str) -> str:
    note(label)
    time.sleep(0.005)
    return label


@app.activity_trigger(input_name="label")
async def shaky(label: str) -> str:
    if random.random() < 0.3:
        raise ValueError("try again")
    note(label)
    return label


@app.orchestration_trigger(context_name="context")
def journey(context: df.DurableOrchestrationContext):
    """Three generations of steps, a fan-out beside a timer, retries and a sub-orchestration."""
    state = context.get_input() or {"generation": 0, "seen": 0}
    name = f"{context.instance_id}|{state['generation']}"
    seen = state["seen"]
    for number in range(2):
        result = yield context.call_activity("step", f"{name}|{number}")
        seen += result == f"{name}|{number}"
    pause = context.create_timer(context.current_utc_datetime + timedelta(milliseconds=20))
    fan = [context.call_activity("step", f"{name}|2") for _ in range(3)]
    results = yield context.task_all([*fan, pause])
    seen += results[:3].count(f"{name}|2")
    options = df.RetryOptions(first_retry_interval_in_milliseconds=5, max_number_of_attempts=100)
    results = yield context.task_all(
        [context.call_activity_with_retry("shaky", options, f"{name}|3") for _ in range(2)]
    )
    seen += results.count(f"{name}|3")
    seen += yield context.call_sub_orchestrator("leg", f"{name}|4")
    if state["generation"] == 2:
        return seen
    context.continue_as_new({"generation": state["generation"] + 1, "seen": seen})
    return None


@app.orchestration_trigger(context_name="context")
def leg(context: df.DurableOrchestrationContext):
    label = context.get_input()
    result = yield context.call_activity("step", label)
    return int(result == label)


@app.orchestration_trigger(context_name="context")
def listener(context: df.DurableOrchestrationContext):
    """Wait for three events of different names, with a step after each."""
    seen = 0
    for number in range(3):
        told = yield context.wait_for_external_event(f"go{number}")
        result = yield context.call_activity("step", f"{context.instance_id}|0|{number}")
        seen += told == number and result == f"{context.instance_id}|0|{number}"
    return seen
