# ruff: noqa: BLE001  (orchestrators here tell whatever reaches them)
"""The app whose behaviour is compared on every engine: a few lines for each question of `questions.py`."""

import asyncio
import os
import time
from datetime import timedelta

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)
SOON, LATE = timedelta(seconds=2), timedelta(seconds=20)
MOST = 40
failed: set[str] = set()


@app.activity_trigger(input_name="given")
def echo(given):
    """What it was given."""
    return given


@app.activity_trigger(input_name="text")
def boom(text: str) -> str:
    raise ValueError(text)


@app.activity_trigger(input_name="seconds")
async def slow(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return seconds


@app.activity_trigger(input_name="path")
async def noted(path: str) -> float:
    """Leave the time in a file as it begins, and take so long that a host can be killed meanwhile."""
    with open(path, "a", encoding="utf-8") as file:  # noqa: ASYNC230, PTH123 - a line, at once
        file.write(f"{time.time()} {os.getpid()}\n")
    await asyncio.sleep(5)
    return 5


@app.activity_trigger(input_name="key")
def heals(key: str) -> str:
    """Fail the first time only."""
    if key not in failed:
        failed.add(key)
        raise ValueError("not yet")
    return "healed"


@app.orchestration_trigger(context_name="context")
def generations(context):
    """Continue as new at each event, until there were too many; the custom status counts them."""
    given = context.get_input()
    count = given["count"]
    context.set_custom_status(count)
    if count == MOST:
        return count
    if given["works"]:
        yield context.call_activity("echo", 1)
    timer = context.create_timer(context.current_utc_datetime + LATE)
    nudge = context.wait_for_external_event("nudge")
    if (yield context.task_any([timer, nudge])) is timer:
        return count
    timer.cancel()
    context.continue_as_new({**given, "count": count + 1})
    return None


@app.orchestration_trigger(context_name="context")
def two_waits(context):
    """Wait twice for an event that came once, before the first wait."""
    yield context.call_activity("slow", 2)
    first = yield context.wait_for_external_event("nudge")
    second = context.wait_for_external_event("nudge")
    timer = context.create_timer(context.current_utc_datetime + SOON)
    won = yield context.task_any([second, timer])
    return [first, second.result if won is second else None]


@app.orchestration_trigger(context_name="context")
def leaves_open(context):
    """Continue as new beside an activity that nobody waits for."""
    begun = (context.get_input() or {}).get("begun")
    now = context.current_utc_datetime
    if begun is not None:
        return now.timestamp() - begun
    yield context.task_any([context.call_activity("slow", 12), context.call_activity("echo", 1)])
    context.continue_as_new({"begun": now.timestamp()})
    return None


@app.orchestration_trigger(context_name="context")
def timers(context):
    """How many seconds each of eight timers takes, one after the other."""
    found = []
    for _ in range(8):
        begun = context.current_utc_datetime
        yield context.create_timer(begun + timedelta(seconds=context.get_input()["seconds"]))
        found.append((context.current_utc_datetime - begun).total_seconds())
    return found


@app.orchestration_trigger(context_name="context")
def waits_on(context):
    """Wait again for a timer that lost before."""
    timer = context.create_timer(context.current_utc_datetime + SOON)
    yield context.task_any([timer, context.call_activity("echo", 1)])
    yield context.task_any([timer, context.wait_for_external_event("never")])
    return "fired"


@app.orchestration_trigger(context_name="context")
def tells_failure(context):
    try:
        yield context.call_activity("boom", (context.get_input() or {}).get("text", "it is broken"))
    except Exception as error:  # whatever the engine makes of it is told
        return str(error)


@app.orchestration_trigger(context_name="context")
def waits(context):
    return (yield context.wait_for_external_event("go"))


@app.orchestration_trigger(context_name="context")
def healing(context):
    return (yield context.call_activity("heals", context.instance_id))


@app.orchestration_trigger(context_name="context")
def parent(context):
    yield context.call_activity("echo", 1)
    return {"parent": context.parent_instance_id}


@app.orchestration_trigger(context_name="context")
def calls_nobody(context):
    yield context.call_activity("nobody", 1)


@app.orchestration_trigger(context_name="context")
def fails_fast(context):
    """How many seconds until the failure of one of two activities is told."""
    begun = context.current_utc_datetime
    try:
        yield context.task_all([context.call_activity("boom", "first"), context.call_activity("slow", 6)])
    except Exception:  # as above
        return (context.current_utc_datetime - begun).total_seconds()


@app.orchestration_trigger(context_name="context")
def works(context):
    return (yield context.call_activity("noted", context.get_input()["path"]))


@app.orchestration_trigger(context_name="context")
def fails(context):
    """Fail for want of an activity, of another orchestration or of nothing, as the input says."""
    why = context.get_input()["why"]
    if why == "activity":
        yield context.call_activity("boom", "it is broken\nin two lines")
    if why == "orchestration":
        yield context.call_sub_orchestrator("fails", {"why": "itself"})
    raise ValueError("it is broken\nin two lines")
