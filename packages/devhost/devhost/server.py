"""The HTTP server on 127.0.0.1: the management API, the client's RPC, /admin and the app's functions."""

from __future__ import annotations

import errno
import logging
import os
import socket
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from devhost.client_binding import MANAGEMENT_BASE, RPC_BASE
from devhost.errors import StartError
from devhost.responses import json_response
from devhost.visitors import refusal

log = logging.getLogger("devhost.server")

ADDRESS = "127.0.0.1"
LARGEST_BODY = 100 * 1024 * 1024
"""Bytes of a request body, the limit of the Functions host."""

_HOME = "<!doctype html><title>devhost</title><p>Your function app is up and running on the devhost.</p>"


def claim_port(port: int) -> socket.socket:
    """Take a port of the loopback address, so that the app can be told it before the host listens; 0 takes a free one.

    Raises:
        StartError: the port is taken or may not be used.
    """
    claimed = socket.socket()
    if os.name == "posix":  # elsewhere this option lets two programs share a port
        claimed.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        claimed.bind((ADDRESS, port))
    except (OSError, OverflowError) as error:
        claimed.close()
        raise _refused(port, error) from error
    return claimed


def _refused(port: int, error: OSError | OverflowError) -> StartError:
    if getattr(error, "errno", None) == errno.EADDRINUSE:
        why = "is in use by another program"
    else:
        why = f"cannot be used ({getattr(error, 'strerror', None) or 'it must be 0 to 65535'})"
    return StartError(f"port {port} on {ADDRESS} {why}; choose another with --port, or --port 0 for a free one")


class Part(Protocol):
    """Answers the requests below one base path; `path` is what follows the base, undecoded."""

    async def handle(self, request: web.Request, path: str) -> web.StreamResponse: ...


@dataclass(frozen=True)
class Cors:
    """Which origins may call from a browser; `*` allows all."""

    origins: tuple[str, ...] = ()
    credentials: bool = False

    def headers(self, origin: str | None) -> dict[str, str]:
        """The headers that let `origin` in; none when it is not listed."""
        if origin is None or not ("*" in self.origins or origin.rstrip("/") in self.origins):
            return {}
        found = {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
        if self.credentials:
            found["Access-Control-Allow-Credentials"] = "true"
        return found


class Server:
    """One listening socket. `functions` takes every path that no other part owns."""

    def __init__(self, management: Part, admin: Part, functions: Part, cors: Cors) -> None:
        self._bases = ((MANAGEMENT_BASE, management), (RPC_BASE, management), ("/admin", admin))
        self._functions, self._cors = functions, cors
        self._runner: web.AppRunner | None = None
        self._is_draining = False
        self.port = 0

    async def start(self, claimed: socket.socket) -> None:
        """Listen on a socket of `claim_port`.

        Raises:
            StartError: another program was quicker to listen on the port.
        """
        self.port = claimed.getsockname()[1]
        application = web.Application(client_max_size=LARGEST_BODY)
        application.router.add_route("*", r"/{path:[\s\S]*}", self._answer)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        try:
            await web.SockSite(self._runner, claimed).start()
        except OSError as error:
            await self._runner.cleanup()
            raise _refused(self.port, error) from error

    def drain(self) -> None:
        """Refuse calls of functions from now on; the management API and the client's RPC still answer."""
        self._is_draining = True

    async def stop(self) -> None:
        """Stop listening and close the connections."""
        if self._runner:
            await self._runner.cleanup()

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:port`"""
        return f"http://{ADDRESS}:{self.port}"

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        allowed = self._cors.headers(request.headers.get("Origin"))
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            return self._preflight(request, allowed)
        reason = refusal(request.headers, self.port, is_let_in=bool(allowed))
        if reason is not None:
            return json_response({"Message": reason}, 403)
        response = await self._route(request)
        response.headers.update(allowed)
        return response

    def _preflight(self, request: web.Request, allowed: dict[str, str]) -> web.Response:
        if allowed:
            allowed["Access-Control-Allow-Methods"] = request.headers["Access-Control-Request-Method"]
            allowed["Access-Control-Allow-Headers"] = request.headers.get("Access-Control-Request-Headers", "*")
        return web.Response(status=204, headers=allowed)

    async def _route(self, request: web.Request) -> web.StreamResponse:
        path = request.rel_url.raw_path
        if path == "/":
            return web.Response(text=_HOME, content_type="text/html")
        for base, part in self._bases:
            if path.lower().startswith(base + "/"):
                return await part.handle(request, path[len(base) + 1 :])
        if self._is_draining:
            return web.Response(status=503, text="The host is stopping.", headers={"Retry-After": "5"})
        return await self._functions.handle(request, path.lstrip("/"))
