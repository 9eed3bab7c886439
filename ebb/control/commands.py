"""Changes of a schedule by an operator: the row is written first, by compare-and-swap, then the instance is woken.

What is accepted stands in the row, and the instance reads it at its next check-in. Waking, launching and ending the
instance only make that happen soon; if this process dies in between, the watchdog does it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ebb.control.at_work import executions_at_work
from ebb.control.durable_sdk import DurableClient, task_hub_of
from ebb.control.instances import (
    Instance,
    look_at,
    new_identity,
    nudge,
    terminate,
    until_ended,
)
from ebb.control.journal import record
from ebb.control.launching import bring_up
from ebb.core.clock import rfc3339
from ebb.core.contract.store import update
from ebb.core.errors import RequestRefusedError
from ebb.core.names import instance_id
from ebb.core.row import books, intents
from ebb.core.row.fence import hub_of_owner
from ebb.core.row.intents import Operator, acts_elsewhere
from ebb.core.row.schedule_row import Intent, ScheduleRow
from ebb.services import Services

ATTEMPTS = 60  # at a row that many operators want at once
STOPPING_SECONDS = 3.0  # how long a start waits for an instance that is just ending

Rule = Callable[[ScheduleRow, Instance, Operator], ScheduleRow]


@dataclass
class Outcome:
    """What a request led to."""

    row: ScheduleRow
    instance: Instance
    changed: bool
    launches: bool = False  # this request is the one to launch the instance
    notes: list[str] = field(default_factory=list[str])  # what the caller should know besides


@dataclass(frozen=True)
class Control:
    """One operator's request about one schedule."""

    services: Services
    client: DurableClient
    name: str
    who: str | None
    precondition: Callable[[ScheduleRow], None]  # raises where the request was made for another version of the row

    async def start(self, reason: str | None, overrides: dict[str, Any] | None) -> Outcome:
        """Make the schedule run. Of many callers at once exactly one launches the instance.

        Args:
            overrides: settings over the deployed ones, already validated; None leaves those in force.

        Raises:
            RequestRefusedError: 409 still stopping, or running with other settings; 412; 503.
        """
        base = self._base(overrides or {})
        await self._let_end()

        def rule(row: ScheduleRow, instance: Instance, by: Operator) -> ScheduleRow:
            return intents.started(row, instance, by, overrides, base)

        return await self._run("start", reason, rule, {} if overrides is None else {"settings": overrides})

    async def resume(self, reason: str | None) -> Outcome:
        """End a pause.

        Raises:
            RequestRefusedError: 409 stopped; 412; 503.
        """
        return await self._run("resume", reason, intents.resumed, {})

    async def pause(self, reason: str, until: datetime | None) -> Outcome:
        """Let the loop live and take no messages, until `until` if that is given.

        Raises:
            RequestRefusedError: 409 stopped; 412; 503.
        """
        details = {"until": rfc3339(until)} if until else {}
        outcome = await self._decide("pause", reason, lambda row, _, by: intents.paused(row, by, until), details)
        if outcome.changed and outcome.instance.is_live:
            await nudge(self.client, self.name)
        return outcome

    async def stop(self, reason: str, mode: str) -> Outcome:
        """Make the schedule stop: executions finish the messages in hand and take no more.

        Args:
            mode: "graceful" lets the instance end its cycle; "terminate" ends it at once.

        Raises:
            RequestRefusedError: 412; 503.
        """
        outcome = await self._decide("stop", reason, lambda row, _, by: intents.stopped(row, by), {"mode": mode})
        if mode == "terminate":
            return await self._end(outcome, reason)
        if outcome.instance.is_live:
            await nudge(self.client, self.name)
        return outcome

    async def trigger(self, reason: str | None) -> Outcome:
        """End the present wait, or the next one if none is on.

        Raises:
            RequestRefusedError: 409 not running; 412; 503.
        """
        identity = new_identity()
        outcome = await self._decide(
            "trigger", reason, lambda row, instance, by: intents.triggered(row, instance, by, identity), {}
        )
        if outcome.instance.is_live and not await nudge(self.client, self.name, identity):
            raise RequestRefusedError("durableUnavailable", "the wait was not ended")
        return outcome

    async def cancel(self, cycle: int, index: int, reason: str) -> Outcome:
        """Tell one execution to end: it finishes the messages in hand and takes no more; the others go on.

        Raises:
            RequestRefusedError: 404 it is not at work; 412; 503.
        """
        name = f"{cycle}-{index}"

        async def is_at_work(row: ScheduleRow) -> bool:
            found = await executions_at_work(self.services, row)
            return any((each.cycle, each.index, each.outcome) == (cycle, index, None) for each in found)

        if not await is_at_work(await self.services.store.get(self.name)):
            raise RequestRefusedError("unknownExecution", f"execution {name} of {self.name} is not at work")
        return await self._decide(
            "cancelExecution", reason, lambda row, _, by: intents.cancelled(row, cycle, index, by), {"execution": name}
        )

    async def retune(self, patch: Mapping[str, Any], reason: str | None = None) -> Outcome:
        """Change the overrides by `patch`, in which null takes one back; they apply from the next cycle.

        Raises:
            RequestRefusedError: 412; 503.
            SettingsError: the overrides do not fit the deployed settings.
        """
        return await self._override(lambda present: intents.merged_overrides(present, patch), "changeSettings", reason)

    async def reset(self, reason: str | None = None) -> Outcome:
        """Take all overrides back. Errors as `retune`."""
        return await self._override(lambda _: {}, "resetSettings", reason)

    async def _override(
        self, change: Callable[[Mapping[str, Any]], dict[str, Any]], action: str, reason: str | None
    ) -> Outcome:
        details: dict[str, Any] = {}

        def rule(row: ScheduleRow, instance: Instance, by: Operator) -> ScheduleRow:
            wanted = change(row.overrides)
            self.services.check_settings(self.name, wanted)
            details.update(before=dict(row.overrides), after=wanted)
            return intents.retuned(row, wanted, self._base(wanted))

        return await self._decide(action, reason, rule, details)

    async def _let_end(self) -> None:
        """Where the schedule is stopped and its instance is not: wake it, for it may sleep, and wait a little."""
        row = await self.services.store.get(self.name)
        if row.intent is Intent.STOPPED and (await look_at(self.client, self.name)).is_live:
            await nudge(self.client, self.name)
            await until_ended(self.client, self.name, STOPPING_SECONDS)

    async def _run(self, action: str, reason: str | None, rule: Rule, details: dict[str, Any]) -> Outcome:
        """Apply a rule after which the schedule should run, and see to it that an instance knows."""
        outcome = await self._decide(action, reason, rule, details)
        if outcome.launches:
            await bring_up(self.services, self.client, outcome.row)
        elif outcome.changed and outcome.instance.is_live:
            await nudge(self.client, self.name)
        return outcome

    async def _decide(self, action: str, reason: str | None, rule: Rule, details: dict[str, Any]) -> Outcome:
        by = self._operator(reason)
        seen, changed, launches = Instance(), False, False

        async def change(row: ScheduleRow) -> ScheduleRow:
            nonlocal seen, changed, launches
            self.precondition(row)
            seen = await look_at(self.client, self.name)  # after the row: see `update`
            wanted = rule(row, seen, by)
            changed, launches = wanted != row, wanted.launch != row.launch
            return wanted

        row = await update(self.services.store, self.name, change, ATTEMPTS)
        if changed:
            await self._audit(action, by, details)
        return Outcome(row, seen, changed, launches)

    async def _end(self, outcome: Outcome, reason: str) -> Outcome:
        """End the instance by force, and let go of its fence as far as its executions allow."""
        hub, now = task_hub_of(self.client), self.services.clock.now()
        if outcome.instance.is_live:
            outcome.instance = await terminate(self.client, self.name, reason)
        if outcome.instance.is_live:
            outcome.notes.append("Durable Functions has not ended the instance yet; the state says when it has")
        if acts_elsewhere(outcome.row, hub, now):
            owner = hub_of_owner(outcome.row.owner or "")
            outcome.notes.append(f"the instance in task hub {owner} was not terminated: only an app of that hub can")
        elif not outcome.instance.is_live:
            mine = f"{hub}/{instance_id(self.name)}/"

            def release(row: ScheduleRow) -> ScheduleRow:
                ended = row.intent is Intent.STOPPED and row.owner is not None and row.owner.startswith(mine)
                return books.ended_by_force(row.released(now)) if ended else row

            outcome.row = await update(self.services.store, self.name, release, ATTEMPTS)
        if outcome.row.working_until is not None and outcome.row.working_until > now:
            outcome.notes.append(
                "executions that run are not ended by this: they finish the messages in hand, take no more after 5 s, "
                f"and hold back a new start until they have ended, {rfc3339(outcome.row.working_until)} at the latest"
            )
        return outcome

    def _operator(self, reason: str | None) -> Operator:
        skew = timedelta(seconds=self.services.clock_skew)
        return Operator(self.who, reason, self.services.clock.now(), task_hub_of(self.client), skew)

    def _base(self, overrides: Mapping[str, Any]) -> dict[str, Any]:
        deployed = self.services.schedules[self.name].to_document()
        return {key: deployed.get(key) for key in overrides}

    async def _audit(self, action: str, by: Operator, details: Mapping[str, Any]) -> None:
        event = {"action": action, "by": by.who, "reason": by.reason, **details}
        await record(self.services, self.name, "audit", by.now, event)
