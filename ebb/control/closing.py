"""Closes a cycle: writes it down, counts it in the totals, renews the fence and says how long to wait."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ebb.core.calendar.ticks import Moment
from ebb.core.carry import Carry, carry_of
from ebb.core.clock import parse_rfc3339, rfc3339
from ebb.core.contract.outage import once_stored
from ebb.core.contract.store import update
from ebb.core.cycle import CycleState, Ending
from ebb.core.cycle_id import CycleId
from ebb.core.decision import Wait
from ebb.core.document import Json
from ebb.core.documents import Cycle
from ebb.core.errors import EbbError, StoreError
from ebb.core.planning.agenda import planned_after, worth_acting_on
from ebb.core.planning.dependencies import has_drained
from ebb.core.planning.rates import observed_message_seconds
from ebb.core.planning.waits import next_wait
from ebb.core.remarks import remember_crash
from ebb.core.row import books
from ebb.core.row.checkin import LOOK_AGAIN, rested, unreported
from ebb.core.row.execution_note import ExecutionNote
from ebb.core.row.schedule_row import PoisonCount, ScheduleRow, UnclosedCycle
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.services import Services

logger = logging.getLogger(__name__)

TRIM_EVERY_CYCLES = 50  # or a twentieth of historyLimit: looking for the oldest reads the keys of all that are kept
TRIM_SECONDS = 10  # of the slack in which the instance has promised to go on; the watchdog has time for the rest


async def close_cycle(services: Services, order: Mapping[str, Any]) -> Json:
    """Close the cycle of `order` as `close` does; the answer is an Ending as JSON, once the store is there."""
    schedule = str(order["state"]["schedule"])
    ending = await once_stored(services.clock, schedule, lambda: close(services, order))
    return ending.to_json()


async def close(services: Services, order: Mapping[str, Any]) -> Ending:
    """Close the cycle of `order`: {"state", "settings", "received", "broken", "cycle" (Cycle document)}.

    Safe to repeat: what the history has stays, and the totals count it once. Whoever lost the fence
    writes nothing: the books of its cycle are its successor's.

    Raises:
        StoreError: nothing or only the history was written; to be tried again.
    """
    began, given = services.clock.now(), Cycle.from_document(order["cycle"])
    state = CycleState.from_json(order["state"], "")
    settings = ScheduleSettings.model_validate(order["settings"])
    store, number = services.store, given.cycle
    row = await store.get(state.schedule)
    if row.owner != state.owner:
        return _lost(services, state, row)
    given = replace(given, started_at=books.started_at(row, number) or given.started_at)
    reported = {execution.run for execution in given.executions}
    notes = await _notes_at_rest(services, state, number, reported)
    again = books.is_closed(row, number)  # a repeated call may find its notes gone: it writes nothing
    cycle = given if again else _known(state, given, notes)
    wait, carry = await _rest(services, settings, state, cycle, order)
    if again:
        carry = carry_of(row.memory, row.changed_at) or carry
    else:
        first = await store.write_cycle(state.schedule, replace(cycle, wait=wait).to_document())
        cycle = Cycle.from_document(first) if first else cycle

    poison = await poison_count(services, settings) if cycle.poisoned and not again else None

    def write(row: ScheduleRow) -> ScheduleRow:
        if row.owner != state.owner:
            return row
        row = row if poison is None else replace(row, poison=poison)
        if has_drained(wait.code, cycle.outcome, int(order["received"])):
            row = replace(row, drained_cycle=max(row.drained_cycle, number))
        return rested(books.entered(row, cycle), state, number, wait.seconds, services.clock.now(), carry)

    row = await update(store, state.schedule, write, known=None if again else row)
    if row.owner != state.owner:
        return _lost(services, state, row)
    written = services.clock.now()
    services.telemetry.cycle_closed(state.schedule, cycle, state.owner, written)
    services.telemetry.step("close", CycleId(state.schedule, state.owner, number), began, written)
    # The note of a run that died stays: what it held is suspect when it comes again.
    await forget(services, state.schedule, [note for note in notes if note.has_ended or note.run in reported])
    await _trim(services, row, settings.history_limit)
    services.rows[state.schedule] = row
    return Ending(wait, carry=carry, etag=row.etag)


async def close_left_behind(
    services: Services, row: ScheduleRow, entries: Sequence[UnclosedCycle], closed_by: str
) -> list[Cycle]:
    """Write down the cycles of `entries` that nobody else will close, from their executions' notes.

    The caller counts them on the row, and then forgets their notes; doing it again writes the same.

    Returns:
        The cycles as the history has them; one that it did not take is left for the next time.
    """
    if not entries:
        return []
    notes, written = await services.store.executions(row.name), list[Cycle]()
    for entry in entries:
        cycle = books.closed(entry, books.executions_of(entry, (), notes), services.clock.now(), closed_by)
        try:
            first = await services.store.write_cycle(row.name, cycle.to_document())
        except StoreError as error:
            logger.warning("%s: cycle %s is not written down: %s", row.name, cycle.cycle, error)
            continue
        written.append(Cycle.from_document(first) if first else cycle)
    return written


async def _notes_at_rest(
    services: Services, state: CycleState, number: int, reported: Collection[str | None]
) -> list[ExecutionNote]:
    """The notes of the executions of cycle `number`, once none of them is at work: the next cycle may begin then."""
    while unreported(notes := await _notes(services, state, number), reported, services.clock.now()):
        await services.clock.sleep(LOOK_AGAIN)
    return notes


async def _notes(services: Services, state: CycleState, number: int) -> list[ExecutionNote]:
    """The notes of the executions of cycle `number`."""
    found = await services.store.executions(state.schedule)
    return [note for note in found if (note.owner, note.cycle) == (state.owner, number)]


def _known(state: CycleState, given: Cycle, notes: Sequence[ExecutionNote]) -> Cycle:
    """The cycle: what the orchestration was told, and what the notes know besides."""
    error = None if given.executions else given.error  # what kept the cycle from having executions
    entry = UnclosedCycle(
        cycle=given.cycle,
        owner=state.owner,
        started_at=given.started_at,
        backlog=given.backlog,
        decision=given.decision,
        error=error,
    )
    ended = parse_rfc3339(str(given.ended_at))
    return books.closed(entry, books.executions_of(entry, given.executions, notes), ended)


async def forget(services: Services, schedule: str, notes: Sequence[ExecutionNote]) -> None:
    """Forget notes; what stays is forgotten by the watchdog."""
    try:
        silent = [note.until for note in notes if not note.has_ended]
        if silent:  # what it held comes again, and may end a process again
            await remember_crash(services.store, schedule, max(silent), services.clock.now())
        await services.store.forget_executions(schedule, notes)
    except StoreError as error:
        logger.warning("%s: notes of executions stay: %s", schedule, error, extra={"schedule": schedule})


def _lost(services: Services, state: CycleState, row: ScheduleRow) -> Ending:
    services.telemetry.fence_changed(state.schedule, "lost")
    return Ending(Wait(0, f"another instance acts for this schedule: {row.owner}"), fence_lost=True)


async def _rest(
    services: Services, settings: ScheduleSettings, state: CycleState, cycle: Cycle, order: Mapping[str, Any]
) -> tuple[Wait, Carry]:
    """The wait after this cycle and what the next one remembers; asks the sources what is left, to meet it at once."""
    carry, received, executions = state.carry, int(order["received"]), cycle.executions
    if executions:
        settled = cycle.processed + cycle.poisoned
        left = sum(1 for execution in executions if execution.abandoned)
        carry = carry.working(settled, observed_message_seconds(executions, settings.in_flight), left)
    broken = bool(order.get("broken", cycle.error))  # an older version of the app says only the error
    remaining = await _remaining(services, settings, state) if received and not broken else None
    now = services.clock.now()
    moment = Moment(
        now,
        opened=parse_rfc3339(str(cycle.started_at)),
        due=carry.due_at,
        began=carry.began_at,
        worked=carry.worked,
        seed=f"{state.schedule}/{cycle.cycle}",
    )
    wait = next_wait(
        settings,
        received=received,
        remaining=remaining,
        idle_cycles=state.idle + 1,
        error_cycles=state.errors + 1 if broken else 0,
        worked=bool(executions),
        moment=moment,
        retry_at=parse_rfc3339(cycle.next_try_at) if cycle.next_try_at else None,
    )
    carry = replace(carry, continues=bool(settings.after) and (broken or wait.code == "backlogRemains"))
    return wait, planned_after(settings, carry, wait, now)


async def poison_count(services: Services, settings: ScheduleSettings) -> PoisonCount | None:
    """How many messages wait in the poison places of the schedule's sources; None where that cannot be asked."""
    total = 0
    for index in range(len(settings.all_sources)):
        try:
            async with services.poison_place(settings.for_source(index)) as place:
                total += 0 if place is None else await place.count()
        except EbbError as error:
            logger.warning("the poison place was not counted: %s", error)
            return None
    return PoisonCount(count=total, measured_at=rfc3339(services.clock.now()))


async def _remaining(services: Services, settings: ScheduleSettings, state: CycleState) -> int | None:
    try:
        return worth_acting_on(settings, await services.measure(settings))
    except EbbError as error:
        logger.warning("%s: what is left was not counted: %s", state.schedule, error)
        return None


async def _trim(services: Services, row: ScheduleRow, limit: int) -> None:
    """Keep the history to its limit, now and then. The cycle is closed already: no failure here is one of its own."""
    if row.history_count <= limit or row.totals.cycles % max(TRIM_EVERY_CYCLES, limit // 20):
        return
    try:
        async with asyncio.timeout(TRIM_SECONDS):
            await services.store.trim(row.name, keep=limit)
        await update(services.store, row.name, lambda row: replace(row, history_count=min(row.history_count, limit)))
    except (StoreError, TimeoutError) as error:
        cause = str(error) or f"it takes more than {TRIM_SECONDS} s"
        logger.warning("%s: the history was not trimmed: %s", row.name, cause, extra={"schedule": row.name})
