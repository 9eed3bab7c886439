"""The emulator as a server: a thread with its own event loop on free ports of 127.0.0.1, or a program.

python -m tests.emulators.amqp.server --amqp 5672 --http 5300 --queue work --hub events:4
"""

from __future__ import annotations

import argparse
import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import TypeVar

from aiohttp import web

from tests.emulators.amqp.atom import application
from tests.emulators.amqp.connection import Connection
from tests.emulators.amqp.namespace import Namespace
from tests.emulators.amqp.policies import Policy

KEY_NAME, KEY = "RootManageSharedAccessKey", "SAS_KEY_VALUE"
TURN = 0.05  # seconds between two looks at locks and schedules
T = TypeVar("T")


class AmqpEmulator:
    """A running namespace. Entities are declared through `tell`; `stop()` ends it."""

    def __init__(self, amqp: int = 0, http: int = 0) -> None:
        self.namespace = Namespace()
        self.namespace.policies.add(Policy(KEY_NAME, KEY))
        self.amqp_port, self.http_port = amqp, http
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, daemon=True, name="amqp emulator")
        self._thread.start()
        self._ready.result(30)

    def tell(self, action: Callable[[Namespace], T]) -> T:
        """Run `action` on the namespace, in its own thread; returns what it returns."""

        async def act() -> T:
            return action(self.namespace)

        return asyncio.run_coroutine_threadsafe(act(), self._loop).result(30)

    def connection_string(self, name: str = KEY_NAME, key: str = KEY) -> str:
        """As an app setting has it."""
        endpoint = f"Endpoint=sb://127.0.0.1:{self.amqp_port}"
        return f"{endpoint};SharedAccessKeyName={name};SharedAccessKey={key};UseDevelopmentEmulator=true;"

    @property
    def management_url(self) -> str:
        """Where the management API is."""
        return f"http://127.0.0.1:{self.http_port}"

    def drop_connections(self) -> None:
        """Cut all connections, as a network does."""
        self.tell(lambda namespace: [each.drop() for each in list(namespace.connections)])

    def pause(self) -> None:
        """Stop listening and cut what there is: the server is away, its messages stay."""
        self.tell(lambda _: self._server and self._server.close())
        self.drop_connections()

    def resume(self) -> None:
        """Listen again, on the same port."""
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(30)

    def stop(self) -> None:
        """End it. Calling it again does nothing."""
        if self._thread.is_alive():
            self.drop_connections()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(30)

    def __enter__(self) -> AmqpEmulator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        serving = self._loop.create_task(self._serve())
        serving.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*asyncio.all_tasks(self._loop), return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _serve(self) -> None:
        runner = web.AppRunner(application(self.namespace), access_log=None)
        try:
            await self._listen()
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", self.http_port)
            await site.start()
            self.http_port = runner.addresses[0][1]
            self._ready.set_result(None)
            while True:
                await asyncio.sleep(TURN)
                self.namespace.pump()
        except BaseException as error:  # whoever waits for the start gets it
            if not self._ready.done():
                self._ready.set_exception(error)
            raise
        finally:
            if self._server is not None:
                self._server.close()
            await runner.cleanup()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.amqp_port)
        self.amqp_port = self._server.sockets[0].getsockname()[1]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self.namespace, reader, writer)
        self.namespace.connections.add(connection)
        try:
            await connection.serve()
        finally:
            self.namespace.connections.discard(connection)


def main() -> None:
    """Run until interrupted, with the entities that the arguments name."""
    parser = argparse.ArgumentParser(prog="python -m tests.emulators.amqp.server")
    parser.add_argument("--amqp", type=int, default=5672)
    parser.add_argument("--http", type=int, default=5300)
    parser.add_argument("--queue", action="append", default=[], help="name of a queue")
    parser.add_argument("--session-queue", action="append", default=[], help="name of a queue with sessions")
    parser.add_argument("--subscription", action="append", default=[], help="<topic>/<subscription>")
    parser.add_argument("--hub", action="append", default=[], help="<name>:<partitions>")
    given = parser.parse_args()
    with AmqpEmulator(given.amqp, given.http) as emulator:
        for name in given.queue:
            emulator.tell(lambda namespace, name=name: namespace.add_queue(name))
        for name in given.session_queue:
            emulator.tell(lambda namespace, name=name: namespace.add_queue(name, sessions=True))
        for each in given.subscription:
            topic, _, name = each.partition("/")
            emulator.tell(lambda namespace, topic=topic, name=name: namespace.add_subscription(topic, name))
        for each in given.hub:
            name, _, count = each.partition(":")
            emulator.tell(lambda namespace, name=name, count=count: namespace.add_hub(name, int(count or 4)))
        threading.Event().wait()


if __name__ == "__main__":
    main()
