"""How fast each kind of source is drained by Ebb's execution loop, beside a bare loop of its SDK.

    .venv/bin/python -m bench.sources [--only kafka,sqs] [--rounds 5] [--check]

Both run in this process, in turns, against the server of the tests: rates are those of these servers on this machine,
the ratio is what counts. A bare loop receives, does nothing, and settles each message; it counts no tries, renews no
leases and keeps nothing of what failed. See bench/README.md.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bench.sources_bare import (
    bare_blob,
    bare_event_hub,
    bare_kafka,
    bare_rabbit_mq,
    bare_service_bus,
    bare_sqs,
    bare_storage_queue,
)
from ebb.cli.operate.producer import put_all, unix_times
from ebb.core.clock import SystemClock
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.validation import validate_settings
from ebb.execution.execution import run_execution
from ebb.sources.registry import open_feed, open_source
from handlers.noop import handle
from tests.azurite import Azurite, accepts, free_ports
from tests.emulators.amqp.server import KEY, KEY_NAME
from tests.kafka import Kafka
from tests.moto import SETTINGS, Moto
from tests.rabbit import Rabbit

GOAL = 0.85  # of the bare loop's rate
PLACES = 100  # queues and hubs that the emulator has: two for each round
Bare = Callable[[Mapping[str, Any], Mapping[str, str], int], Awaitable[int]]


@dataclass(frozen=True)
class Ground:
    """One kind on its server: the settings of a source of this name, and the app settings."""

    server: Callable[[], Any]
    source: Callable[[Any, str], dict[str, Any]]
    environment: Callable[[Any], dict[str, str]]
    bare: Bare
    count: int  # messages a round


def _storage(azurite: Azurite) -> dict[str, str]:
    return {"AzureWebJobsStorage": azurite.connection_string}


def _kafka(kafka: Kafka, name: str) -> dict[str, Any]:
    about = {"bootstrapServers": kafka.servers, "offsetResetPolicy": "earliest"}
    return {"type": "kafka", "topic": name, "consumerGroup": name, **about}


class Namespace(contextlib.ExitStack):
    """The emulator of Service Bus and Event Hubs as a process of its own, and an Azurite for checkpoints.

    In a thread of this process it would wait for Python's lock, and be measured with it.
    """

    def __init__(self, partitions: int = 1) -> None:
        """`partitions` of each hub."""
        super().__init__()
        self._partitions = partitions

    def __enter__(self) -> Namespace:
        self._places = iter(range(PLACES))
        amqp, http = free_ports(2)
        queues = [f"--queue=bench-{number}" for number in range(PLACES)]
        hubs = [f"--hub=bench-hub-{number}:{self._partitions}" for number in range(PLACES)]
        command = [sys.executable, "-m", "tests.emulators.amqp.server", f"--amqp={amqp}", f"--http={http}"]
        process = subprocess.Popen([*command, *queues, *hubs], stdout=subprocess.DEVNULL)
        self.callback(process.wait)
        self.callback(process.terminate)
        while not (accepts(amqp) and accepts(http)):
            if process.poll() is not None:
                raise RuntimeError("the emulator did not start")
            time.sleep(0.05)
        self._management = f"http://127.0.0.1:{http}"
        text = f"Endpoint=sb://127.0.0.1:{amqp};SharedAccessKeyName={KEY_NAME};SharedAccessKey={KEY}"
        text += ";UseDevelopmentEmulator=true"
        storage = _storage(self.enter_context(Azurite()))
        self.environment = {**storage, "AzureWebJobsServiceBus": text, "AzureWebJobsEventHub": text}
        return self

    def queue(self, _: str) -> dict[str, Any]:
        """A source on a queue that was not used yet."""
        name = f"bench-{next(self._places)}"
        return {"type": "serviceBus", "queueName": name, "managementEndpoint": self._management}

    def hub(self, name: str) -> dict[str, Any]:
        """A source on a hub that was not used yet."""
        return {"type": "eventHub", "eventHubName": f"bench-hub-{next(self._places)}", "blobContainer": name}


GROUNDS = {
    "blob": Ground(Azurite, lambda _, name: {"type": "blob", "containerName": name}, _storage, bare_blob, 200),
    "eventHub": Ground(Namespace, Namespace.hub, lambda server: server.environment, bare_event_hub, 2000),
    "kafka": Ground(Kafka, _kafka, lambda _: {}, bare_kafka, 5000),
    "rabbitMQ": Ground(
        Rabbit,
        lambda _, name: {"type": "rabbitMQ", "queueName": name},
        lambda rabbit: {"RabbitMQConnection": rabbit.url},
        bare_rabbit_mq,
        2000,
    ),
    "serviceBus": Ground(Namespace, Namespace.queue, lambda server: server.environment, bare_service_bus, 2000),
    "sqs": Ground(
        Moto,
        lambda moto, name: {"type": "sqs", "queueName": name, "endpoint": moto.url, "waitTime": 0},
        lambda _: dict(SETTINGS),
        bare_sqs,
        200,
    ),
    "storageQueue": Ground(
        Azurite,
        lambda _, name: {"type": "storageQueue", "queueName": name, "messageEncoding": "none"},
        _storage,
        bare_storage_queue,
        300,
    ),
}


def made_settings(ground: Ground, server: Any, **more: Any) -> tuple[ScheduleSettings, dict[str, str]]:
    """Settings of a new place, and its app settings; `more` are those of the schedule."""
    given = {"source": ground.source(server, f"bench-{secrets.token_hex(5)}"), "handler": "handlers.noop:handle"}
    return validate_settings({**given, "batchSize": 32, "concurrency": 16, **more}), ground.environment(server)


async def filled(ground: Ground, server: Any) -> tuple[ScheduleSettings, dict[str, str]]:
    """Settings of a new place with `ground.count` messages in it."""
    settings, environment = made_settings(ground, server)
    feed = open_feed(settings, environment)
    assert feed is not None
    await put_all(feed, unix_times(ground.count))
    await feed.close()
    return settings, environment


async def ebb(settings: ScheduleSettings, environment: Mapping[str, str]) -> int:
    """Messages that one execution of Ebb handles."""

    async def go_on() -> None:
        return None

    source = open_source(settings, environment)
    report = await run_execution(source, handle, settings, reason_to_stop=go_on, clock=SystemClock())
    await source.close()
    return report.processed


async def one_round(ground: Ground, server: Any, worker: str) -> float:
    """Messages per second of `worker`, from its first call to its last.

    Raises:
        RuntimeError: it did not handle all of them.
    """
    settings, environment = await filled(ground, server)
    began = time.perf_counter()
    if worker == "ebb":
        done = await ebb(settings, environment)
    else:
        assert settings.source is not None
        done = await ground.bare(settings.source.model_dump(by_alias=True), environment, ground.count)
    seconds = time.perf_counter() - began
    if done < ground.count:  # more: a put that was tried again
        raise RuntimeError(f"{worker} handled {done} of {ground.count}")
    return ground.count / seconds


def measure(kind: str, rounds: int) -> Iterator[tuple[float, float]]:
    """Rates of the bare loop and of Ebb, round by round; the first one warms up and is left out."""
    ground = GROUNDS[kind]
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(ground.server())
        for number in range(rounds + 1):
            order = ("bare", "ebb") if number % 2 else ("ebb", "bare")
            rates = {worker: asyncio.run(one_round(ground, server, worker)) for worker in order}
            if number:
                yield rates["bare"], rates["ebb"]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(GROUNDS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--check", action="store_true", help=f"exit status 1 if a ratio is below {GOAL}")
    arguments = parser.parse_args()
    kinds = arguments.only.split(",")
    if unknown := set(kinds) - GROUNDS.keys():
        parser.error(f"no such source: {', '.join(sorted(unknown))}")
    print("| source | bare SDK loop, msg/s | Ebb, msg/s | ratio, median (range) |")
    print("|---|---|---|---|")
    below: list[str] = []
    for kind in kinds:
        pairs = list(measure(kind, arguments.rounds))
        ratios = [own / bare for bare, own in pairs]
        bare, own = (statistics.median(rates) for rates in zip(*pairs, strict=True))
        ratio = statistics.median(ratios)
        below += [f"{kind} {ratio:.2f}"] if ratio < GOAL else []
        print(
            f"| `{kind}` | {bare:.0f} | {own:.0f} | {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f}) |", flush=True
        )
    if arguments.check and below:
        sys.exit(f"below {GOAL}: {', '.join(below)}")


if __name__ == "__main__":
    main()
