"""The orchestration engine: keeps the unfinished instances, runs their episodes, and carries out what these decided."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any, Protocol
from uuid import UUID

from devhost.clock import Clock, ManualClock
from devhost.dotnet_errors import orchestration_details
from devhost.durable_timers import DurableTimers
from devhost.episode import Episodes
from devhost.events import EventType, child_completed, child_failed, event, execution_completed
from devhost.failures import reason_of
from devhost.held_work import HeldWork
from devhost.instance import Event, Instance, Message, OpenWork, Parent, Status
from devhost.lane import Lane
from devhost.recovery import load_rewound, load_unfinished
from devhost.store import Store
from devhost.timestamps import stamp
from devhost.versions import is_runnable

log = logging.getLogger("devhost.engine")

GATHER_ABOVE_SECONDS = 0.002
"""An instance whose last episode took longer than this waits as long again for more results before the next one, while
more are to come: a replay costs as much for one result as for many. A wide fan-out then takes half its time at most in
replays."""


class Worker(Protocol):
    """Runs activities or HTTP calls, and hands the results to `Engine.deliver`."""

    def begin(self, instance: Instance, work: OpenWork) -> None: ...


class EntityMail(Protocol):
    """Takes messages from orchestrations to entities."""

    def send(self, entity_id: str, request: dict[str, Any]) -> None: ...


class Engine:
    """All orchestration instances of one host. Every method runs on the event loop."""

    def __init__(self, store: Store, lane: Lane, clock: Clock, episodes: Episodes, new_id: Callable[[], str]) -> None:
        self.live: dict[str, Instance] = {}
        self.workers: dict[str, Worker] = {}
        self.entities: EntityMail
        self._store, self._lane, self._clock = store, lane, clock
        self.episodes, self._new_id = episodes, new_id
        self._timers = DurableTimers(clock, self.deliver)
        # Gathering goes by real time, so it would make equal runs of a manual clock unequal.
        self.gathers_results = not isinstance(clock, ManualClock)
        self._awaited: dict[str, list[asyncio.Future[None]]] = {}

    def recover(self) -> int:
        """Take up every unfinished instance of the state file; returns how many there are."""
        for instance in load_unfinished(self._store):
            self.live[instance.instance_id] = instance
        found = list(self.live.values())
        held = HeldWork(self.episodes.settings, self._clock) if self._store.was_killed else None
        for instance in found:
            self._guarded(instance, partial(self._take_up, held=held))
        return len(found)

    def create(
        self, name: str, instance_id: str, input_text: str | None, version: str | None, parent: Parent | None = None
    ) -> Instance:
        """Create an instance and queue its first episode. A terminal instance of the same ID is replaced."""
        now = stamp(self._clock.now())
        # As the extension: a GUID for what is started, 32 digits for sub-orchestrations and later generations.
        execution_id = self._new_id() if parent else str(UUID(self._new_id()))
        instance = Instance(instance_id, execution_id, name, version, input_text, now, now, parent)
        instance.changes.restarted = True
        self.live[instance_id] = instance
        self._touch(instance)
        self._queue(instance)
        return instance

    def deliver(self, instance_id: str, message: Event, execution_id: str | None = None) -> None:
        """Queue a message; one for an instance or execution that is over is dropped."""
        instance = self.live.get(instance_id)
        if instance is None or execution_id not in (None, instance.execution_id):
            return
        instance.put(message)
        self._touch(instance)
        if instance.suspended:
            return
        is_costly = self.gathers_results and instance.episode_seconds > GATHER_ABOVE_SECONDS
        if not (is_costly and instance.expects_results):
            self._queue(instance)
        elif not instance.is_gathering:
            instance.is_gathering = True
            asyncio.get_running_loop().call_later(instance.episode_seconds, self._gathered, instance)

    def terminate(self, instance: Instance, reason: str) -> None:
        """End the instance now; its running activities finish and their results are dropped."""
        ended = execution_completed(instance, "Terminated", reason)
        self._note(instance, reason, event(EventType.ExecutionTerminated, Input=reason), ended)
        self._finish(instance, Status.Terminated)
        self._tell_parent(instance, lambda number: child_failed(number, reason, None))

    def suspend(self, instance: Instance, reason: str) -> None:
        """Run no more episodes until `resume`."""
        instance.suspended = True
        self._note(instance, reason, event(EventType.ExecutionSuspended, Reason=reason))
        self._touch(instance)

    def resume(self, instance: Instance, reason: str) -> None:
        """Let the messages in that queued up while the instance was suspended."""
        instance.suspended = False
        self._note(instance, reason, event(EventType.ExecutionResumed, Reason=reason))
        self._touch(instance)
        self._queue(instance)

    def rewind(self, instance_id: str, reason: str) -> None:
        """Run again what failed in this failed instance; where sub-orchestrations failed, in these."""
        row = self._store.row(instance_id)
        if row is None or Status(row["status"]) is not Status.Failed:
            return
        instance = load_rewound(self._store, row)
        self.live[instance_id] = instance
        self._touch(instance)
        for child in instance.work.values():
            self.rewind(child.body["instanceId"], reason)
        if not instance.work:
            self.deliver(instance_id, event(EventType.GenericEvent, Data=reason))

    def ended(self, instance_id: str) -> asyncio.Future[None]:
        """Return a future that is done once the instance has ended and that is stored."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if instance_id in self.live:
            self._awaited.setdefault(instance_id, []).append(future)
        else:
            self._lane.after_commit(partial(_resolve, future))
        return future

    def close(self) -> None:
        """Call off all timers."""
        self._timers.close()

    def _note(self, instance: Instance, reason: str, *what: Event) -> None:
        """Keep the reason as output and, once the history has begun, as an episode in which no code runs."""
        instance.output = json.dumps(reason)
        instance.updated = stamp(self._clock.now())
        if instance.history:
            framing = (EventType.OrchestratorStarted, EventType.OrchestratorCompleted)
            opening, closing = (event(one, instance.updated) for one in framing)
            told = [{**one, "Timestamp": instance.updated} for one in what]
            instance.add_episode([opening, *told, closing])

    def _gathered(self, instance: Instance) -> None:
        instance.is_gathering = False
        self._queue(instance)

    def _queue(self, instance: Instance) -> None:
        self._lane.queue(instance, partial(self._run, instance))

    def _touch(self, instance: Instance) -> None:
        self._lane.write_later(instance, partial(self._store.write_instance, instance))

    def _run(self, instance: Instance) -> None:
        if self.live.get(instance.instance_id) is not instance:
            return
        self._touch(instance)
        if not instance.suspended:
            self._guarded(instance, self._episode)

    def _guarded(self, instance: Instance, step: Callable[[Instance], None]) -> None:
        """Do a step of one instance. Whatever is wrong with it fails this instance; only the store stops the host."""
        try:
            step(instance)
        except sqlite3.Error:
            raise
        except Exception as error:  # what one app provokes must not end the work of the others
            log.error("orchestration %s (%s) fails", instance.instance_id, instance.name, exc_info=error)
            reason = f"Orchestrator function '{instance.name}' failed: {reason_of(error)}"
            self._note(instance, reason, execution_completed(instance, "Failed", reason))
            self._fail(instance, reason, orchestration_details(reason_of(error)))

    def _take_up(self, instance: Instance, held: HeldWork | None) -> None:
        for work in list(instance.work.values()):
            if held is None or not held.hold_work(work, partial(self._begin_late, instance, work)):
                self._begin(instance, work, again=True)
        has_messages = bool(instance.inbox) or not instance.history
        if has_messages and (held is None or not held.hold_messages(instance, partial(self._take_back, instance))):
            self._queue(instance)

    def _begin_late(self, instance: Instance, work: OpenWork) -> None:
        if instance.work.get(work.number) is work and self.live.get(instance.instance_id) is instance:
            self._begin(instance, work, again=True)

    def _take_back(self, instance: Instance, messages: list[Message], execution_id: str) -> None:
        """Let messages in that a dead host had held; the ends of another generation's work are over."""
        if self.live.get(instance.instance_id) is not instance:
            return
        is_same = instance.execution_id == execution_id
        instance.inbox.extend(one for one in messages if is_same or one.is_external)
        self._queue(instance)

    def _episode(self, instance: Instance) -> None:
        if not is_runnable(instance, self.episodes.settings):
            return
        begun = perf_counter()
        effects = self.episodes.run(instance, self._clock.now())
        instance.episode_seconds = perf_counter() - begun
        if instance.status is Status.Pending:
            instance.status = Status.Running
        for number in effects.cancelled:
            self._timers.disarm(instance, number)
        for work in effects.begun:
            if work.number in instance.work or work.kind == "signal":
                self._begin(instance, work)
        if effects.ended:
            self._end(instance)
        elif effects.ran and instance.inbox:
            self._queue(instance)

    def _begin(self, instance: Instance, work: OpenWork, *, again: bool = False) -> None:
        if work.kind == "timer":
            self._timers.arm(instance, work)
        elif work.kind == "child":
            self._begin_child(instance, work, again=again)
        elif work.kind in ("entity", "signal"):
            if not again:
                self.entities.send(work.body["entity"], json.loads(work.body["message"]))
        else:
            self._lane.after_commit(partial(self.workers[work.kind].begin, instance, work))

    def _begin_child(self, instance: Instance, work: OpenWork, *, again: bool) -> None:
        child_id = work.body["instanceId"]
        if again:
            return
        parent = Parent(instance.instance_id, instance.execution_id, instance.name, work.number, instance.version)
        if child_id in self.live:
            reason = f"An Orchestration instance with the ID '{child_id}' already exists."
            self.deliver(parent.instance_id, child_failed(work.number, reason, None), parent.execution_id)
            return
        text = work.body["input"]
        self.create(work.name, child_id, None if text is None else json.dumps(text), work.body["version"], parent)

    def _end(self, instance: Instance) -> None:
        outcome = instance.outcome
        assert outcome is not None
        if outcome.kind == "continued":
            text = None if outcome.value is None else json.dumps(outcome.value)
            instance.restart(self._new_id(), text, stamp(self._clock.now()))
            self._queue(instance)
        elif outcome.kind == "completed":
            instance.output = outcome.value
            self._finish(instance, Status.Completed)
            self._tell_parent(instance, lambda number: child_completed(number, outcome.value))
        else:
            self._fail(instance, str(outcome.value), outcome.details)

    def _fail(self, instance: Instance, reason: str, details: str) -> None:
        instance.output = json.dumps(reason)
        self._finish(instance, Status.Failed)
        self._tell_parent(instance, lambda number: child_failed(number, reason, details))

    def _finish(self, instance: Instance, status: Status) -> None:
        for number in list(instance.work):
            self._timers.disarm(instance, number)
        instance.status = status
        instance.updated = stamp(self._clock.now())
        self.live.pop(instance.instance_id, None)
        self._touch(instance)
        for future in self._awaited.pop(instance.instance_id, ()):
            self._lane.after_commit(partial(_resolve, future))
        log.info("orchestration %s (%s) ended: %s", instance.instance_id, instance.name, status.name)

    def _tell_parent(self, instance: Instance, ended: Callable[[int], Event]) -> None:
        """Give its parent, if it has one, the end of this child as `ended` makes it of the number of its task."""
        parent = instance.parent
        if parent is not None:
            self.deliver(parent.instance_id, ended(parent.number), parent.execution_id)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
