"""HTTP: whether the app can do its work, for probes and people. Anonymous, so it says no more than it must."""

from __future__ import annotations

import azure.functions as func

from ebb.api.problems import answers_problems, json_response
from ebb.api.routes import Routes
from ebb.control.health import health_of
from ebb.services import Services


def blueprint(services: Services) -> Routes:
    """The route, bound to `services`."""
    bp = Routes(services.prefix)

    @bp.function_name("health")
    @bp.route(route="health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    @answers_problems
    async def health(req: func.HttpRequest) -> func.HttpResponse:
        found = await health_of(services, with_sources=req.params.get("scope") != "host")
        return json_response(found.to_document(), 503 if found.status == "unhealthy" else 200)

    return bp
