"""Asks for a function key as the Functions host does in Azure, before an app on the local host, which asks for none."""

from __future__ import annotations

import asyncio
import threading
from typing import Self

import aiohttp
from aiohttp import web

OPEN = ("/api/dashboard", "/api/health")
_OWN = {"host", "content-length", "transfer-encoding"}


class Gate:
    """A server of its own, in a thread; `key` can be changed, as when an operator renews it."""

    def __init__(self, target: str, key: str) -> None:
        self._target, self.key, self.url = target, key, ""
        self.seen: list[str] = []  # addresses asked for
        self._loop = asyncio.new_event_loop()
        self._ready, self._thread = threading.Event(), threading.Thread(target=self._run, daemon=True)
        self._stop = asyncio.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        self._loop.close()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(application, access_log=None)
        async with aiohttp.ClientSession(auto_decompress=False) as self._session:
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            self._ready.set()
            await self._stop.wait()
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        self.seen.append(request.path_qs)
        if not request.path.startswith(OPEN) and request.headers.get("x-functions-key") != self.key:
            return web.Response(status=401)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _OWN}
        if request.headers.get("Origin") == self.url:  # the local host lets in pages of its own alone
            headers["Origin"] = self._target
        body = await request.read()
        address = self._target + request.path_qs
        async with self._session.request(request.method, address, data=body or None, headers=headers) as answer:
            told = {name: value for name, value in answer.headers.items() if name.lower() not in _OWN}
            return web.Response(status=answer.status, body=await answer.read(), headers=told)
