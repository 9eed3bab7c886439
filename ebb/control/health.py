"""Whether the app can do its work, for probes and people. Anonymous, so it says no more than it must."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

from ebb.core.check import Check, Health
from ebb.core.errors import EbbError
from ebb.core.row.schedule_row import Intent, ScheduleRow
from ebb.services import Services

CHECK_SECONDS = 5.0
FAILING_AFTER = 3  # cycles in a row in which nothing succeeded; one can be bad luck


async def health_of(services: Services, with_sources: bool = True) -> Health:
    """What `check_all` finds, and one word for it."""
    checks = await check_all(services, with_sources)
    return Health(status=status_of(checks), checks=tuple(checks))


async def check_all(services: Services, with_sources: bool = True) -> list[Check]:
    """One entry for the store and one for the source of each schedule that is not stopped.

    A platform's probe leaves the sources out (`?scope=host`): one schedule's missing queue is not a reason to start the
    app again, nor to cut off the API that could fix it.
    """
    try:
        rows = await asyncio.wait_for(services.store.rows(), CHECK_SECONDS)
    except (EbbError, TimeoutError) as error:
        return [Check(name="store", healthy=False, detail=str(error) or f"no answer in {CHECK_SECONDS:g} s")]
    running = [name for name in services.schedules if rows.get(name, ScheduleRow(name)).intent is not Intent.STOPPED]
    wanted = running if with_sources else []
    checks = [_check(f"source of {name}", _measure(services, name, rows[name])) for name in wanted]
    failing = [_failing(name, rows[name]) for name in wanted if rows[name].failures >= FAILING_AFTER]
    return [Check(name="store", healthy=True), *await asyncio.gather(*checks), *failing]


def status_of(checks: Sequence[Check]) -> str:
    """One word for all checks: unhealthy where something does not answer, degraded where jobs fail, or healthy."""
    if not all(check.healthy for check in checks):
        return "unhealthy"
    return "degraded" if any(check.degraded for check in checks) else "healthy"


def _failing(name: str, row: ScheduleRow) -> Check:
    detail = f"nothing succeeded in the last {row.failures} cycles with work"
    return Check(name=f"job of {name}", healthy=True, degraded=True, detail=detail)


async def _measure(services: Services, name: str, row: ScheduleRow) -> None:
    await services.measure(services.schedules.effective(name, row.overrides))


async def _check(name: str, check: Awaitable[None]) -> Check:
    try:
        await asyncio.wait_for(check, CHECK_SECONDS)
    except EbbError as error:
        return Check(name=name, healthy=False, detail=str(error))
    except TimeoutError:
        return Check(name=name, healthy=False, detail=f"no answer in {CHECK_SECONDS:g} s")
    return Check(name=name, healthy=True)
