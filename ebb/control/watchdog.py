"""The watchdog: starts again what should run and does not, and writes down each such incident.

Safe when several run at once: a start is a compare-and-swap on the row, decided on what Durable said after the row was
read, and the instance of an earlier launch ends itself.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from ebb.control.durable_sdk import DurableClient, task_hub_of
from ebb.control.instances import Instance, look_at, look_at_all, nudge, terminate
from ebb.control.journal import record
from ebb.control.launching import bring_up
from ebb.control.notifying import notifier_of
from ebb.control.repair import close_abandoned
from ebb.core.clock import parse_rfc3339
from ebb.core.clock_steps import ClockSteps
from ebb.core.contract.store import update
from ebb.core.errors import EbbError, SettingsError
from ebb.core.failures import first_line
from ebb.core.key_claim import REMARKS_KEPT
from ebb.core.names import WATCHDOG
from ebb.core.once import ONCE_KEPT
from ebb.core.remarks import abandoned_scope, alone_scope, keys_scope, once_scope, parked_scope
from ebb.core.row.checkin import done_at
from ebb.core.row.fence import hub_of_owner
from ebb.core.row.intents import launched
from ebb.core.row.schedule_row import ScheduleRow
from ebb.core.row.watch import LONGEST_ANSWER, Act, Facts, Judgment, Work, judge
from ebb.core.wording import duration
from ebb.services import Services

logger = logging.getLogger(__name__)

TRIM_EVERY = timedelta(hours=1)
REMARKS_AGE = timedelta(days=7)  # beyond the longest lease


class Watchdog:
    """Looks at every schedule. What it remembers, it remembers of this process only."""

    NAME = WATCHDOG  # of its function

    def __init__(self, services: Services) -> None:
        self._services = services
        self._since = services.clock.now()
        self._trimmed: dict[str, datetime] = {}
        self._steps = ClockSteps(services.clock)
        self._grace = timedelta(seconds=services.watchdog_grace)
        self._skew = timedelta(seconds=services.clock_skew)
        self._notifier = notifier_of(services)

    async def look(self, client: DurableClient) -> dict[str, Judgment]:
        """Look once, and act; a schedule that fails does not keep the others from being looked at.

        Returns:
            What was found of each schedule.
        """
        try:
            rows = await self._services.store.rows()
            instances = await look_at_all(client, self._services.schedules)
        except EbbError as error:
            logger.warning("the watchdog cannot look: %s", error)
            return {}
        await self._tell_of_a_step(client, instances)
        work = tuple(_work(rows.values(), task_hub_of(client)))
        judgments: dict[str, Judgment] = {}
        for name in self._services.schedules:
            row = rows.get(name, ScheduleRow(name))
            try:
                done = await self._done_at(row, instances[name])
                judgments[name] = self._judge(client, row, instances[name], work, done)
                await self._act(client, row, judgments[name], work, done)
                await close_abandoned(self._services, row, instances[name], "the watchdog")
                await self._forget(row)
            except EbbError as error:
                logger.warning("%s: the watchdog could not act: %s", name, error, extra={"schedule": name})
        if self._notifier is not None:
            await self._notifier.look(task_hub_of(client), rows, judgments)
        return judgments

    async def _tell_of_a_step(self, client: DurableClient, instances: Mapping[str, Instance]) -> None:
        """Where the clock was set back: end the waits that were planned before, for they may last that much longer."""
        step = self._steps.look()
        if step >= timedelta():
            return
        cause = f"the clock of this machine was set back by {duration(round(-step.total_seconds()))}"
        logger.warning("%s: waits are ended, and start again", cause)
        for name, instance in instances.items():
            if instance.is_live and instance.is_waiting:
                await nudge(client, name)
                event = {"action": "endWait", "cause": cause}
                await record(self._services, name, "incident", self._services.clock.now(), event)

    async def _done_at(self, row: ScheduleRow, instance: Instance) -> datetime | None:
        """When the executions of an unclosed cycle ended; asked only of an instance that is silent for a while."""
        quiet = instance.updated_at is not None and self._services.clock.now() >= instance.updated_at + LONGEST_ANSWER
        if not (instance.is_live and row.unclosed and quiet):
            return None
        return done_at(row, await self._services.store.executions(row.name), self._services.clock.now())

    async def _act(
        self,
        client: DurableClient,
        row: ScheduleRow,
        judgment: Judgment,
        work: tuple[Work, ...],
        done: datetime | None,
    ) -> None:
        if judgment.act is Act.NUDGE:
            await nudge(client, row.name)
        elif judgment.act is Act.CALM:
            await update(self._services.store, row.name, lambda row: replace(row, restarts=0, restart_cause=None))
        elif judgment.act is not Act.NOTHING:
            await self.restart(client, row.name, work, done)

    async def restart(
        self,
        client: DurableClient,
        name: str,
        work: tuple[Work, ...] = (),
        done: datetime | None = None,
    ) -> None:
        """Start the schedule again, if it is still found wanting once its row was read again.

        Args:
            work: what executions of all schedules do.
            done: when those of the present cycle ended, if they have.

        Raises:
            EbbError: the store or Durable does not answer.
        """
        found, seen = Judgment(Act.NOTHING), Instance()

        async def change(row: ScheduleRow) -> ScheduleRow:
            nonlocal found, seen
            seen = await look_at(client, name)
            found = self._judge(client, row, seen, work, done)
            if found.act not in (Act.START, Act.REPLACE):
                return row
            now = self._services.clock.now()
            more = {"restarts": row.restarts + 1, "restarted_at": now, "restart_cause": found.cause}
            return replace(launched(row, task_hub_of(client), now), **more)

        row = await update(self._services.store, name, change)
        if found.act not in (Act.START, Act.REPLACE):
            return
        output = first_line(str(seen.output)) if seen.output else None
        incident = {"action": found.act.value, "cause": found.cause, "output": output, "restarts": row.restarts}
        self._services.telemetry.incident(name, found.act.value)
        await record(self._services, name, "incident", row.restarted_at or self._since, incident)
        if found.act is Act.REPLACE:
            await terminate(client, name, f"replaced by the watchdog: {found.cause}")
        await bring_up(self._services, client, row)

    async def _forget(self, row: ScheduleRow) -> None:
        """Keep the history to the limits in force, by age too, for an idle schedule closes no cycle that would do it;
        forget the executions that died without a word.
        """
        now = self._services.clock.now()
        if row.etag is None or now < self._trimmed.get(row.name, self._since) + TRIM_EVERY:
            return
        await self._trim(row, now)
        notes = await self._services.store.executions(row.name)
        awaited = {entry.cycle for entry in row.unclosed}
        old = [note for note in notes if note.until + TRIM_EVERY < now and note.cycle not in awaited]
        await self._services.store.forget_executions(row.name, old)
        self._trimmed[row.name] = now

    async def _trim(self, row: ScheduleRow, now: datetime) -> None:
        try:
            settings = self._services.schedules.effective(row.name, row.overrides)
        except SettingsError:  # what an operator wanted to keep is not known; the schedule's warnings say so
            return
        before = now - timedelta(seconds=settings.history_max_age)
        await self._services.store.trim(row.name, settings.history_limit, before)
        for scope in (alone_scope(row.name), abandoned_scope(row.name)):  # those of processes that died
            await self._services.store.trim_remarks(scope, now - REMARKS_AGE)
        await self._services.store.trim_remarks(once_scope(row.name), now - ONCE_KEPT)
        for scope in (keys_scope(row.name), parked_scope(row.name)):
            await self._services.store.trim_remarks(scope, now - REMARKS_KEPT)

    def _judge(
        self,
        client: DurableClient,
        row: ScheduleRow,
        instance: Instance,
        work: tuple[Work, ...],
        done: datetime | None,
    ) -> Judgment:
        facts = Facts(row, instance, task_hub_of(client), self._since, work, done)
        return judge(facts, self._services.clock.now(), self._skew, self._grace)


def _work(rows: Iterable[ScheduleRow], hub: str) -> Iterator[Work]:
    """What executions do and did in this task hub, as the rows of all schedules tell."""
    for row in rows:
        if (hub_of_owner(row.owner) if row.owner else row.hub) != hub:
            continue
        if row.working_until is not None:  # a cycle that has executions was measured as it was opened
            yield Work(_time(row.backlog.measured_at if row.backlog else None), row.working_until, row.name)
        last = row.last_cycle or {}
        if ended := _time(last.get("endedAt")):
            yield Work(_time(last.get("startedAt")), ended, row.name)


def _time(text: object) -> datetime | None:
    try:
        return parse_rfc3339(str(text)) if text else None
    except ValueError:
        return None
