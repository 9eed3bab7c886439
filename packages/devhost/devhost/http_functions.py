"""Serves the app's HTTP triggers: finds the function, builds its request, and writes its response."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any

from aiohttp import web

from devhost.arguments import Bindings
from devhost.converters import Datum, encode
from devhost.errors import FunctionError
from devhost.indexing import Function, Functions
from devhost.routes import Route, compile_route


@dataclass(frozen=True)
class Endpoint:
    """One HTTP function with its route and verbs; no verbs means every verb."""

    function: Function
    route: Route
    methods: frozenset[str]


def endpoints(functions: Functions, prefix: str) -> list[Endpoint]:
    """List the HTTP functions, most literal routes first.

    Raises:
        AppError: a route template cannot be read.
    """
    found: list[Endpoint] = []
    for function in functions.enabled("httpTrigger"):
        route = (function.trigger.get("route") or function.name).strip("/")
        methods = frozenset(method.upper() for method in function.trigger.get("methods") or ())
        found.append(Endpoint(function, compile_route(f"{prefix}/{route}" if prefix else route), methods))
    return sorted(found, key=lambda one: one.route.precedence)


class HttpFunctions:
    """Answers requests with the app's functions."""

    def __init__(self, functions: Functions, prefix: str, bindings: Bindings) -> None:
        self.endpoints = endpoints(functions, prefix)
        self._bindings = bindings
        self._running: set[asyncio.Future[None]] = set()

    async def stop(self, grace_seconds: float) -> None:
        """Give the functions in hand the grace period."""
        if self._running:
            await asyncio.wait(self._running, timeout=grace_seconds)

    async def handle(self, request: web.Request, path: str) -> web.StreamResponse:
        """Answer a request: 404 when no function takes this path and verb, 500 with no body when the function fails."""
        for endpoint in self.endpoints:
            if endpoint.methods and request.method not in endpoint.methods:
                continue
            parameters = endpoint.route.match(path)
            if parameters is not None:
                return await self._call(endpoint.function, request, parameters)
        return web.Response(status=404)

    async def _call(self, function: Function, request: web.Request, parameters: dict[str, str]) -> web.StreamResponse:
        body = await request.read()
        datum = Datum(_request_value(request, parameters, body), "http")
        ended = asyncio.get_running_loop().create_future()
        self._running.add(ended)
        try:
            return await self._bindings.call(function, datum, _response)
        except FunctionError:
            return web.Response(status=500)
        finally:
            self._running.discard(ended)
            ended.set_result(None)


def _request_value(request: web.Request, parameters: dict[str, str], body: bytes) -> dict[str, Any]:
    headers: dict[str, Datum] = {}
    for name in {key.lower() for key in request.headers}:
        headers[name] = Datum(",".join(request.headers.getall(name)), "string")
    query = {key: Datum(",".join(request.query.getall(key)), "string") for key in request.query if request.query[key]}
    return {
        "method": Datum(request.method, "string"),
        "url": Datum(str(request.url), "string"),
        "headers": headers,
        "query": query,
        "params": {key: Datum(value, "string") for key, value in parameters.items()},
        "body": Datum(body, "bytes"),
    }


def _response(result: Any) -> web.Response:
    datum = encode("http", result)
    if datum.type == "string":
        return web.Response(text=datum.value)
    parts = datum.value
    response = web.Response(status=int(parts["status_code"].value), body=parts["body"].value)
    for name, value in parts["headers"].items():
        response.headers[name] = value.value
    for cookie in parts["cookies"] or ():
        _add_cookies(response, cookie)
    return response


def _add_cookies(response: web.Response, cookie: SimpleCookie) -> None:
    for morsel in cookie.values():
        response.headers.add("Set-Cookie", morsel.OutputString())
