"""The fault proxy: stands on 127.0.0.1 between an app and its storage, counts requests and spoils those it is told to.

One listener for each of blob, queue and table. It runs on an event loop in a thread of its own, so that synchronous
code can arm a fault at any moment. Requests are passed on whole and in order, a connection to the storage for each
connection of the app. Signatures survive, because Azure's shared key signs the path and not the host.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from tests.chaos.operations import Operation, classify
from tests.chaos.wire import LONGEST_HEAD, BrokenMessageError, Raw, answer, read_message

KINDS = ("delay", "reset", "status", "lostReply", "cut", "blackHole", "swallow")
_LINGER_NOT = struct.pack("ii", 1, 0)  # closing sends a reset
_CODES = {400: "InvalidInput", 429: "TooManyRequests", 500: "InternalError", 503: "ServerBusy"}


@dataclass
class Fault:
    """What happens to requests that match.

    `delay` waits `seconds` and goes on; `reset` breaks the connection before the server sees the request; `status`
    answers with an error; `lostReply` lets the server act and breaks the connection; `cut` lets it act and breaks the
    connection in the middle of the answer; `blackHole` swallows the request and `swallow` the answer, and both keep
    the connection open until the fault is taken away.
    """

    kind: str
    service: str = "*"  # patterns as of fnmatch
    operation: str = "*"
    side: str = "ebb"
    skip: int = 0  # so many matching requests pass first
    count: int | None = None  # so many are spoiled; None: all until it is taken away
    share: float = 1.0  # of the matching requests
    seconds: float = 0.0
    status: int = 503
    retry_after: int | None = None
    hits: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])  # UNIX time, operation

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"a fault is one of {', '.join(KINDS)}, not {self.kind}")

    def takes(self, operation: Operation, chance: random.Random) -> bool:
        """Whether this request is one to spoil; counts it."""
        patterns = ((operation.service, self.service), (operation.name, self.operation), (operation.side, self.side))
        if not all(fnmatchcase(value, pattern) for value, pattern in patterns):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.count is not None and len(self.hits) >= self.count:
            return False
        if chance.random() >= self.share:
            return False
        self.hits.append((time.time(), operation.name))
        return True


class _BreakError(Exception):
    """The connection is to be reset."""


class Proxy:
    """Use it as a context manager; `connection_string` is what the app is given."""

    def __init__(self, ports: Mapping[str, int], hub: str = "", seed: int = 0) -> None:
        """`ports` are those of the storage: blob, queue, table. `hub`: as of `classify`."""
        self.ports: dict[str, int] = {}  # of this proxy, once it runs
        self.requests: Counter[Operation] = Counter()  # all, spoiled ones too
        self.hub = hub
        self._targets, self._chance = dict(ports), random.Random(seed)
        self._faults: list[Fault] = []
        self._open: set[asyncio.StreamWriter] = set()
        self._held: set[asyncio.StreamWriter] = set()  # whose client waits for an answer that never comes
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self._servers: list[asyncio.Server] = []

    def __enter__(self) -> Proxy:
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def through(self, connection_string: str) -> str:
        """`connection_string` of the storage with its ports replaced by those of this proxy."""
        for service, port in self._targets.items():
            connection_string = connection_string.replace(f"127.0.0.1:{port}/", f"127.0.0.1:{self.ports[service]}/")
        return connection_string

    @contextlib.contextmanager
    def armed(self, *faults: Fault) -> Iterator[None]:
        """Spoil what matches while this is entered; the first fault that takes a request has it."""
        self._faults = list(faults)
        try:
            yield
        finally:
            self.disarm()

    def arm(self, *faults: Fault) -> None:
        """Spoil what matches from now on, in place of what was armed before."""
        self._faults = list(faults)

    def disarm(self) -> None:
        """Spoil nothing more, and break the connections that are kept waiting."""
        self._faults = []
        self._call(self._let_go())

    def _call(self, work: object) -> None:
        future: Future[None] = asyncio.run_coroutine_threadsafe(work, self._loop)
        future.result(20)

    async def _listen(self) -> None:
        for service in self._targets:
            server = await asyncio.start_server(
                lambda reader, writer, service=service: self._serve(service, reader, writer),
                "127.0.0.1",
                0,
                limit=LONGEST_HEAD,
            )
            self._servers.append(server)
            self.ports[service] = server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for writer in list(self._open):
            _reset(writer)
        current = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not current]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _let_go(self) -> None:
        for writer in list(self._held):
            _reset(writer)

    async def _serve(self, service: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        upstream = _Upstream(self._targets[service])
        try:
            while (request := await read_message(reader)) is not None:
                await self._pass_on(service, request, reader, writer, upstream)
                if request.closes:
                    break
        except (_BreakError, BrokenMessageError, OSError, asyncio.CancelledError):  # cancelled: the proxy closes
            _reset(writer)
        finally:
            self._open.discard(writer)
            self._held.discard(writer)
            upstream.close()
            writer.close()

    async def _pass_on(
        self,
        service: str,
        request: Raw,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        upstream: _Upstream,
    ) -> None:
        operation = classify(service, request.method, request.target, request.body, self.hub)
        self.requests[operation] += 1
        fault = next((each for each in self._faults if each.takes(operation, self._chance)), None)
        kind = fault.kind if fault else ""
        if kind == "reset":
            raise _BreakError
        if kind == "blackHole":
            await self._hold(reader, writer)
        if fault and kind == "status":
            writer.write(answer(fault.status, _CODES.get(fault.status, "InternalError"), fault.retry_after))
            await writer.drain()
            return
        if fault and kind == "delay":
            await asyncio.sleep(fault.seconds)
        response = await upstream.ask(request)
        if kind == "lostReply":
            raise _BreakError
        if kind == "swallow":
            await self._hold(reader, writer)
        whole = response.head + response.sent
        if kind == "cut":
            writer.write(whole[: len(response.head) + len(response.sent) // 2] if response.sent else whole[:20])
            await writer.drain()
            raise _BreakError
        writer.write(whole)
        await writer.drain()
        if response.closes:
            raise _BreakError

    async def _hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Keep the client waiting until it gives up or the fault is taken away."""
        self._held.add(writer)
        with contextlib.suppress(OSError):
            await reader.read(1)
        raise _BreakError


class _Upstream:
    """The connection to the storage that belongs to one of the app's."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: Raw) -> Raw:
        """Send a request and read the answer. A kept connection that the storage has closed meanwhile is replaced."""
        for fresh in (self._streams is None, True):
            if self._streams is None:
                self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=LONGEST_HEAD)
            reader, writer = self._streams
            try:
                writer.write(request.head + request.sent)
                await writer.drain()
                response = await read_message(reader, answers=request.method)
            except (OSError, BrokenMessageError):
                if fresh:
                    raise
                response = None
            if response is not None:
                if response.closes:
                    self.close()
                return response
            self.close()
            if fresh:
                raise BrokenMessageError("the storage closed without an answer")
        raise AssertionError("unreachable: a fresh connection answers or raises")

    def close(self) -> None:
        if self._streams:
            self._streams[1].close()
            self._streams = None


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close so that the other side sees a reset, not an end."""
    raw = writer.get_extra_info("socket")
    if raw is not None:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    writer.transport.abort()
