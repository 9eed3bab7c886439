"""What a killed host held comes back only after the visibility time-outs, where the switch asks for it."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import pytest

from devhost import Host, ManualClock
from devhost.errors import SettingsError
from devhost.settings import HostSettings, read_settings
from devhost.status import Show

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
begun: list[str] = []
clock = ManualClock()


@app.activity_trigger(input_name="name")
async def works(name: str) -> str:
    begun.append(name)
    await clock.sleep(60)
    return name


@app.orchestration_trigger(context_name="context")
def fans_out(context: df.DurableOrchestrationContext):
    return (yield context.task_all([context.call_activity("works", f"w{n}") for n in range(3)]))


@app.orchestration_trigger(context_name="context")
def listens(context: df.DurableOrchestrationContext):
    return (yield context.wait_for_external_event("go"))


HELD = HostSettings(
    hold_dead_work=True,
    max_concurrent_activities=2,
    work_item_visibility=timedelta(minutes=2),
    control_queue_visibility=timedelta(minutes=1),
)


async def _killed(tmp_path: Path, settings: HostSettings) -> Path:
    """The state that a kill leaves: a copy of the files of a host at work."""
    global clock
    clock = ManualClock()
    begun.clear()
    async with Host(app, clock=clock, state=tmp_path / "living", settings=settings) as host:
        await host.operations.start("fans_out", "fan")
        await host.run_until(timedelta(seconds=1))
        shutil.copytree(tmp_path / "living", tmp_path / "dead")
    return tmp_path / "dead"


async def _restarted(state: Path, settings: HostSettings, span: timedelta) -> tuple[list[str], dict[str, Any]]:
    begun.clear()
    async with Host(app, clock=clock, state=state, settings=settings) as host:
        await host.run_until(span)
        return list(begun), host.operations.status("fan", Show())


async def test_activities_of_a_killed_host_wait_for_their_time_out(tmp_path: Path) -> None:
    state = await _killed(tmp_path, HELD)
    early, _ = await _restarted(state, HELD, timedelta(seconds=119))
    assert early == ["w2"]  # the third had not been begun: nobody held it


async def test_they_run_again_after_it(tmp_path: Path) -> None:
    state = await _killed(tmp_path, HELD)
    later, status = await _restarted(state, HELD, timedelta(seconds=200))
    assert sorted(later) == ["w0", "w1", "w2"]
    assert status["runtimeStatus"] == "Completed"


async def test_without_the_switch_they_run_at_once(tmp_path: Path) -> None:
    settings = HostSettings(max_concurrent_activities=2)
    state = await _killed(tmp_path, settings)
    assert (await _restarted(state, settings, timedelta(seconds=1)))[0] == ["w0", "w1"]


async def test_a_host_that_was_stopped_held_nothing(tmp_path: Path) -> None:
    await _killed(tmp_path, HELD)
    assert (await _restarted(tmp_path / "living", HELD, timedelta(seconds=1)))[0] == ["w0", "w1"]


async def test_messages_in_hand_wait_and_new_ones_do_not(tmp_path: Path) -> None:
    global clock
    clock = ManualClock()
    async with Host(app, clock=clock, state=tmp_path / "living", settings=HELD) as host:
        await host.operations.start("listens", "old")
        host.engine.create("listens", "taken", None, None)
        await host.lane.committed()
        with host.store.transaction() as connection:  # committed and not begun, as a kill at this point leaves it
            connection.execute("UPDATE instances SET status = 6 WHERE id = 'taken'")
            connection.execute("DELETE FROM history WHERE id = 'taken'")
        shutil.copytree(tmp_path / "living", tmp_path / "dead")
    async with Host(app, clock=clock, state=tmp_path / "dead", settings=HELD) as host:
        await host.operations.raise_event("old", "go", "1")
        await host.run_until(timedelta(seconds=59))
        assert host.operations.status("old", Show())["runtimeStatus"] == "Completed"
        assert host.operations.status("taken", Show())["runtimeStatus"] == "Pending"
        await host.run_until(timedelta(seconds=2))
        assert host.operations.status("taken", Show())["runtimeStatus"] == "Running"


def test_the_numbers_come_from_host_json_and_the_switch_from_the_environment(tmp_path: Path) -> None:
    provider = '{"workItemQueueVisibilityTimeout": "00:01:00", "controlQueueVisibilityTimeout": "00:02:00"}'
    (tmp_path / "host.json").write_text(f'{{"extensions": {{"durableTask": {{"storageProvider": {provider}}}}}}}')
    found = read_settings(tmp_path, {"DEVHOST_HOLD_DEAD_WORK": "true"})
    assert (found.hold_dead_work, found.work_item_visibility, found.control_queue_visibility) == (
        True, timedelta(minutes=1), timedelta(minutes=2),
    )  # fmt: skip
    assert not read_settings(tmp_path, {}).hold_dead_work
    short = read_settings(tmp_path, {"DEVHOST_HOLD_DEAD_WORK": "00:00:03"})
    assert short.hold_dead_work
    assert {short.work_item_visibility, short.control_queue_visibility} == {timedelta(seconds=3)}
    with pytest.raises(SettingsError, match=r"DEVHOST_HOLD_DEAD_WORK 'yes' is neither true nor a time span"):
        read_settings(tmp_path, {"DEVHOST_HOLD_DEAD_WORK": "yes"})
    assert HostSettings().work_item_visibility == timedelta(minutes=5)


@pytest.mark.parametrize("key", ["workItemQueueVisibilityTimeout", "controlQueueVisibilityTimeout"])
@pytest.mark.parametrize("value", ["00:00:59", "01:00:01"])
def test_time_outs_that_the_extension_refuses_are_refused_in_its_words(tmp_path: Path, key: str, value: str) -> None:
    (tmp_path / "host.json").write_text(
        f'{{"extensions": {{"durableTask": {{"storageProvider": {{"{key}": "{value}"}}}}}}}}'
    )
    with pytest.raises(SettingsError, match=f"{key[0].upper()}{key[1:]} must be between 1 and 60 minutes"):
        read_settings(tmp_path, {})
