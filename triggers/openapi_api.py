"""HTTP: the description of the API."""

from __future__ import annotations

import azure.durable_functions as df
import azure.functions as func

from ebb.api.guard import answers
from ebb.api.openapi import document
from ebb.api.problems import json_response
from ebb.services import Services


def blueprint(services: Services) -> df.Blueprint:
    """The route, bound to `services`."""
    bp = df.Blueprint()

    @bp.function_name("openapi")
    @bp.route(route="openapi.json", methods=["GET"])
    @answers(services)
    async def openapi(req: func.HttpRequest) -> func.HttpResponse:
        return json_response(document(tuple(services.schedules)))

    return bp
