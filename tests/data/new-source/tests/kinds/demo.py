"""Demo queues under test, on a server of this process whose clock the test steps."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from ebb.sources.demo.source import SERVERS, DemoBroker, DemoSource
from tests.clocks import SteppedClock
from tests.kinds.bench import Bench
from tests.kinds.memory import bench_on
from tests.kinds.tested import Cut, Place, Tested


class DemoServer:
    """The server of one host, while it is entered."""

    def __enter__(self) -> DemoServer:
        self.clock, self.host = SteppedClock(), "127.0.0.1:10"
        self.broker = SERVERS[self.host] = DemoBroker(self.host, self.clock)
        return self

    def __exit__(self, *_: object) -> None:
        del SERVERS[self.host]


@pytest.fixture
def demo_server() -> Iterator[DemoServer]:
    with DemoServer() as running:
        yield running


async def demo_bench(server: DemoServer, variant: str) -> AsyncIterator[Bench]:
    yield bench_on(server.broker, server.clock, "demo", DemoSource)


def _place(server: DemoServer, name: str) -> Place:
    return Place({"queueName": name, "server": server.host})


@asynccontextmanager
async def _cut(server: DemoServer) -> AsyncIterator[Cut]:
    async def away() -> None:
        server.broker.away = True

    async def back() -> None:
        server.broker.away = False
        server.clock.step(15)

    yield Cut(_place(server, f"jobs-{secrets.token_hex(6)}"), away, back)


TESTED = Tested(
    Place({"queueName": "abc", "server": "127.0.0.1:9"}),
    server="demo_server",
    bench=demo_bench,
    variants=("",),
    place=_place,
    cut=_cut,
)
