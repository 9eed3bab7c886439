"""The lane: one commit for what happens together, and effects only after it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from devhost.errors import OperationError
from devhost.lane import Lane
from devhost.store import Store


@dataclass(eq=False)
class Job:
    is_queued: bool = False


def _put(store: Store, key: str) -> None:
    store.connection.execute("INSERT INTO meta VALUES (?, 'x')", (key,))


def _keys(store: Store) -> list[str]:
    return [
        key
        for (key,) in store.connection.execute(
            "SELECT key FROM meta WHERE key NOT IN ('version', 'at work') ORDER BY key"
        )
    ]


@pytest.fixture
def store() -> Any:
    store = Store.open(None)
    yield store
    store.close()


async def test_effects_come_after_the_commit_of_what_they_follow(store: Store) -> None:
    lane, seen = Lane(store, lambda _error: None), []
    lane.write_later(store, lambda: _put(store, "a"))
    lane.after_commit(lambda: seen.append((_keys(store), store.connection.in_transaction)))
    assert seen == []
    await lane.committed()
    assert seen == [(["a"], False)]


async def test_what_is_ready_together_is_one_commit(store: Store) -> None:
    lane, begun = Lane(store, lambda _error: None), []
    store.connection.set_trace_callback(lambda text: begun.append(text) if text.startswith("BEGIN") else None)
    jobs = [Job() for _ in range(10)]
    for number, job in enumerate(jobs):

        def run(number: int = number, job: Job = job) -> None:
            lane.write_later(job, lambda: _put(store, f"k{number}"))

        lane.queue(job, run)
        lane.queue(job, run)
    await lane.committed()
    assert len(_keys(store)) == 10
    assert len(begun) == 1


async def test_failed_commit_undoes_all_runs_no_effect_and_tells_the_waiting(store: Store) -> None:
    broken: list[BaseException] = []
    lane, seen = Lane(store, broken.append), []
    other = Job()
    lane.write_later(store, lambda: _put(store, "a"))
    lane.write_later(other, lambda: _put(store, "version"))
    lane.after_commit(lambda: seen.append("effect"))
    with pytest.raises(OperationError, match="could not be written: UNIQUE constraint failed"):
        await lane.committed()
    assert (_keys(store), seen, len(broken)) == ([], [], 1)
    lane.write_later(store, lambda: _put(store, "b"))
    with pytest.raises(OperationError, match="stopping"):
        await lane.committed()


async def test_stopped_lane_commits_what_is_done_and_begins_nothing(store: Store) -> None:
    lane, seen = Lane(store, lambda _error: None), []
    lane.write_later(store, lambda: _put(store, "a"))
    lane.queue(Job(), lambda: seen.append("run"))
    lane.stop()
    await asyncio.sleep(0)
    assert (_keys(store), seen) == (["a"], [])
