"""HTTP: whether the app can do its work, for probes and people. Anonymous, so it says no more than it must."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import azure.functions as func

from history.base import Intent, ScheduleRow
from scheduler.errors import EbbError
from services import Services
from sources.combined import measure_all
from triggers.problems import answers_problems, json_response

CHECK_SECONDS = 5.0


def blueprint(services: Services) -> func.Blueprint:
    """The route, bound to `services`."""
    bp = func.Blueprint()

    @bp.function_name("health")
    @bp.route(route="health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    @answers_problems
    async def health(req: func.HttpRequest) -> func.HttpResponse:
        checks = await check_all(services, with_sources=req.params.get("scope") != "host")
        healthy = all(check["healthy"] for check in checks)
        document = {"status": "healthy" if healthy else "unhealthy", "checks": checks}
        return json_response(document, 200 if healthy else 503)

    return bp


async def check_all(services: Services, with_sources: bool = True) -> list[dict[str, Any]]:
    """One entry for the store and one for the source of each schedule that is not stopped.

    A platform's probe leaves the sources out (`?scope=host`): one schedule's missing queue is no reason to start the
    app anew, nor to cut off the API that could mend it.
    """
    try:
        rows = await asyncio.wait_for(services.store.rows(), CHECK_SECONDS)
    except (EbbError, TimeoutError) as error:
        return [{"name": "store", "healthy": False, "detail": str(error) or f"no answer in {CHECK_SECONDS:g} s"}]
    running = [name for name in services.schedules if rows.get(name, ScheduleRow(name)).intent is not Intent.STOPPED]
    wanted = running if with_sources else []
    checks = [_check(f"source of {name}", _measure(services, name, rows[name])) for name in wanted]
    return [{"name": "store", "healthy": True, "detail": None}, *await asyncio.gather(*checks)]


async def _measure(services: Services, name: str, row: ScheduleRow) -> None:
    await measure_all(services.schedules.effective(name, row.overrides), services.source)


async def _check(name: str, check: Awaitable[None]) -> dict[str, Any]:
    try:
        await asyncio.wait_for(check, CHECK_SECONDS)
    except EbbError as error:
        return {"name": name, "healthy": False, "detail": str(error)}
    except TimeoutError:
        return {"name": name, "healthy": False, "detail": f"no answer in {CHECK_SECONDS:g} s"}
    return {"name": name, "healthy": True, "detail": None}
