"""The Series document of a schedule: its past as a chart shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ebb.control.sampling import looks_since
from ebb.core.clock import parse_rfc3339, rfc3339
from ebb.core.documents import Cycle
from ebb.core.errors import RequestRefusedError
from ebb.core.pages import Span
from ebb.core.series import Grid, Series, series
from ebb.services import Services

MOST_CYCLES = 1000  # that one answer reads: one request to the tables


@dataclass(frozen=True)
class Range:
    """What part of the past is wanted, and how finely: `step` in seconds, None for some 240 steps."""

    start: datetime | None = None
    end: datetime | None = None
    step: float | None = None


async def series_of(services: Services, name: str, wanted: Range) -> Series:
    """The Series document; the last hour without a range. Reads at most MOST_CYCLES cycles, and the latest count.

    Raises:
        RequestRefusedError: 400, the range is empty or has too many steps.
    """
    end = wanted.end or services.clock.now()
    start = wanted.start or end - timedelta(hours=1)
    step = wanted.step or max(round((end - start).total_seconds() / 240), 1)
    try:
        grid = Grid.over(start.timestamp(), end.timestamp(), step)
    except ValueError as error:
        raise RequestRefusedError("invalidRequest", str(error)) from error
    page = await services.store.cycles(name, MOST_CYCLES, span=Span(start, end))
    cycles = page.read(Cycle)
    oldest = cycles[-1].ended_at if page.continuation_token else None
    since = parse_rfc3339(oldest) if oldest else start
    row = await services.store.get(name)
    looks = await looks_since(services.store, row, start)
    latest = row.backlog
    columns = series(grid, looks, cycles, latest, since.timestamp())
    return Series(
        start=rfc3339(start),
        end=rfc3339(end),
        step=step,
        cycles_since=rfc3339(since),
        at=tuple(columns.at),
        backlog=tuple(columns.backlog),
        executions=tuple(columns.executions),
        processed=tuple(columns.processed),
        failed=tuple(columns.failed),
    )
