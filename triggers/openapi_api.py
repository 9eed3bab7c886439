"""HTTP: the description of the API."""

from __future__ import annotations

import azure.functions as func

from services import Services
from triggers.openapi import document
from triggers.problems import answers_problems, json_response


def blueprint(services: Services) -> func.Blueprint:
    """The route, bound to `services`."""
    bp = func.Blueprint()

    @bp.function_name("openapi")
    @bp.route(route="openapi.json", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
    @answers_problems
    async def openapi(req: func.HttpRequest) -> func.HttpResponse:
        return json_response(document(tuple(services.schedules)))

    return bp
