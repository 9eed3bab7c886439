"""What tables, pages and the live view say of a schedule in the same words: its state, its counts, what is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rich.console import RenderableType
from rich.text import Text

from ebb.cli.colours import ATTENTION, FAULT, of_outcome, of_state
from ebb.cli.operate.literal import literal
from ebb.cli.operate.times import Times
from ebb.core.documents import Backlog
from ebb.core.schedule import Schedule
from ebb.core.wording import duration

FRESH_SECONDS = 10  # a count of that age needs no word about when it was made


def state_text(state: str) -> Text:
    """The state of a schedule in its colour."""
    return literal(state, style=of_state(state))


def outcome_text(outcome: object) -> Text:
    """An outcome; what went wrong in a colour."""
    said = str(outcome or "-")
    return literal(said, style=of_outcome(said))


def count_text(backlog: Backlog | None) -> str:
    """How many messages wait; `-` where nobody counted."""
    return "-" if backlog is None else str(backlog.count)


def waiting_text(backlog: Backlog | None, times: Times) -> str:
    """As `count_text`, and when it was counted where that was a while ago: they may be gone by now."""
    said = count_text(backlog)
    if backlog is None or not backlog.count or times.seconds_since(backlog.measured_at) < FRESH_SECONDS:
        return said
    return f"{said}, {times.relative(backlog.measured_at)}"


def oldest_text(backlog: Backlog | None) -> str:
    """For how long the oldest message had waited when it was counted; empty where none did, or counting does not tell.

    It does not grow until the next count: the message may be gone by now.
    """
    if backlog is None or not backlog.oldest_enqueued_at:
        return ""
    waited = datetime.fromisoformat(backlog.measured_at) - datetime.fromisoformat(backlog.oldest_enqueued_at)
    return duration(max(round(waited.total_seconds()), 0))


def poison_text(schedule: Schedule) -> Text:
    """How many messages are in the poison place; empty where none is."""
    return literal(str(schedule.poison.count) if schedule.poison and schedule.poison.count else "", style=FAULT)


def count_at_work(schedule: Schedule) -> int:
    """How many executions the cycle at work has; 0 while none is."""
    return schedule.decision.executions if schedule.decision and schedule.phase == "processing" else 0


def troubles(schedules: Iterable[Schedule], times: Times) -> list[RenderableType]:
    """Errors and warnings of several schedules, each with its schedule; what several have in common is said once."""
    told: dict[str, list[str]] = {}
    for each in schedules:
        for trouble in troubles_of(each, times):
            told.setdefault(trouble, []).append(each.name)
    return [literal(f"{', '.join(names)}: {trouble}", style=ATTENTION) for trouble, names in told.items()]


def troubles_of(schedule: Schedule, times: Times) -> list[str]:
    """What is wrong with a schedule: its error, or that of the last cycle with work where idle ones came after it."""
    last = schedule.last_error
    if schedule.error:
        return [f"error: {schedule.error}", *schedule.warnings]
    failed = [f"failed {times.relative(last.at)}: {last.message}"] if schedule.failed_cycles and last else []
    return [*failed, *schedule.warnings]
