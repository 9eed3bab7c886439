"""Deployments under a running schedule: newer and older states, a schedule that is renamed or removed."""

from __future__ import annotations

from typing import Any

import pytest

from ebb.core.names import ETERNAL_SCHEDULER
from ebb.core.settings.schedules import Schedules
from tests.integration.control.hub import Hub, eventually

INSTANCE = "ebb-parity"
NEWER = {"schedule": "parity", "taskHub": "HubA", "version": 7, "idle": "often", "carry": {"new": 1}, "unheard": True}


@pytest.mark.parametrize(
    ("state", "incidents"),
    [(NEWER, 1), ({"schedule": "parity", "taskHub": "HubA", "version": 1}, 0), ({}, 0)],
    ids=["newer", "older, without a launch", "empty"],
)
async def test_loop_goes_on_from_a_state_of_another_version(hub: Hub, state: dict[str, Any], incidents: int) -> None:
    await hub.post("start")
    await hub.until(state="running", phase="waiting")
    await hub.post("stop", {"reason": "deploying"})
    await hub.until(state="stopped")
    row = await hub.services.store.get("parity")
    await hub.post("start")
    await hub.until(state="running", phase="waiting")
    await hub.host.client.terminate(INSTANCE, "rolled back")
    await hub.until(state="failed")
    await hub.host.client.start_new(ETERNAL_SCHEDULER, INSTANCE, state)
    if not state:  # it cannot tell its task hub, so it leaves the fence alone; the watchdog starts it properly
        assert (await hub.host.wait_for(INSTANCE))["runtimeStatus"] == "Completed"
        return
    await hub.until(state="running", phase="waiting")
    found = [event for event in await hub.events("incident") if event["action"] == "goOn"]
    assert len(found) == incidents
    assert (await hub.services.store.get("parity")).cycle > row.cycle
    await hub.post("trigger")
    await hub.until(phase="waiting", cycle=row.cycle + 3)
    assert len(await hub.events("incident")) == incidents, "it is said once: the next state is our own"


@pytest.mark.parametrize("names", [[], ["renamed"]])
async def test_schedule_that_is_gone_from_the_file_ends_with_that_reason(hub: Hub, names: list[str]) -> None:
    await hub.post("start")
    await hub.until(state="running", phase="waiting")
    known = hub.services.schedules
    hub.services.schedules = Schedules({name: known["parity"].to_document() for name in names})
    assert (await hub.call("GET", "schedules/parity"))[0] == 404
    await hub.host.client.raise_event(INSTANCE, "nudge", None)
    ended = await hub.host.wait_for(INSTANCE)
    assert (ended["runtimeStatus"], "no longer in schedules.yaml" in ended["output"]["reason"]) == ("Completed", True)

    async def released() -> bool:
        return (await hub.services.store.get("parity")).owner is None

    await eventually(released, lambda: "the fence was not let go")
    hub.services.schedules = known
    assert (await hub.schedule())["state"] == "failed", "it is wanted still: the watchdog starts it when it is back"
