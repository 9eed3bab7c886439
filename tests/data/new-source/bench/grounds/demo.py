"""Demo queues, on a server of this process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.grounds.ground import Ground
from ebb.sources.demo.source import SERVERS
from tests.kinds.demo import DemoServer


def _source(server: DemoServer, name: str) -> dict[str, Any]:
    return {"type": "demo", "queueName": name, "server": server.host}


async def bare(source: Mapping[str, Any], environment: Mapping[str, str], count: int) -> int:
    """There is no SDK: messages are taken out of the queue."""
    messages = SERVERS[source["server"]].queue(source["queueName"]).messages
    done = len(messages)
    messages.clear()
    return done


GROUND = Ground(DemoServer, _source, lambda _: {}, bare, 100)
