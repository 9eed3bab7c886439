"""One episode of an orchestration: deliver what waits, replay the code, record what it decided. No I/O."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from devhost.beginnings import Beginnings
from devhost.decisions import name_of, new_actions, waits_of
from devhost.dotnet_errors import orchestration_details
from devhost.errors import ChangedCodeError, ReplyError
from devhost.events import COMPLETIONS, FAILURES, EventType, event, execution_completed, execution_started, work_begun
from devhost.indexing import Function, Functions
from devhost.instance import Decision, Event, Instance, Message, OpenWork, Outcome
from devhost.pacing import CONTINUE_AS_NEW, Pace, pace
from devhost.replay import Reply
from devhost.retries import follow_up, takes_number
from devhost.settings import HostSettings
from devhost.texts import compact
from devhost.timestamps import stamp

log = logging.getLogger("devhost.episode")

CUSTOM_STATUS_LIMIT = 16
"""KB of a custom status, the limit of the Durable extension (DurableOrchestrationContext.SetCustomStatus)."""

_MIXED_UP = (
    "the extension begins '{}' only when what was put before it into task_any or task_all has ended, and meanwhile a "
    "retry takes its number, {}; in Azure later results would go to the wrong tasks. Begin nothing new while tasks "
    "with retries are open, or retry in code"
)

Replay = Callable[[Callable[..., Any], Instance], Reply]


@dataclass
class Effects:
    """What the host must do. `ran`: there was something to deliver; `ended`: the execution is over."""

    begun: list[OpenWork] = field(default_factory=list[OpenWork])
    cancelled: list[int] = field(default_factory=list[int])
    ran: bool = False
    ended: bool = False


@dataclass
class Episodes:
    """Runs episodes by the rules of one app."""

    functions: Functions
    settings: HostSettings
    beginnings: Beginnings
    replay: Replay

    def run(self, instance: Instance, now: datetime) -> Effects:
        """Run one episode with the messages that may go together; the instance changes in place.

        Completions go together, since one replay then serves them all. An external event ends the batch, so that what
        comes after it is not lost if the code continues as new. An end that makes the SDK take a number by itself (a
        failed attempt with retries, a retry timer) comes first in its batch, because the host takes that number before
        those of the code's new actions.
        """
        time = stamp(now)
        effects = Effects()
        opening = [event(EventType.OrchestratorStarted, time)]
        if not instance.history:
            opening.append(execution_started(instance, time))
        if instance.carried is not None:
            opening += self._go_on(instance, time)
        else:
            opening += self._deliver(instance, time, now, effects)
        if len(opening) == 1:
            return effects
        effects.ran = True
        retried = [work.number for work in effects.begun]
        instance.history += opening
        if instance.outcome is None:
            self._replay(instance, effects, retried)
        closing = [self._record(work, time) for work in effects.begun]
        if instance.outcome is not None and not instance.blocking_work:
            effects.ended = True
            if instance.outcome.kind != "continued":
                closing.append({**_ended(instance), "Timestamp": time})
        if closing or opening[-1]["EventType"] != EventType.OrchestratorCompleted:
            closing.append(event(EventType.OrchestratorCompleted, time))
        instance.history += closing
        instance.updated = time
        instance.episodes += 1
        instance.changes.episodes.append((opening + closing, retried))
        if log.isEnabledFor(logging.DEBUG):
            names = ", ".join(EventType(one["EventType"]).name for one in opening + closing)
            log.debug("episode %d of %s: %s", instance.episodes, instance.instance_id, names)
        return effects

    def _go_on(self, instance: Instance, time: str) -> list[Event]:
        """What a generation that follows a continue-as-new begins with: the carried events, and nothing else.

        The framework runs it at once, in the work item of the generation before it, so messages that came meanwhile
        are for its second episode; and it closes the frame before the code has run.
        """
        carried = [{**one, "Timestamp": time} for one in instance.carried or ()]
        instance.carried = None
        return [*carried, event(EventType.OrchestratorCompleted, time)]

    def _deliver(self, instance: Instance, time: str, now: datetime, effects: Effects) -> list[Event]:
        delivered: list[Event] = []
        for message in self._take_batch(instance):
            kind = message.event["EventType"]
            if kind in COMPLETIONS:
                work = instance.close(message.event[COMPLETIONS[kind]])
                following = work and follow_up(instance, work, kind in FAILURES, now)
                if following:
                    effects.begun.append(following)
                    number = following.number
                    instance.decisions[number] = Decision(number, following.kind, following.name, is_retry=True)
            delivered.append({**message.event, "Timestamp": time})
        return delivered

    def _take_batch(self, instance: Instance) -> list[Message]:
        batch: list[Message] = []
        held: list[Message] = []
        ended: set[int] = set()
        inbox = instance.inbox
        while inbox:
            message = inbox[0]
            number = _ends(instance, message)
            if number is not None and (number not in instance.work or number in ended):
                instance.took(inbox.popleft())
                continue
            if number is None and self._must_hold(instance, message):
                held.append(inbox.popleft())
                continue
            if number is not None and batch and _takes_number(instance, message, number):
                break
            batch.append(inbox.popleft())
            instance.took(message)
            if number is None:
                if message.is_external:
                    name = message.event["Name"]
                    instance.delivered[name] = instance.delivered.get(name, 0) + 1
                break
            ended.add(number)
            if instance.work[number].kind == "entity":
                instance.close(number)
        inbox.extendleft(reversed(held))
        return batch

    def _must_hold(self, instance: Instance, message: Message) -> bool:
        if instance.outcome is not None or not message.is_external:
            return False  # the code has ended and only waits for its open work; or it is a rewind
        name = message.event["Name"]
        is_awaited = instance.waits.get(name, 0) > instance.delivered.get(name, 0)
        return self.settings.hold_back_events and not is_awaited

    def _replay(self, instance: Instance, effects: Effects, retried: list[int]) -> None:
        try:
            if retried and instance.held is not None:
                raise ReplyError(_MIXED_UP.format(instance.held, retried[0]))
            reply = self.replay(self._orchestrator(instance).user_function, instance)
            self._accept(instance, reply, effects)
        except ReplyError as error:
            log.error("orchestration %s (%s) fails: %s", instance.instance_id, instance.name, error)
            effects.begun.clear()
            effects.cancelled.extend(instance.work)
            for number in list(instance.work):
                instance.close(number)
            named = str(error) if isinstance(error, ChangedCodeError) else _named(instance, str(error))
            instance.outcome = Outcome("failed", named, details=orchestration_details(str(error)))

    def _orchestrator(self, instance: Instance) -> Function:
        function = self.functions.durable("orchestrationTrigger", instance.name)
        if function is None:
            raise ReplyError(self.functions.missing("orchestrationTrigger", instance.name))
        return function

    def _accept(self, instance: Instance, reply: Reply, effects: Effects) -> None:
        paced = pace(instance.history, reply.actions)
        if reply.error is None or reply.actions:
            self._decide(instance, reply, paced, effects)
        instance.custom_status = _status_text(reply.custom_status)
        if paced.reached is None:
            return  # the extension waits for an action that the code need not wait for
        last = reply.actions[-1] if reply.actions else {}
        if reply.error is not None:
            details = reply.details or orchestration_details(reply.error)
            instance.outcome = Outcome("failed", _named(instance, reply.error), details=details)
        elif last.get("actionType") == CONTINUE_AS_NEW:
            instance.outcome = Outcome("continued", last["input"], paced.reached)
        elif reply.is_done:
            instance.outcome = Outcome("completed", compact(json.dumps(reply.output)))

    def _decide(self, instance: Instance, reply: Reply, paced: Pace, effects: Effects) -> None:
        actions = reply.actions
        if len(actions) > self.settings.max_orchestration_actions:
            raise ReplyError(
                f"the orchestrator made {len(actions)} actions, more than maxOrchestrationActions "
                f"({self.settings.max_orchestration_actions}); use continue_as_new"
            )
        fresh, effects.cancelled = new_actions(instance, paced.begun)
        instance.waits = waits_of(actions)
        instance.held = name_of(paced.held) or "timer" if paced.held else None
        instance.next_number = max(instance.next_number, paced.next_number)
        for number in effects.cancelled:
            instance.close(number)
        for number, action in fresh:
            work = self.beginnings.work_of(instance, number, action)
            instance.decisions[number] = Decision(number, work.kind, name_of(action))
            effects.begun.append(work)
            if work.kind != "signal" and not action.get("isCanceled"):
                instance.open(work)

    def _record(self, work: OpenWork, time: str) -> Event:
        return work_begun(work, time, self.settings.store_inputs)


def _ends(instance: Instance, message: Message) -> int | None:
    """The number of the work that this message ends; None for an external event."""
    field_name = COMPLETIONS.get(message.event["EventType"])
    if field_name is not None:
        return message.event[field_name]
    name = message.event.get("Name")
    return next((number for number, work in instance.work.items() if work.body.get("requestId") == name), None)


def _takes_number(instance: Instance, message: Message, number: int) -> bool:
    return takes_number(instance.work[number], message.event["EventType"] in FAILURES)


def _named(instance: Instance, text: str) -> str:
    return f"Orchestrator function '{instance.name}' failed: {text}"


def _status_text(value: Any) -> str | None:
    if value is None:
        return None
    # The extension writes the status again, without spaces or needless escapes, and compares whole KB.
    written = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    size = len(written.encode("utf-16-le", "surrogatepass")) // 1024
    if size > CUSTOM_STATUS_LIMIT:
        raise ReplyError(
            f"The UTF-16 size of the JSON-serialized payload must not exceed {CUSTOM_STATUS_LIMIT} KB. The current "
            f"payload size is {size} KB."
        )
    return json.dumps(value)


def _ended(instance: Instance) -> Event:
    outcome = instance.outcome
    assert outcome is not None
    return execution_completed(instance, "Completed" if outcome.kind == "completed" else "Failed", outcome.value)
