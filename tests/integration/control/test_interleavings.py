"""Random orders of commands, accidents and crashes, in two task hubs on one storage, with clocks that differ.

What must hold whatever the order: no two instances act for a schedule at once, by what the executions wrote down
themselves; and in the end a schedule is as the last accepted command says. EBB_INTERLEAVINGS says how many are tried
(12 without it), EBB_INTERLEAVINGS_SEED which; a failure names the seed and the schedule's own story.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from azure.storage.queue.aio import QueueServiceClient

from tests.azurite import Azurite
from tests.integration.control.slots import Slot, intervals, overlaps

COUNT = int(os.environ.get("EBB_INTERLEAVINGS", "12"))
SEED = int(os.environ.get("EBB_INTERLEAVINGS_SEED", "0")) or secrets.randbelow(10**9)
AT_ONCE = 12  # schedules that are worked on together, under the same crashes
SKEW = 1.0  # seconds that the two clocks differ by, and that the app is told they may
FINAL_SECONDS = 45.0
VERBS = ("start", "start", "start", "stop", "terminate", "pause", "resume", "resume", "trigger", "settings")
VERBS += ("put", "put", "double", "double", "accident", "nap")


def settings(queue: str) -> dict[str, Any]:
    return {
        "source": {"type": "storageQueue", "queueName": queue, "messageEncoding": "none", "createQueue": True},
        "handler": "tests.integration.control.work:handle",
        "queueLength": 2,
        "maxExecutions": 3,
        "pollingInterval": 0.5,
        "maxPollingInterval": 1,
        "executionSlice": 1,
        "replicaTimeout": 2,
        "visibilityTimeout": 3,
        "concurrency": 1,
        "batchSize": 1,
    }


class Story:
    """One schedule, one operator, one order of things."""

    def __init__(self, name: str, seed: str, slots: list[Slot], session: aiohttp.ClientSession, queue: Any) -> None:
        self.name, self._random, self._slots = name, random.Random(seed), slots
        self._session, self._queue = session, queue
        self._accidents = 0
        self.expected = "stopped"  # after the last accepted command; "unknown" after one that got no answer
        self.told: list[str] = []

    async def run(self) -> None:
        """Do things for a while, then say for certain what is wanted."""
        await self._queue.create_queue()
        await self._do("put", self._slots[0])
        await self._do("start", self._random.choice(self._slots))
        for _ in range(self._random.randint(8, 14)):
            verbs = self._random.choices(VERBS, k=self._random.choice((1, 1, 1, 2, 3)))
            if len(verbs) > 1:
                await self._at_once(verbs)
            else:
                await self._do(verbs[0], self._random.choice(self._slots))
            await asyncio.sleep(self._random.choice((0, 0, 0.05, 0.3, 0.8)))
        final = self._random.choice(("start", "stop", "pause"))
        deadline = time.monotonic() + FINAL_SECONDS
        while self.expected != {"start": "running", "stop": "stopped", "pause": "paused"}[final]:
            assert time.monotonic() < deadline, f"{self.name} never took {final}: {self.story()}"
            if final == "pause":
                await self._do("start", self._random.choice(self._slots))
            await self._do(final, self._random.choice(self._slots))
            await asyncio.sleep(0.2)

    def story(self) -> str:
        """All that was done, for a failure."""
        return f"seed {SEED}, {self.name}:\n" + "\n".join(self.told)

    async def _at_once(self, verbs: list[str]) -> None:
        """Several operators at once: which command came last is asked of the app."""
        await asyncio.gather(*(self._do(verb, self._random.choice(self._slots)) for verb in verbs))
        self.expected = "unknown"
        for slot in self._slots:
            status, document = await slot.call(
                self._session, "GET", f"api/schedules/{self.name}/events?kind=audit&top=1"
            )
            if status == 200:
                break
        state = await self.state()
        if state is not None:
            stopped = state in ("stopped", "stopping")
            self.expected = "stopped" if stopped else "paused" if state == "paused" else "running"
        self.told.append(f"after {'+'.join(verbs)} it is {self.expected} ({document and document.get('value')})")

    async def state(self) -> str | None:
        """The state as either slot says it."""
        for slot in self._slots:
            status, document = await slot.call(self._session, "GET", f"api/schedules/{self.name}")
            if status == 200:
                return document["state"]
        return None

    async def _do(self, verb: str, slot: Slot) -> None:
        status: int | None = 0
        if verb == "nap":
            await asyncio.sleep(self._random.random() * 1.5)
        elif verb == "put":
            for _ in range(self._random.randint(4, 12)):
                await self._queue.send_message(str(self._random.choice((0, 0.2, 0.4, 0.8))))
        elif verb == "accident":
            if self._accidents < 2:
                self._accidents += 1
                path = f"runtime/webhooks/durabletask/instances/ebb-{self.name}/terminate?reason=accident"
                status, _ = await slot.call(self._session, "POST", path)
        elif verb == "double":  # an instance that nobody asked for, as an old revision or a race of starters leaves it
            first = {"schedule": self.name, "taskHub": slot.hub, "launch": 10**6}
            path = f"runtime/webhooks/durabletask/orchestrators/eternal_scheduler/ebb-{self.name}"
            status, _ = await slot.call(self._session, "POST", path, first)
        else:
            status = await self._command(verb, slot)
        self.told.append(f"{time.time():.3f} {verb} at {slot.hub}: {status}; expected {self.expected}")

    async def _command(self, verb: str, slot: Slot) -> int | None:
        body: dict[str, Any] = {"reason": verb}
        method, path = "POST", verb
        if verb == "terminate":
            path, body = "stop", {"reason": verb, "mode": "terminate"}
        elif verb == "settings":
            method, path, body = "PATCH", "settings", {"maxExecutions": self._random.randint(1, 3)}
        status, document = await slot.call(self._session, method, f"api/schedules/{self.name}/{path}", body)
        after = {"start": "running", "resume": "running", "pause": "paused", "stop": "stopped", "terminate": "stopped"}
        if status is None and verb in after:
            self.expected = "unknown"
        elif status in (200, 202) and verb in after:
            self.expected = after[verb]
        assert status is None or status < 500 or status == 503, (verb, status, document, self.story())
        return status


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as made:
        yield made


@pytest.mark.timeout(60 + 20 * COUNT)
async def test_no_two_instances_act_and_the_last_command_wins(
    tmp_path: Path, azurite: Azurite, session: aiohttp.ClientSession
) -> None:
    prefix = f"i{secrets.token_hex(5)}"
    names = [f"s{number}" for number in range(COUNT)]
    slots = [
        Slot(tmp_path / hub, azurite, prefix, hub, offset, SKEW)
        for hub, offset in (("Blue", SKEW / 2), ("Green", -SKEW / 2))
    ]
    deaths: dict[int, float] = {}
    for slot in slots:
        slot.lay_out({name: settings(f"{prefix}-{name}") for name in names})
    async with QueueServiceClient.from_connection_string(azurite.connection_string) as queues:
        await asyncio.gather(*(slot.start() for slot in slots))
        try:
            for start in range(0, COUNT, AT_ONCE):
                stories = [
                    Story(name, f"{SEED}/{name}", slots, session, queues.get_queue_client(f"{prefix}-{name}"))
                    for name in names[start : start + AT_ONCE]
                ]
                crashes = asyncio.create_task(_crash_now_and_then(slots, random.Random(f"{SEED}/{start}"), deaths))
                await asyncio.gather(*(story.run() for story in stories))
                await crashes
                for story in stories:
                    await _settles(story)
                    found = intervals(tmp_path / "record.jsonl", story.name, deaths)
                    assert not overlaps(found), f"{overlaps(found)}\n{story.story()}"
                    await _leave(story, slots, session)
        finally:
            for slot in slots:
                await slot.kill()
    acted = sum(len(intervals(tmp_path / "record.jsonl", name, deaths)) for name in names)
    assert acted > COUNT, f"only {acted} executions in {COUNT} interleavings: this shows little"


async def _crash_now_and_then(slots: list[Slot], rng: random.Random, deaths: dict[int, float]) -> None:
    """Kill each slot once, some time in; it is away for a moment, or for longer than its lease."""
    for slot in rng.sample(slots, len(slots)):
        await asyncio.sleep(rng.uniform(0.5, 3))
        process = slot.pid
        await slot.kill()
        deaths[process] = slot.killed_at
        await asyncio.sleep(rng.choice((0, 0.5, 3, 5)))
        await slot.start()


async def _settles(story: Story) -> None:
    """The schedule becomes what the last accepted command says, and stays so."""
    deadline = time.monotonic() + FINAL_SECONDS
    calm = 0
    while calm < 3:
        state = await story.state()
        calm = calm + 1 if state == story.expected else 0
        assert time.monotonic() < deadline, f"expected {story.expected}, is {state}: {story.story()}"
        await asyncio.sleep(0.2)
    if story.expected == "running":
        await _works(story, deadline)


async def _works(story: Story, deadline: float) -> None:
    """A schedule that runs handles what comes: it does not only say so."""
    await story._queue.send_message("0")
    while (await story._queue.get_queue_properties()).approximate_message_count:
        assert time.monotonic() < deadline, f"running and does nothing: {story.story()}"
        await asyncio.sleep(0.2)


async def _leave(story: Story, slots: list[Slot], session: aiohttp.ClientSession) -> None:
    """Stop the schedule, so that the next ones have the machine for themselves."""
    for slot in slots:
        await slot.call(session, "POST", f"api/schedules/{story.name}/stop", {"reason": "over", "mode": "terminate"})


def test_overlap_of_two_owners_or_two_cycles_is_seen(tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    lines: list[dict[str, Any]] = []

    def act(owner: str, cycle: int, begin: float, end: float | None, pid: int = 1) -> None:
        about = {"schedule": "s", "owner": owner, "cycle": cycle, "execution": 0, "pid": pid}
        lines.append({**about, "event": "began", "at": begin})
        if end is not None:
            lines.append({**about, "event": "ended", "at": end})
        record.write_text("".join(json.dumps(line) + "\n" for line in lines))

    act("a", 1, 0, 1)
    act("a", 2, 1, 2)
    assert not overlaps(intervals(record, "s", {}))
    act("b", 3, 1.5, 3)
    ((one, other),) = overlaps(intervals(record, "s", {}))
    assert (one.owner, other.owner) == ("a", "b")
    act("b", 4, 2.5, 2.6)
    assert len(overlaps(intervals(record, "s", {}))) == 2
    act("c", 5, 4, None, pid=7)
    act("d", 6, 5, 6)
    assert len(overlaps(intervals(record, "s", {7: 4.9}))) == 2, "it ended with its process"
    assert len(overlaps(intervals(record, "s", {7: 5.1}))) == 3
