"""A way to a server that can be cut: what is behind it stays as it is, as when a network or a server is away."""

from __future__ import annotations

import asyncio
from types import TracebackType


class Outage:
    """Passes bytes on between a port of its own on 127.0.0.1 and another one."""

    def __init__(self, port: int) -> None:
        """To `port` of 127.0.0.1."""
        self._behind, self._open = port, set[asyncio.StreamWriter]()
        self._serving = set[asyncio.Task[None]]()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def back(self) -> None:
        """Listen, on the same port each time."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def away(self) -> None:
        """Refuse new connections, and cut those that are there."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._open):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def __aenter__(self) -> Outage:
        await self.back()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.away()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        there, onwards = await asyncio.open_connection("127.0.0.1", self._behind)
        ends = {writer, onwards}
        self._open |= ends
        try:
            await asyncio.gather(_pass(reader, onwards), _pass(there, writer))
        finally:
            self._open -= ends
            self._serving.discard(task)
            for each in ends:
                each.transport.abort()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except (ConnectionError, RuntimeError, OSError):
        writer.transport.abort()
