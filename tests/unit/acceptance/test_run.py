"""When a run counts as drained, and when as stalled."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self, cast

import pytest

from ebb.cli.acceptance import run as module
from ebb.cli.acceptance.accounted_feed import AccountedFeed
from ebb.cli.acceptance.ledger import Ledger
from ebb.cli.acceptance.run import AccountedRun
from ebb.cli.local.api import Api, ApiError
from ebb.cli.local.errors import LocalError
from ebb.cli.local.live import Snapshot
from ebb.core.clock import rfc3339


class FakeApi:
    """A schedule that answers what the test wants."""

    schedule_url = "http://127.0.0.1:1/api/schedules/parity"

    def __init__(self) -> None:
        self.document: dict[str, Any] = {
            "name": "parity",
            "state": "running",
            "phase": "waiting",
            "totals": {"processed": 0, "poisoned": 0},
        }
        self.silent, self.triggers, self.refusals = False, 0, 0

    async def schedule(self) -> dict[str, Any]:
        if self.silent:
            raise LocalError("no answer")
        return self.document

    async def start(self) -> dict[str, Any]:
        if self.refusals:
            self.refusals -= 1
            raise ApiError("still stopping", 409, {"code": "stillStopping"})
        return {}

    async def trigger(self) -> bool:
        self.triggers += 1
        return True

    async def cycles(self, top: int = 1) -> AsyncIterator[dict[str, Any]]:
        newest = {"cycle": 2, "startedAt": rfc3339(datetime.now(UTC)), "poisoned": 1}
        for cycle in (newest, {"cycle": 1, "startedAt": "2020-01-01T00:00Z", "poisoned": 5}):
            yield cycle


class FakeFeed:
    """Has put one message and one that no handler can read, before the schedule starts."""

    values, unreadable, total, started_at = {"m1": 7}, {"p1"}, 2, time.time()

    def __init__(self, error: LocalError | None = None) -> None:
        self.error, self.begun, self.poison_is_away = error, self, True

    async def feed(self, count: int, unreadable: int, depth: int) -> None:
        if self.error:
            raise self.error

    async def poisoned(self) -> set[str]:
        return {"p1"} if self.poison_is_away else set()

    async def wait(self) -> None:
        await asyncio.sleep(0)


class Seen:
    """A view that keeps what it was shown."""

    def __init__(self) -> None:
        self.snapshots: list[Snapshot] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def show(self, snapshot: Snapshot) -> None:
        self.snapshots.append(snapshot)


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("_POLL", 0.001), ("_STALL", 0.05), ("_SILENCE", 0.05), ("_STOPPING", 5.0)):
        monkeypatch.setattr(module, name, seconds)


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "parity.jsonl"


def _run(api: FakeApi, ledger: Path, fed: FakeFeed | None = None) -> AccountedRun:
    return AccountedRun(cast("Api", api), Ledger(ledger), [], cast("AccountedFeed", fed or FakeFeed()))


def _handle(ledger: Path, api: FakeApi, closed_after: float = 1.0) -> None:
    """The message is handled and the cycle closed so many seconds later; the poison message is put away."""
    ledger.write_text(json.dumps({"id": "m1", "value": 7, "parity": "odd"}) + "\n")
    ended = datetime.now(UTC) + timedelta(seconds=closed_after)
    api.document["lastCycle"] = {"endedAt": rfc3339(ended)}
    api.document["totals"] = {"processed": 1, "poisoned": 1}


async def test_run_is_drained_when_all_is_handled_and_the_cycle_is_closed(api: FakeApi, ledger: Path) -> None:
    run, seen = _run(api, ledger), Seen()
    await run.start(1, 1)
    _handle(ledger, api)
    assert await run.watch(seen, until_drained=True)
    assert seen.snapshots[-1].progress == "2 put, 1 processed, 1 poisoned"
    summary = await run.summary()
    assert (summary.missing, summary.cycles) == (0, 1)  # cycles of earlier runs do not count


@pytest.mark.parametrize("fault", ["not handled", "not poisoned", "cycle still open", "still processing"])
async def test_run_has_failed_when_it_stalls(api: FakeApi, ledger: Path, fault: str) -> None:
    run = _run(api, ledger)
    await run.start(1, 1)
    if fault != "not handled":
        _handle(ledger, api, closed_after=-1.0 if fault == "cycle still open" else 1.0)
    if fault == "not poisoned":
        api.document["totals"] = {"processed": 1, "poisoned": 0}
    if fault == "still processing":
        api.document["phase"] = "processing"
    assert not await run.watch(Seen(), until_drained=True)


async def test_poison_of_an_earlier_run_does_not_stand_for_that_of_this_one(api: FakeApi, ledger: Path) -> None:
    fed = FakeFeed()
    fed.poison_is_away = False
    run = _run(api, ledger, fed)
    await run.start(1, 1)
    _handle(ledger, api)
    assert not await run.watch(Seen(), until_drained=True)
    assert "not all of 1 unreadable message in the poison queue" in run.shortfall()


async def test_stalled_run_says_what_it_waited_for_and_how_its_schedule_is(api: FakeApi, ledger: Path) -> None:
    api.document["error"] = "queue unix-times does not exist"
    run = _run(api, ledger)
    await run.start(1, 1)
    assert not await run.watch(Seen(), until_drained=True)
    assert run.shortfall() == (
        "not drained after 0.05 s without progress: 1 message of 1 not handled; "
        "parity running, waiting; backlog -; 2 put, 0 processed; error: queue unix-times does not exist"
    )


async def test_wait_is_nudged_only_while_messages_are_put_and_once_after(api: FakeApi, ledger: Path) -> None:
    run = _run(api, ledger)
    await run.start(1, 1)
    assert not await run.watch(Seen(), until_drained=True)
    assert api.triggers == 1


async def test_start_waits_until_the_instance_before_has_stopped(api: FakeApi, ledger: Path) -> None:
    api.refusals = 3
    await _run(api, ledger).start(1, 1)
    assert api.refusals == 0


async def test_app_that_no_longer_answers_ends_the_run(api: FakeApi, ledger: Path) -> None:
    run = _run(api, ledger)
    await run.start(1, 1)
    api.silent = True
    with pytest.raises(LocalError, match="no answer"):
        await run.watch(Seen(), until_drained=False)


async def test_messages_that_cannot_be_put_end_the_run(api: FakeApi, ledger: Path) -> None:
    run = _run(api, ledger, FakeFeed(LocalError("cannot put messages")))
    await run.start(1, 1)
    with pytest.raises(LocalError, match="cannot put messages"):
        await run.watch(Seen(), until_drained=False)


async def test_run_without_messages_is_drained_only_by_a_measurement_of_its_own(api: FakeApi, ledger: Path) -> None:
    run = AccountedRun(cast("Api", api), Ledger(ledger), [], None)
    await run.start(0, 0)
    api.document["backlog"] = {"count": 0, "measuredAt": "2020-01-01T00:00:00.000Z"}
    assert not await run.watch(Seen(), until_drained=True)
    api.document["backlog"] = {"count": 0, "measuredAt": rfc3339(datetime.now(UTC) + timedelta(seconds=1))}
    assert await run.watch(Seen(), until_drained=True)
