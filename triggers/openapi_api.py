"""HTTP: the description of the API."""

from __future__ import annotations

from urllib.parse import urlsplit

import azure.functions as func

from ebb.api.openapi import document
from ebb.api.problems import answers_problems, json_response
from ebb.api.routes import Routes
from ebb.services import Services


def blueprint(services: Services) -> Routes:
    """The route, bound to `services`."""
    bp = Routes(services.prefix)

    @bp.function_name("openapi")
    @bp.route(route="openapi.json", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
    @answers_problems
    async def openapi(req: func.HttpRequest) -> func.HttpResponse:
        return json_response(document(tuple(services.schedules), urlsplit(req.url).path.removesuffix("/openapi.json")))

    return bp
