"""HTTP: the past of a schedule as columns of numbers over time, for a chart."""

from __future__ import annotations

import azure.functions as func

from ebb.api.guard import answers, level_of
from ebb.api.problems import json_response
from ebb.api.requests import schedule_name, span_of, whole_parameter
from ebb.api.routes import Routes
from ebb.control.past import Range, series_of
from ebb.services import Services

LONGEST_STEP = 31 * 86_400  # seconds


def blueprint(services: Services) -> Routes:
    """The route, bound to `services`."""
    bp = Routes(services.prefix)

    @bp.function_name("get_series")
    @bp.route(route="schedules/{name}/series", methods=["GET"], auth_level=level_of(services))
    @answers(services)
    async def get_series(req: func.HttpRequest) -> func.HttpResponse:
        name, span = schedule_name(req, services.schedules), span_of(req)
        step = whole_parameter(req, "step", 0, LONGEST_STEP) or None
        return json_response((await series_of(services, name, Range(span.start, span.end, step))).to_document())

    return bp
