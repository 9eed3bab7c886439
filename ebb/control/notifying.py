"""Notifies of schedules that fail, fall silent, poison messages or are late: off unless a webhook is named.

The watchdog looks each minute, and so does this. What was told is remembered in this process only: after a restart the
same event may come again, with the same id.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from ebb.core.documents import Cycle
from ebb.core.errors import EbbError, SettingsError
from ebb.core.notices import EventSink, Notice, Rules, Streak, notices_of, silent
from ebb.core.row.schedule_row import ScheduleRow
from ebb.core.row.watch import Act, Judgment
from ebb.core.settings.durations import parse_seconds
from ebb.services import Services

FAILURES_SETTING = "EbbNotifyAfterFailures"
LATE_SETTING = "EbbNotifyLateAfter"
MOST_CYCLES = 200  # of one schedule that one look reads

_log = logging.getLogger("ebb.notify")


class Notifier:
    """Tells a webhook what is worth it."""

    def __init__(self, services: Services, webhook: EventSink, rules: Rules) -> None:
        self._services, self._webhook, self._rules = services, webhook, rules
        self._streaks: dict[str, Streak] = {}

    async def look(self, hub: str, rows: Mapping[str, ScheduleRow], judgments: Mapping[str, Judgment]) -> None:
        """Notify of what `rows` and the watchdog's `judgments` show that was not told yet. Failures are logged."""
        notices: list[Notice] = []
        for name, row in rows.items():
            if name not in self._services.schedules:
                continue
            try:
                notices += await self._of(row)
            except EbbError as error:
                _log.warning("%s: its cycles cannot be looked at for notifications: %s", name, error)
        now = self._services.clock.now()
        for name, judgment in judgments.items():
            if judgment.act in (Act.START, Act.REPLACE):
                notices.append(silent(name, judgment.cause, now, judgment.act.value))
        for notice in notices:
            await self._webhook.send(notice.as_cloud_event(f"/ebb/{hub}/{notice.schedule}", now))

    async def _of(self, row: ScheduleRow) -> list[Notice]:
        before = self._streaks.get(row.name)
        latest = int((row.last_cycle or {}).get("cycle") or 0)
        if before is not None and latest <= before.seen:
            return []
        wanted = self._rules.failures if before is None else min(latest - before.seen, MOST_CYCLES)
        page = await self._services.store.cycles(row.name, min(max(wanted, 1), MOST_CYCLES))
        cycles = page.read(Cycle)
        notices, self._streaks[row.name] = notices_of(row.name, cycles, before or Streak(), self._rules)
        # What happened before this process began to look was told by the one before, but for a failure that lasts.
        return notices if before is not None else [each for each in notices if each.kind == "failing"]


def notifier_of(services: Services) -> Notifier | None:
    """The notifier that the app settings ask for; None where they name no webhook.

    Raises:
        SettingsError: a setting cannot be used; its value is not shown.
    """
    webhook, environment = services.webhook(), services.environment
    if webhook is None:
        return None
    rules = Rules(_failures(environment.get(FAILURES_SETTING)), _late(environment.get(LATE_SETTING)))
    return Notifier(services, webhook, rules)


def _failures(text: str | None) -> int:
    if not text:
        return Rules().failures
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_CYCLES):
        raise SettingsError(f"app setting {FAILURES_SETTING}: {text!r} must be a whole number, 1 to {MOST_CYCLES}")
    return int(text)


def _late(text: str | None) -> float:
    try:
        return float(str(parse_seconds(text))) if text else 0.0
    except ValueError as error:
        raise SettingsError(f"app setting {LATE_SETTING}: {text!r} {error}") from error
