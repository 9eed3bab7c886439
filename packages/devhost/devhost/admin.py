"""The admin API: host status, the list of functions, and running a function by hand."""

from __future__ import annotations

import json
import platform
import uuid
from collections.abc import Callable
from time import monotonic
from typing import Any

from aiohttp import web

from devhost.indexing import Function, Functions
from devhost.responses import json_response

VERSION = "4.1000.0-devhost"

RunByHand = Callable[[Function, str | None], bool]
"""Begins one run of a function with the given input; False when the function cannot be run by hand."""


class Admin:
    """Answers every path below /admin."""

    def __init__(self, functions: Functions, route_prefix: str, run_by_hand: RunByHand) -> None:
        self._functions, self._prefix, self._run_by_hand = functions, route_prefix, run_by_hand
        self._begun = monotonic()
        self._id = uuid.uuid4().hex
        self.state = "Running"

    async def handle(self, request: web.Request, path: str) -> web.Response:
        """Answer the request for `path`, the part after /admin/."""
        match (request.method, path.lower().strip("/").split("/")):
            case ("GET", ["host", "status"]):
                return json_response(self._status())
            case ("GET" | "POST", ["host", "ping"]) | ("GET", ["warmup"] | ["functions", _, "status"]):
                return web.Response(status=200)
            case ("GET", ["host", "keys"]):
                return json_response({"keys": [{"name": "default", "value": "devhost"}], "links": []})
            case ("GET", ["functions"]):
                return json_response([self._describe(request, one) for one in self._functions.all])
            case (method, ["functions", name]) if method in ("GET", "POST"):
                return await self._function(request, name)
            case _:
                return web.Response(status=404)

    async def _function(self, request: web.Request, name: str) -> web.Response:
        function = next((one for one in self._functions.all if one.name.lower() == name), None)
        if function is None:
            return web.Response(status=404)
        if request.method == "GET":
            return json_response(self._describe(request, function))
        try:
            text = await request.text()
            given = json.loads(text).get("input") if text.strip() else None
        except (ValueError, AttributeError, RecursionError):
            return json_response({"Message": 'The body must be JSON of the form {"input": "..."}.'}, 400)
        if function.disabled or not self._run_by_hand(function, given):
            return json_response({"Message": f"Function '{name}' cannot be run by hand."}, 400)
        return web.Response(status=202)

    def _status(self) -> dict[str, Any]:
        return {
            "id": self._id,
            "state": self.state,
            "version": VERSION,
            "versionDetails": VERSION,
            "platformVersion": "",
            "instanceId": self._id,
            "computerName": platform.node(),
            "processUptime": int((monotonic() - self._begun) * 1000),
            "functionAppContentEditingState": "NotAllowed",
            "extensionBundle": None,
            "errors": [],
        }

    def _describe(self, request: web.Request, function: Function) -> dict[str, Any]:
        origin = f"{request.scheme}://{request.host}"
        address = f"{origin}/admin/functions/{function.name}"
        template = None
        if function.kind == "httpTrigger":
            route = (function.trigger.get("route") or function.name).strip("/")
            template = f"{origin}/{self._prefix}/{route}" if self._prefix else f"{origin}/{route}"
        return {
            "name": function.name,
            "script_root_path_href": None,
            "script_href": None,
            "config_href": None,
            "test_data_href": None,
            "href": address,
            "invoke_url_template": template,
            "language": "python",
            "config": {"bindings": list(function.bindings)},
            "files": None,
            "test_data": "",
            "isDisabled": function.disabled,
            "isDirect": True,
            "isProxy": False,
        }
