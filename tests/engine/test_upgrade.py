"""Another version of the Durable SDK under a living instance, forth and back: said as what it is, and over at once."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import replace

import pytest

from ebb.cli.local.engines import Engine
from tests.e2e.harness import wait_for
from tests.engine.deployment import TIMES, Deploy, Deployment

OTHER = "EBB_OTHER_PYTHON"  # a Python with another version of azure-functions-durable, and all else that the app needs
AT_ONCE = 15  # seconds; the watchdog would come within a minute
_VERSION = "from importlib.metadata import version; print(version('azure-functions-durable'))"

pytestmark = pytest.mark.real_engine


def _sdk(python: str) -> str:
    return subprocess.run(
        [python, "-c", _VERSION], capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()


@pytest.fixture
def other(engine: Engine) -> Engine:
    """The same engine with the other SDK."""
    python = os.environ.get(OTHER)
    if not python:
        pytest.skip(f"{OTHER} names no Python with another version of azure-functions-durable")
    assert _sdk(python) != _sdk(engine.python), "both have the same version: the test would show nothing"
    return replace(engine, python=python)


@pytest.mark.timeout(180)
def test_another_sdk_under_an_instance_costs_seconds_and_is_told_as_a_change_of_code(
    deploy: Deploy, engine: Engine, other: Engine
) -> None:
    app = deploy(**{**TIMES, "pollingInterval": 300, "maxPollingInterval": 300}).start()
    app.call("POST", "schedules/parity/start", {})
    app.wait_rests()
    for number, now in enumerate((other, engine), 1):
        _swap(app, now)
        put = app.put(range(1_700_000_000 + number * 100, 1_700_000_010 + number * 100))
        assert app.call("POST", "schedules/parity/trigger", {})[0] == 202
        wait_for(lambda: len(_changes(app)) == number, AT_ONCE, lambda: str(app.schedule()))  # noqa: B023 - at once
        app.wait_all_right(put, AT_ONCE)
        schedule = app.schedule()
        assert schedule["state"] == "running"
        assert schedule["error"] is None
        assert [warning for warning in schedule["warnings"] if "code changed" in warning]
        assert not [warning for warning in schedule["warnings"] if "unknown" in warning]
        assert app.account(put).duplicates == 0


def _swap(app: Deployment, engine: Engine) -> None:
    app.wait_rests()
    time.sleep(0.5)
    app.host.terminate()
    app.host.engine = engine
    app.host.start()


def _changes(app: Deployment) -> list[str]:
    """The incidents that say that the code has changed, newest first."""
    app.schedule()  # the request that meets it
    events = app.call("GET", "schedules/parity/events")[1]["value"]
    return [event["cause"] for event in events if event["kind"] == "incident" and "code changed" in event["cause"]]
