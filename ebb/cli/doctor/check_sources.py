"""The sources that lie in no storage account: each is opened and counted as a cycle does it, and its kind is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from ebb.cli.doctor.finding import Finding, error, of_hint, warning
from ebb.cli.doctor.subject import Subject
from ebb.core.clock import SystemClock
from ebb.core.contract.source import SourceRequest
from ebb.core.errors import SettingsError, SourceError, SourceNotFoundError
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.wording import counted
from ebb.sources.hints import Hint
from ebb.sources.registry import KINDS, open_poison, open_source

LIMIT = 120.0  # seconds for all questions to one source; each has a limit of its own below that
AS_SAID = "do as the text says; status and log say the same until it is done"


def check_sources(subject: Subject) -> Iterator[Finding]:
    """Findings on the sources of all schedules but those whose kind looks into the account; nothing is taken."""
    for name, settings in subject.all_schedules().items():
        for number, source in enumerate(settings.all_sources):
            kind = KINDS[source.type]
            if kind.account_hints is None and kind.feed is not None:  # without a feed nothing waits anywhere
                yield from _examine(subject, name, settings.for_source(number))


def _examine(subject: Subject, schedule: str, settings: ScheduleSettings) -> list[Finding]:
    try:
        hints, poisoned = asyncio.run(_ask(subject, settings))
    except SettingsError as fault:
        return [error("source-settings", f"schedule {schedule}: {fault}", "the source cannot be opened", AS_SAID)]
    except SourceNotFoundError as fault:
        return [error("source-missing", f"schedule {schedule}: {fault}", "each cycle fails until it is there", AS_SAID)]
    except (SourceError, TimeoutError) as fault:
        what = str(fault) or f"the source does not answer within {LIMIT:g} s"
        return [error("source-unavailable", f"schedule {schedule}: {what}", "each cycle fails until it is", AS_SAID)]
    found = [of_hint(schedule, hint) for hint in hints]
    if poisoned and settings.source is not None:
        found.append(
            warning(
                "poison-waiting",
                f"schedule {schedule}: {counted(poisoned, 'message')} in the poison place of {settings.source.label()}",
                "they were given up and nobody handles them",
                f"look at their reasons (ebb poison list {schedule}), fix the handler, and put them back",
            )
        )
    return found


async def _ask(subject: Subject, settings: ScheduleSettings) -> tuple[list[Hint], int]:
    """What the kind says of this source, and how many messages lie in its poison place.

    Raises:
        SettingsError, SourceError, TimeoutError: it cannot be opened or counted.
    """
    assert settings.source is not None
    kind, environment = KINDS[settings.source.type], subject.settings
    async with asyncio.timeout(LIMIT):
        source = open_source(settings, environment)
        try:
            await source.measure()
        finally:
            await source.close()
        hints: list[Hint] = []
        if kind.hints is not None:
            hints = await kind.open(kind.hints, SourceRequest(settings, environment, SystemClock(), 0, 0))
        place = open_poison(settings, environment)
        if place is None:
            return hints, 0
        try:
            return hints, await place.count()
        finally:
            await place.close()
