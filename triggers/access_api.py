"""HTTP: who the caller is for this app and what they may do, so that a page offers no more than that."""

from __future__ import annotations

import azure.functions as func

from ebb.api.guard import answers, level_of, principal_of
from ebb.api.problems import json_response
from ebb.api.requests import caller
from ebb.api.routes import Routes
from ebb.services import Services


def blueprint(services: Services) -> Routes:
    """The route, bound to `services`."""
    bp = Routes(services.prefix)

    @bp.function_name("get_access")
    @bp.route(route="access", methods=["GET"], auth_level=level_of(services))
    @answers(services)
    async def get_access(req: func.HttpRequest) -> func.HttpResponse:
        found = services.access.of(principal_of(req), caller(req, services.environment))
        return json_response(found.to_document())

    return bp
