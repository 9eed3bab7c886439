"""The questions, and how each is asked of a running host. An answer is a few words, the same each time.

`python -m bench.behaviours` writes the answers of all engines into docs/engines.md, and `test_behaviours.py` holds the
engines to what stands there.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tests.e2e.harness import wait_for
from tests.engine.behaviours.asked import Asked

HANGS = 12.0  # seconds after which something that should take two does not come any more
EVENTS = 3
AT_ONCE = 20.0  # seconds, with the start of a host in it

Ask = Callable[[Asked], str]


def answers(asked: Asked) -> dict[str, str]:
    """The answers to all questions, of a host that runs; they wait more than they work, so they are asked at once."""
    with ThreadPoolExecutor(len(QUESTIONS)) as pool:
        found = dict(zip(QUESTIONS, pool.map(lambda ask: ask(asked), QUESTIONS.values()), strict=True))
    return {**found, DEAD: _dead_host(asked)}  # the last one, for the others would not outlive it


def _loop(asked: Asked, *, works: bool) -> str:
    instance = asked.start("generations", {"count": 0, "works": works})
    for _ in range(EVENTS):
        asked.send(instance, "nudge")
        time.sleep(2.5)
    document = asked.status(instance)
    if document["runtimeStatus"] == "Running" and document["customStatus"] is not None:
        asked.manage("POST", f"instances/{instance}/terminate?reason=asked")
        return f"{document['customStatus']} generations"
    asked.until(instance, "Completed", seconds=60)
    return "generations without end"


def _given_again(asked: Asked) -> str:
    instance = asked.start("two_waits")
    asked.send(instance, "nudge")
    return "yes" if asked.until(instance, "Completed")["output"][1] else "no"


def _leaves_open(asked: Asked) -> str:
    seconds = float(asked.output("leaves_open"))
    return "the next generation waits for it" if seconds > 9 else "the next generation begins at once"


def _early_timer(asked: Asked) -> str:
    return "never early" if min(asked.output("timers", {"seconds": 1.9})) >= 1.89 else "up to a second early"


def _short_timer(asked: Asked) -> str:
    return "after its time" if min(asked.output("timers", {"seconds": 0.9})) >= 0.89 else "at once"


def _waits_on(asked: Asked) -> str:
    instance = asked.start("waits_on")
    try:
        asked.until(instance, "Completed", seconds=HANGS)
    except AssertionError:
        asked.manage("POST", f"instances/{instance}/terminate?reason=asked")
        return "it hangs"
    return "works"


def _failure(asked: Asked) -> str:
    first, _, rest = str(asked.output("tells_failure")).partition("\n")
    behind = "the exception of .NET as JSON" if "$type" in rest else "a traceback" if "line " in rest else "nothing"
    return f"`{re.sub('[0-9a-f]{32}', '<instance>', first).strip()}`, behind it {behind}"


def _input_shown(asked: Asked) -> str:
    shown = asked.status(asked.start("waits", {"a": 1}))["input"]
    return "JSON in a string" if isinstance(shown, str) else "JSON"


def _second_start(asked: Asked) -> str:
    instance = asked.start("waits")
    return str(asked.manage("POST", f"orchestrators/waits/{instance}", None)[0])


def _raise_codes(asked: Asked) -> str:
    ended = asked.start("waits")
    asked.send(ended, "go")
    asked.until(ended, "Completed")
    return f"{asked.send(ended, 'go')}, {asked.send(uuid.uuid4().hex, 'go')}"


def _terminate_ended(asked: Asked) -> str:
    ended = asked.start("waits")
    asked.send(ended, "go")
    asked.until(ended, "Completed")
    return str(asked.manage("POST", f"instances/{ended}/terminate?reason=asked")[0])


def _rewind(asked: Asked) -> str:
    instance = asked.start("healing")
    asked.until(instance, "Failed")
    code = asked.manage("POST", f"instances/{instance}/rewind?reason=asked")[0]
    if code != 202:
        return f"refused ({code})"
    try:
        return f"it goes on: {asked.until(instance, 'Completed', seconds=HANGS)['output']}"
    except AssertionError:
        return f"it stays {asked.status(instance).get('runtimeStatus')}"


def _parent(asked: Asked) -> str:
    return f"`{asked.output('parent')['parent']!r}`"


def _nobody(asked: Asked) -> str:
    instance = asked.start("calls_nobody")
    try:
        asked.until(instance, "Failed", seconds=HANGS)
    except AssertionError:
        asked.manage("POST", f"instances/{instance}/terminate?reason=asked")
        return "the instance stays Running"
    return "the instance fails"


def _suspended(asked: Asked) -> str:
    instance = asked.start("waits")
    asked.manage("POST", f"instances/{instance}/suspend?reason=asked")
    asked.until(instance, "Suspended")
    asked.send(instance, "go")
    time.sleep(2)
    held = asked.status(instance)["runtimeStatus"] == "Suspended"
    asked.manage("POST", f"instances/{instance}/resume?reason=asked")
    asked.until(instance, "Completed")
    return "after the resume" if held else "at once"


def _fails_fast(asked: Asked) -> str:
    return "at once" if float(asked.output("fails_fast")) < 5 else "once all have ended"


def _dead_host(asked: Asked) -> str:
    path = asked.folder / "noted"
    asked.start("works", {"path": str(path)})
    wait_for(path.exists, 20, lambda: "it did not begin")
    asked.host.kill_all()
    killed = time.time()
    asked.host.start()
    wait_for(lambda: len(path.read_text().splitlines()) > 1, 100, asked.host.log)
    seconds = float(path.read_text().splitlines()[1].split()[0]) - killed
    return "at its restart" if seconds < AT_ONCE else "when the minute of host.json is over"


DEAD = "what a killed host held begins again"
QUESTIONS: dict[str, Ask] = {
    f"a loop of an activity and a wait, continued as new at each of {EVENTS} events": partial(_loop, works=True),
    f"a loop of a wait alone, continued as new at each of {EVENTS} events": partial(_loop, works=False),
    "an event that came before its wait is given to a second wait too": _given_again,
    "continue-as-new beside an activity that nobody waits for": _leaves_open,
    "a timer of 1.9 s fires": _early_timer,
    "a timer of 0.9 s fires": _short_timer,
    "a timer that lost one `task_any` and waits in a second": _waits_on,
    "a failed activity, as the orchestrator sees it": _failure,
    "the failure of one of two activities in `task_all` is told": _fails_fast,
    "an activity that there is not": _nobody,
    "an event for a suspended instance is taken": _suspended,
    "an instance's input, as the status shows it": _input_shown,
    "the parent of an instance that has none": _parent,
    "a second start of an id that lives": _second_start,
    "an event for an instance that has ended, for one that is missing": _raise_codes,
    "terminate of an instance that has ended": _terminate_ended,
    "rewind of a failed instance": _rewind,
}
