"""What of a schedule is worth a notification: pure rules over the cycles that were closed since the last look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ebb.core.clock import rfc3339
from ebb.core.documents import Cycle
from ebb.core.row.books import failed_in_a_row
from ebb.core.wording import counted, duration

TYPE = "ebb.schedule."  # of the CloudEvent: ebb.schedule.failing, silent, poisoned, late, recovered


@dataclass(frozen=True)
class Rules:
    """When to notify."""

    failures: int = 3  # cycles in a row that failed
    late: float = 0.0  # seconds that a message may have waited when it was received; 0: no matter


@dataclass(frozen=True)
class Notice:
    """One thing to be told. `id` is the same however often it is found, so that receivers know a repetition."""

    id: str
    kind: str  # failing, silent, poisoned, late, recovered
    schedule: str
    text: str
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def as_cloud_event(self, source: str, now: datetime) -> dict[str, Any]:
        """The notice in CloudEvents' JSON form (https://github.com/cloudevents/spec, version 1.0)."""
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": source,
            "type": TYPE + self.kind,
            "subject": self.schedule,
            "time": rfc3339(now),
            "datacontenttype": "application/json",
            "data": {"schedule": self.schedule, "text": self.text, **self.data},
        }


@dataclass(frozen=True)
class Streak:
    """How a schedule fares, as far as its cycles were looked at."""

    seen: int = 0  # the latest cycle looked at
    failed: int = 0  # cycles in a row that failed
    first: int = 0  # the first of them


def notices_of(schedule: str, cycles: Iterable[Cycle], before: Streak, rules: Rules) -> tuple[list[Notice], Streak]:
    """What to tell of `cycles` (any order; those looked at before are left out), and how the schedule fares now."""
    found: list[Notice] = []
    streak = before
    for cycle in sorted(cycles, key=lambda each: each.cycle):
        number = cycle.cycle
        if number <= streak.seen:
            continue
        failed = failed_in_a_row(streak.failed, cycle.outcome)
        if failed > streak.failed:
            streak = Streak(number, failed, streak.first or number)
            found += _failing(schedule, cycle, streak, rules)
        elif failed:
            streak = replace(streak, seen=number)
        else:
            found += _recovered(schedule, number, streak, rules)
            streak = Streak(number)
        found += _poisoned(schedule, cycle)
        found += _late(schedule, cycle, rules)
    return found, streak


def silent(schedule: str, cause: str, at: datetime, action: str) -> Notice:
    """The watchdog had to start a schedule again."""
    text = f"{schedule} was silent and was started again: {cause}"
    return Notice(f"{schedule}/silent/{rfc3339(at)}", "silent", schedule, text, {"cause": cause, "action": action})


def _failing(schedule: str, cycle: Cycle, streak: Streak, rules: Rules) -> list[Notice]:
    if streak.failed != rules.failures:
        return []
    error = cycle.error
    text = f"{schedule} failed in {counted(streak.failed, 'cycle')} in a row: {error or cycle.outcome}"
    data = {"cycle": cycle.cycle, "since": streak.first, "error": error}
    return [Notice(f"{schedule}/failing/{streak.first}", "failing", schedule, text, data)]


def _recovered(schedule: str, number: int, streak: Streak, rules: Rules) -> list[Notice]:
    if streak.failed < rules.failures:
        return []
    text = f"{schedule} works again after {counted(streak.failed, 'cycle')} that failed"
    data = {"cycle": number, "since": streak.first}
    return [Notice(f"{schedule}/recovered/{streak.first}", "recovered", schedule, text, data)]


def _poisoned(schedule: str, cycle: Cycle) -> list[Notice]:
    count = cycle.poisoned
    if not count:
        return []
    text = f"{schedule} gave up on {counted(count, 'message')} in cycle {cycle.cycle}: see its poison place"
    data = {"cycle": cycle.cycle, "messages": count}
    return [Notice(f"{schedule}/poisoned/{cycle.cycle}", "poisoned", schedule, text, data)]


def _late(schedule: str, cycle: Cycle, rules: Rules) -> list[Notice]:
    oldest = max((each.oldest_message_age or 0.0 for each in cycle.executions), default=0.0)
    if not rules.late or oldest <= rules.late:
        return []
    waited, allowed = duration(round(oldest)), duration(rules.late)
    text = f"{schedule} is late: a message waited {waited} until cycle {cycle.cycle}, more than {allowed}"
    data = {"cycle": cycle.cycle, "oldestMessageAge": oldest}
    return [Notice(f"{schedule}/late/{cycle.cycle}", "late", schedule, text, data)]
