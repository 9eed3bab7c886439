"""What a sleeping schedule and an empty cycle cost at the store, by who asks: docs/cost.md says it."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.requests import EBB, EXTENSION, RequestLog, total
from ebb.cli.idle_cost import HOUR, IdleCost
from ebb.cli.local.engines import Engine
from ebb.core.settings.time_span import parse_time_span
from tests.azurite import Azurite
from tests.e2e.harness import ROOT, wait_for
from tests.engine.deployment import Deployment

ASLEEP = {"pollingInterval": 300, "maxPollingInterval": 300}  # nothing wakes it but what a test does
OFTEN = {"pollingInterval": 0.5, "maxPollingInterval": 0.5}
EMPTY_CYCLE = {"source queue, read", "row and notes, write"}
IDLE_SECONDS = 30
Counted = tuple[Deployment, RequestLog]


@pytest.fixture
def counted(engine: Engine, tmp_path: Path) -> Iterator[Counted]:
    """A started schedule that sleeps, on a store of its own that writes down who asks; without the watchdog."""
    log = tmp_path / "access.log"
    with Azurite(access_log=log) as azurite:
        app = Deployment(tmp_path / "app", azurite, engine, {}, ASLEEP)
        hub, prefix = f"hub{app.name}", f"Books{app.name}"  # so that Ebb's requests are told from the extension's
        app.variables["AzureFunctionsJobHost__extensions__durableTask__hubName"] = hub
        app.variables |= {"EbbTablePrefix": prefix, "EbbWatchdogSchedule": "0 0 0 1 1 *"}
        try:
            app.start()
            app.call("POST", "schedules/parity/start", {})
            app.wait_rests()
            yield app, RequestLog(log, hub, prefix, app.name)
        finally:
            app.stop()
            app.queue.close()


def test_an_empty_cycle_is_a_queue_counted_and_a_row_written(counted: Counted) -> None:
    app, log = counted
    app.call("PATCH", "schedules/parity/settings", OFTEN)
    app.call("POST", "schedules/parity/trigger", {})
    first = app.schedule()["cycle"]
    wait_for(lambda: app.schedule()["cycle"] >= first + 2, 30, app.said)  # the new settings are in force
    first = app.schedule()["cycle"]
    log.take()
    seen: Counter[tuple[str, str]] = Counter()

    def twenty() -> bool:
        seen.update(log.take())
        return total(seen, EBB) >= 20

    wait_for(twenty, 60, app.said)
    cycles = app.schedule()["cycle"] - first
    asked = {what: count for (who, what), count in seen.items() if who == EBB}
    assert asked.keys() == EMPTY_CYCLE
    assert all(abs(count - cycles) <= 2 for count in asked.values()), (cycles, asked)


@pytest.mark.real_engine
def test_a_schedule_that_sleeps_asks_nothing_and_its_host_what_the_doctor_says(counted: Counted) -> None:
    app, log = counted
    provider = json.loads((ROOT / "host.json").read_text())["extensions"]["durableTask"]["storageProvider"]
    cost = IdleCost(parse_time_span(provider["maxQueuePollingInterval"]), provider["partitionCount"])
    time.sleep(10)  # the queues are polled ever more rarely, down to the interval of host.json
    log.take()
    began = time.monotonic()
    time.sleep(IDLE_SECONDS)
    seen, seconds = log.take(), time.monotonic() - began
    assert total(seen, EBB) == 0, seen
    expected = (cost.requests - 120) * seconds / HOUR  # 120 an hour are the watchdog's
    assert total(seen, EXTENSION) <= 1.2 * expected + 2, (expected, seen)
    assert app.schedule()["state"] == "running"
