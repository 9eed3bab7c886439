"""HTTP: the files of the dashboard. Anonymous, for they hold no data: those come from the API, which asks for a key."""

from __future__ import annotations

import azure.functions as func

from ebb.api.etags import is_known
from ebb.api.headers import header
from ebb.api.routes import Routes
from ebb.dashboard.files import HEADERS, START_PAGE, static_files
from ebb.services import Services


def blueprint(services: Services) -> Routes:
    """The route, bound to `services`."""
    bp = Routes(services.prefix)

    @bp.function_name("dashboard")
    @bp.route(route="dashboard/{*path}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    async def dashboard(req: func.HttpRequest) -> func.HttpResponse:
        path = str(req.route_params.get("path") or "")
        if not path and not req.url.partition("?")[0].endswith("/"):
            # The page names its files relative to its own address, so that it needs the slash.
            return func.HttpResponse(status_code=308, headers={**HEADERS, "Location": "dashboard/"})
        file = static_files().get(path or START_PAGE)
        if file is None:
            return func.HttpResponse("the dashboard has no such file", status_code=404, headers=HEADERS)
        headers = {**HEADERS, "ETag": file.etag}
        if is_known(req, file.etag):
            return func.HttpResponse(status_code=304, headers=headers)
        if "gzip" not in (header(req, "accept-encoding") or ""):
            return func.HttpResponse(file.content, headers={**headers, "Content-Type": file.media_type})
        headers |= {"Content-Type": file.media_type, "Content-Encoding": "gzip"}
        return func.HttpResponse(file.compressed, headers=headers)

    return bp
