"""What a nudge costs: one cycle, on every engine, however often the engine delivers it."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor

from tests.e2e.harness import wait_for
from tests.engine.deployment import TIMES, Deploy, Deployment

ASLEEP = {**TIMES, "pollingInterval": 300, "maxPollingInterval": 300}  # nothing wakes it but what a test does
SETTLED = 1.0  # seconds, many times what a cycle takes


def _measured(app: Deployment) -> int:
    """How many measurements were begun since the host was started."""
    return len(re.findall(r"Executing '(?:Functions\.)?measure_backlog'", app.host.log()))


def _asleep(deploy: Deploy) -> Deployment:
    app = deploy(**ASLEEP).start()
    app.call("POST", "schedules/parity/start", {})
    app.wait_rests()
    time.sleep(SETTLED)
    return app


def _trigger(app: Deployment) -> None:
    assert app.call("POST", "schedules/parity/trigger", {})[0] == 202


def test_one_trigger_is_one_cycle_and_one_measurement(deploy: Deploy) -> None:
    app = _asleep(deploy)
    for number in range(1, 4):
        before, measured = app.schedule()["cycle"], _measured(app)
        _trigger(app)
        wait_for(lambda before=before: app.schedule()["cycle"] > before, 10, lambda: str(app.schedule()))
        time.sleep(SETTLED)
        assert app.schedule()["cycle"] == before + 1, f"trigger {number}"
        assert _measured(app) == measured + 1, f"trigger {number}"
        assert app.schedule()["phase"] == "waiting"
    assert "Potential duplicate" not in app.host.log()


def test_two_triggers_at_once_are_two_cycles_at_most(deploy: Deploy) -> None:
    app = _asleep(deploy)
    before = app.schedule()["cycle"]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: _trigger(app), range(2)))
    wait_for(lambda: app.schedule()["cycle"] > before, 10, lambda: str(app.schedule()))
    time.sleep(SETTLED)
    assert app.schedule()["cycle"] <= before + 2


def test_thirty_triggers_in_a_row_leave_the_loop_able_to_hear_the_next(deploy: Deploy) -> None:
    app = _asleep(deploy)
    before = app.schedule()["cycle"]
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda _: _trigger(app), range(30)))
    time.sleep(2 * SETTLED)
    app.wait_rests()
    assert before < app.schedule()["cycle"] <= before + 30
    before = app.schedule()["cycle"]
    _trigger(app)
    wait_for(lambda: app.schedule()["cycle"] == before + 1, 10, lambda: str(app.schedule()))


def test_a_nudge_by_hand_ends_the_wait_too(deploy: Deploy) -> None:
    """One of an older version of the app, or of an operator with curl, has no identity."""
    app = _asleep(deploy)
    before = app.schedule()["cycle"]
    app.raise_event("nudge", None)
    wait_for(lambda: app.schedule()["cycle"] > before, 10, lambda: str(app.schedule()))


def test_pause_and_resume_are_a_cycle_each(deploy: Deploy) -> None:
    app = _asleep(deploy)
    measured = _measured(app)
    for verb in ("pause", "resume"):
        app.call("POST", f"schedules/parity/{verb}", {"reason": "counting"})
        time.sleep(SETTLED)
    assert _measured(app) == measured + 2
