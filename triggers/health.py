"""HTTP: whether the app can do its work, for probes and people. Anonymous, so it says no more than it must."""

from __future__ import annotations

import azure.functions as func

from ebb.api.problems import answers_problems, json_response
from ebb.api.routes import Routes
from ebb.control.health import check_all, status_of
from ebb.services import Services


def blueprint(services: Services) -> Routes:
    """The route, bound to `services`."""
    bp = Routes(services.prefix)

    @bp.function_name("health")
    @bp.route(route="health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    @answers_problems
    async def health(req: func.HttpRequest) -> func.HttpResponse:
        checks = await check_all(services, with_sources=req.params.get("scope") != "host")
        status = status_of(checks)
        document = {"status": status, "checks": [check.to_document() for check in checks]}
        return json_response(document, 503 if status == "unhealthy" else 200)

    return bp
