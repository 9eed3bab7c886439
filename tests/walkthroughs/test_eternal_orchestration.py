"""An hourly job with half an hour of work, and the tutorial's loop with its deadline: no overlap, each line once."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.e2e.harness import App, wait_for
from tests.walkthroughs.conftest import Ebb

TICK = ("--schedule", "parity", "--set", "source.type=tick")
HANDLER = "import datetime\n\n\ndef log_time(message):\n    print('the time is', datetime.datetime.now())\n"


def begins(shown: str) -> list[str]:
    """The begin of each run that `--runs` lists."""
    runs = shown[shown.rindex("began") :]
    return [
        found[1] for line in runs.splitlines()[1:] if (found := re.search(r"\d{4}-\d\d-\d\d (\d\d:\d\d:\d\d)", line))
    ]


def test_hourly_work_of_half_an_hour_never_overlaps(ebb: Ebb) -> None:
    hourly = ("--set", "pollingInterval=1h", "--set", "replicaTimeout=45m", "--from", "2026-01-05T01:00")
    shown = ebb("simulate", *TICK, *hourly, "--service-time", "30m", "--for", "5h", "--runs")
    assert begins(shown) == ["01:00:00", "02:30:00", "04:00:00", "05:30:00"]


def test_loop_of_a_minute_ends_by_itself_at_its_deadline(ebb: Ebb) -> None:
    loop = ("--set", "pollingInterval=1m", "--set", "endAfter=10m")
    shown = ebb("simulate", *TICK, *loop, "--service-time", "5", "--for", "1h", "--runs")
    found = begins(shown)
    assert found[:3] == ["00:00:00", "00:01:05", "00:02:10"]
    assert found[-1] < "00:10:00"
    assert len(found) == 10
    assert "endAfter: 10 min since its start are over" in " ".join(shown.split())


def test_each_run_is_logged_once_though_the_orchestrator_is_replayed(make_app: Callable[..., App], ebb: Ebb) -> None:
    app = make_app(source={"type": "tick"}, handler="clock:log_time", pollingInterval=0.5, endAfter="3 cycles")
    (app.root / "clock.py").write_text(HANDLER)
    app.start()
    ebb("start", "parity", url=app.url)
    wait_for(lambda: app.schedule()["state"] == "stopped", 30, lambda: str(app.schedule()))
    lines = [line for line in app.log.read_text().splitlines() if "the time is" in line]
    assert len(lines) == 3
    assert all("ebb.handler" in line for line in lines)
    assert app.schedule()["reason"] == "endAfter: 3 cycles with work are done"
    assert "stopped" in ebb("next", "parity", url=app.url)
