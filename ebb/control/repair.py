"""Repairs the books of a schedule: closes what was left behind, and holds the totals against the history."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from ebb.control.closing import close_left_behind, forget
from ebb.control.journal import record
from ebb.core.contract.store import update
from ebb.core.documents import Cycle
from ebb.core.row import books
from ebb.core.row.instance import Instance
from ebb.core.row.schedule_row import Intent, ScheduleRow, Totals
from ebb.services import Services

PAGE = 200


async def close_abandoned(services: Services, row: ScheduleRow, instance: Instance, closed_by: str) -> list[Cycle]:
    """Close the cycles of a schedule that no instance will go on with, once none of their executions works.

    A live instance does it as it opens its next cycle, and one that should run is started again.

    Returns:
        The cycles that are in the books now.

    Raises:
        StoreError: they are left for the next time.
    """
    if not row.unclosed or instance.is_live or row.intent is Intent.RUNNING:
        return []
    now, skew = services.clock.now(), timedelta(seconds=services.clock_skew)
    awaited = {entry.cycle for entry in row.unclosed}
    notes = [note for note in await services.store.executions(row.name) if note.cycle in awaited]
    if any(note.is_at_work(now, skew) for note in notes):
        return []
    settled = await close_left_behind(services, row, row.unclosed, closed_by)
    if not settled:
        return []

    def write(row: ScheduleRow) -> ScheduleRow:
        for cycle in settled:
            row = books.entered(row, cycle)
        return row

    await update(services.store, row.name, write)
    numbers = {cycle.cycle for cycle in settled}
    await forget(services, row.name, [note for note in notes if note.cycle in numbers and note.has_ended])
    for cycle in settled:
        cause = f"cycle {cycle.cycle} was left behind; the notes of its executions give {cycle.outcome}"
        event = {"action": "closed", "by": closed_by, "cause": cause}
        await record(services, row.name, "incident", now, event, f"closed/{cycle.cycle}")
    return settled


async def repair(services: Services, name: str, instance: Instance, who: str | None, reason: str) -> books.Repair:
    """Make the books of schedule `name` agree.

    Totals below what the history says are raised to it. Where the history still has every cycle, the totals are exactly
    its sums; where old cycles were forgotten, they stay a lower bound.
    """
    row = await services.store.get(name)
    closed = await close_abandoned(services, row, instance, f"repair by {who or 'an operator'}")
    sums, kept = await _sums(services, name)
    before = Totals()
    trimmed = False

    def write(row: ScheduleRow) -> ScheduleRow:
        nonlocal before, trimmed
        before, trimmed = row.totals, kept < row.totals.cycles
        return replace(row, totals=_raised(row.totals, sums) if trimmed else sums)

    row = await update(services.store, name, write)
    numbers = tuple(cycle.cycle for cycle in closed)
    done = books.Repair(closed=numbers, before=before, after=row.totals, trimmed=trimmed)
    found = {key: value for key, value in done.to_document().items() if key != "closed"}  # each has an event of its own
    event = {"action": "repair", "by": who, "reason": reason, **found}
    await record(services, name, "audit", services.clock.now(), event)
    return done


async def _sums(services: Services, name: str) -> tuple[Totals, int]:
    """The sums over all cycles that the history has, and how many those are."""
    token: str | None = None
    sums, kept = Totals(), 0
    while True:
        page = await services.store.cycles(name, PAGE, token)
        for cycle in page.read(Cycle):
            sums, kept = sums.plus(cycle), kept + 1
        token = page.continuation_token
        if token is None:
            return sums, kept


def _raised(totals: Totals, sums: Totals) -> Totals:
    return Totals(
        cycles=max(totals.cycles, sums.cycles),
        processed=max(totals.processed, sums.processed),
        failed=max(totals.failed, sums.failed),
        poisoned=max(totals.poisoned, sums.poisoned),
        at_least=True,
    )
