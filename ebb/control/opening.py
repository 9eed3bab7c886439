"""Opens a cycle: reads the intent, takes or renews the fence, counts the backlog and plans."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ebb.control.closing import close_left_behind, forget
from ebb.control.journal import record
from ebb.control.preparing import Preparation, prepare
from ebb.control.sampling import move_looks
from ebb.core.clock import parse_rfc3339, rfc3339
from ebb.core.contract.outage import once_stored
from ebb.core.contract.store import ATTEMPTS, update
from ebb.core.cycle import STATE_VERSION, CycleState, Opening, Verdict
from ebb.core.cycle_id import CycleId
from ebb.core.document import Json
from ebb.core.documents import Cycle
from ebb.core.errors import ConflictError, StoreError
from ebb.core.names import instance_id
from ebb.core.planning import Decision, Wait, error_wait, outage_wait
from ebb.core.row import books
from ebb.core.row.checkin import checked_in, is_predecessor, number_of, outlived, remembering, taken_up, verdict_of
from ebb.core.row.looks import looked
from ebb.core.row.schedule_row import Intent, ScheduleRow
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.services import Services

logger = logging.getLogger(__name__)


async def measure_backlog(services: Services, data: Mapping[str, Any]) -> Json:
    """Open the cycle whose CycleState is `data`; the answer is an Opening, both as JSON."""
    state = CycleState.from_json(data, instance_id(str(data.get("schedule"))))
    if state.version > STATE_VERSION:
        await _warn_of_newer_state(services, state)
    opening = await open_cycle(services, state, patient=True)
    _record(services, state, opening)
    logger.info(
        "%s%s: %s, %s",
        state.schedule,
        "" if opening.cycle is None else f" cycle {opening.cycle}",
        opening.verdict.value,
        opening.decision.reason or opening.wait.reason,
        extra={"schedule": state.schedule, "cycle": opening.cycle},
    )
    return opening.to_json()


def _record(services: Services, state: CycleState, opening: Opening) -> None:
    if opening.verdict is not Verdict.GO:
        return
    count = opening.backlog.count if opening.backlog else None
    decision = opening.decision
    services.telemetry.cycle_opened(state.schedule, count, decision.executions, decision.limited_by)
    if opening.started_at and (decision.executions or opening.error):  # nobody closes an empty cycle: it has no trace
        opened, began = CycleId(state.schedule, state.owner, opening.cycle), parse_rfc3339(opening.started_at)
        services.telemetry.step("measure", opened, began, services.clock.now())


async def _warn_of_newer_state(services: Services, state: CycleState) -> None:
    """Say that the loop goes on with what this app understands of a state that a newer one wrote (a roll-back)."""
    cause = f"the instance's state has version {state.version} and this app knows {STATE_VERSION}: what is new is lost"
    logger.warning("%s: %s", state.schedule, cause, extra={"schedule": state.schedule})
    identity = f"{state.owner}/{state.cycle}/version"  # the same each time, so that it is written down once
    event = {"id": identity, "action": "goOn", "cause": cause}
    await record(services, state.schedule, "incident", services.clock.now(), event)


async def open_cycle(services: Services, state: CycleState, *, patient: bool = False) -> Opening:
    """Open the cycle of `state`: expected failures are part of the answer, never raised.

    Args:
        patient: wait for a store that is away, as `once_stored` does.
    """
    name = state.schedule
    if name not in services.schedules:
        return await _leave(services, state, f"schedule {name} is no longer in schedules.yaml")
    try:
        if patient:
            return await once_stored(services.clock, name, lambda: _open(services, state))
        return await _open(services, state)
    except StoreError as error:
        return _unopened(state, services.schedules[name], error)


async def _open(services: Services, state: CycleState) -> Opening:
    """As `open_cycle`, of a schedule that there is.

    The row as the cycle before left it, if that ran in this process, is taken for the row of now: the write at the end
    finds out, for it writes nothing where the row has changed. Then all is done again, with the row that is there.

    Raises:
        StoreError: the store did not open it.
    """
    known = services.rows.pop(state.schedule, None)
    if known is not None and known.etag == state.etag and _may_act(services, state, known):
        try:
            return await _open_with(services, state, known, attempts=1)
        except ConflictError:
            logger.debug("%s: the row has changed since the last cycle", state.schedule)
    return await _open_with(services, state, await services.store.get(state.schedule))


def _may_act(services: Services, state: CycleState, row: ScheduleRow) -> bool:
    now, skew = services.clock.now(), timedelta(seconds=services.clock_skew)
    return verdict_of(row, state, now, skew, services.schedules[state.schedule]) is None


async def _open_with(services: Services, state: CycleState, row: ScheduleRow, attempts: int = ATTEMPTS) -> Opening:
    """As `_open`, with the row as it was read.

    Raises:
        ConflictError: others wrote the row, as often as `attempts` says.
        StoreError: the store did not open it.
    """
    name, began = state.schedule, services.clock.now()
    file_settings, skew = services.schedules[name], timedelta(seconds=services.clock_skew)
    opening = Opening(Verdict.GO, error_wait(state.errors + 1), started_at=rfc3339(began))
    trigger = row.triggered
    state = replace(remembering(row, state), triggered=state.triggered or trigger is not None)
    working = await services.store.executions(name) if is_predecessor(row, state, began, skew) else None

    def seen(row: ScheduleRow, now: datetime) -> tuple[ScheduleRow, Opening | None]:
        row = row if working is None else outlived(row, state, working, now, skew)
        return row, verdict_of(row, state, now, skew, file_settings)

    unseen = row
    row, early = seen(row, began)
    settled = [] if early else await _settle(services, row, state)
    found = Preparation(file_settings) if early else await prepare(services, state, row, began)
    moved = await move_looks(services.store, row)

    def write(row: ScheduleRow) -> ScheduleRow:
        nonlocal opening
        now = services.clock.now()  # what is promised counts from here: measuring may have taken minutes
        row, held = seen(row, now)
        for cycle in settled if held is None else ():
            row = books.entered(row, cycle)
        opening = _go(row, state, found, began) if held is None else _without_a_tick(held, state, row)
        if held is None and opening.verdict is Verdict.END:
            return _ended(row, opening.wait.reason, now)
        row = looked(checked_in(row, state, opening, found.settings.replica_timeout, now), opening, now, moved)
        return taken_up(row, opening, trigger)

    after = await update(services.store, name, write, attempts, known=None if early else unseen)
    services.rows[name] = after
    _record_fence(services, state, row.owner, opening)
    await _record_own_change(services, row, after)
    await _tell(services, unseen, settled)
    return replace(opening, etag=after.etag)


def _unopened(state: CycleState, settings: ScheduleSettings, error: StoreError) -> Opening:
    """The opening of a cycle that the store did not open: it has no number, so nobody will close it."""
    wait = outage_wait(state.errors + 1, settings.polling_interval, f"{state.schedule}/{state.cycle}/{state.errors}")
    return Opening(Verdict.GO, wait, Decision(0, f"not measured: {error}"), error=str(error))


async def _settle(services: Services, row: ScheduleRow, state: CycleState) -> list[Cycle]:
    """Write down what nobody else will: cycles that others left behind, and own ones that could not be closed.

    Raises:
        StoreError: so many cycles are not written down that no further one may be opened.
    """
    entries = books.left_behind(row, state.owner, number_of(row, state))
    written = await close_left_behind(services, row, entries, f"{instance_id(state.schedule)} as it went on")
    if len(row.unclosed) - len(written) >= books.MOST_UNCLOSED:
        raise StoreError(f"{len(row.unclosed)} cycles are not written down yet: the history cannot be written")
    return written


async def _tell(services: Services, before: ScheduleRow, settled: Sequence[Cycle]) -> None:
    """Let go of the notes of cycles that are in the books now, and were not in the row `before`."""
    if not settled:
        return
    owners = {entry.cycle: entry.owner for entry in before.unclosed}
    for cycle in settled:
        services.telemetry.cycle_closed(before.name, cycle, owners.get(cycle.cycle))
    numbers = {cycle.cycle for cycle in settled}
    try:
        notes = await services.store.executions(before.name)
    except StoreError:
        return  # the watchdog forgets them
    await forget(services, before.name, [note for note in notes if note.cycle in numbers and note.has_ended])


async def _record_own_change(services: Services, before: ScheduleRow, after: ScheduleRow) -> None:
    """Write down that a schedule stopped by its `endAfter`, or that a pause is over: nobody asked for it just now."""
    if before.intent is after.intent or after.changed_at is None or after.changed_at == before.changed_at:
        return
    action, by = ("stop", "endAfter") if after.intent is Intent.STOPPED else ("resume", "the pause's end")
    event = {"action": action, "by": by, "reason": after.reason}
    await record(services, after.name, "audit", after.changed_at, event, f"{action}/{rfc3339(after.changed_at)}")


def _record_fence(services: Services, state: CycleState, before: str | None, opening: Opening) -> None:
    if before in (None, state.owner):
        return
    if opening.verdict is Verdict.GO:
        services.telemetry.fence_changed(state.schedule, "taken")
    elif opening.verdict is Verdict.END:
        services.telemetry.fence_changed(state.schedule, "refused")


def _go(row: ScheduleRow, state: CycleState, found: Preparation, began: datetime) -> Opening:
    """The opening of a cycle that may act on what was found since `began`."""
    agenda = found.agenda
    if agenda is None:
        changed = Wait(0, "the intent changed while the cycle opened; measuring at once")
        return Opening(Verdict.GO, changed, Decision(0, changed.reason), number_of(row, state), rfc3339(began))
    return Opening(
        Verdict.END if agenda.end else Verdict.GO,
        agenda.wait,
        agenda.decision,
        cycle=number_of(row, state),
        started_at=rfc3339(began),
        settings=agenda.settings.to_document(),
        backlog=found.backlog,
        error=found.error,
        shares=agenda.shares,
        carry=agenda.carry,
        abandoned=found.abandoned,
    )


def _without_a_tick(held: Opening, state: CycleState, row: ScheduleRow) -> Opening:
    """A cycle that is paused is planned for no tick: what was due meanwhile is not made up later."""
    paused = held.verdict is Verdict.HOLD and row.intent is Intent.PAUSED
    return replace(held, carry=state.carry.planned(None)) if paused else held


def _ended(row: ScheduleRow, reason: str, now: datetime) -> ScheduleRow:
    """The row of a schedule that ends by itself: nobody may start it again but an operator."""
    stopped = replace(row, intent=Intent.STOPPED, reason=reason, changed_by="endAfter", changed_at=now, until=None)
    return stopped.released(now)


async def _leave(services: Services, state: CycleState, reason: str) -> Opening:
    """End this instance and let go of its fence, if the store lets us; the lease runs out by itself otherwise."""
    opening = Opening(Verdict.END, Wait(0, reason))
    try:
        await update(
            services.store,
            state.schedule,
            lambda row: row.released(services.clock.now()) if row.owner == state.owner else row,
        )
    except StoreError as error:
        logger.warning("%s: the fence was not let go: %s", state.schedule, error, extra={"schedule": state.schedule})
    return opening
