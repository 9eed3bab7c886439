"""Queues of SQS under test, on moto."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from ebb.core.clock import SystemClock
from ebb.core.contract.source import QueueSource
from ebb.sources.registry import KINDS
from ebb.sources.sqs.queue import SqsQueue
from ebb.sources.sqs.settings import SqsSettings
from ebb.sources.sqs.source import SqsSource, client_for
from ebb.sources.storage_queue.text import Encoding, decode_body, encode_body
from tests.kinds.bench import Bench
from tests.kinds.tested import Cut, Place, Tested
from tests.moto import REGION, SETTINGS, Moto
from tests.outage import Outage


async def sqs_bench(moto: Moto, encoding: Encoding) -> AsyncIterator[Bench]:
    name = f"contract-{secrets.token_hex(6)}"
    given = {"type": "sqs", "messageEncoding": encoding, "waitTime": 0, "endpoint": moto.url, "region": REGION}
    client = client_for(SqsSettings.model_validate({**given, "queueName": name}), SETTINGS, SystemClock())
    queue, poison = SqsQueue(client, name, create=True), SqsQueue(client, f"{name}-poison", create=True)
    await queue.redrive()
    opened: list[SqsSource] = []

    def source(queue_name: str) -> QueueSource:
        settings = SqsSettings.model_validate({**given, "queueName": queue_name})
        opened.append(SqsSource(settings, client_for(settings, SETTINGS, SystemClock())))
        return opened[-1]

    async def put(body: bytes) -> object:
        return await queue.send(encode_body(body, encoding), {})

    async def poisoned() -> list[tuple[bytes, str]]:
        found = await poison.receive(32, 2, 0)
        return [
            (decode_body(each["Body"], encoding), each["MessageAttributes"]["ebb-reason"]["StringValue"])
            for each in found
        ]

    another = partial(source, name)
    absent = source(f"{name}-absent")  # in moto a look and a take are two steps, and receives meet between them
    yield Bench(another(), put, poisoned, asyncio.sleep, absent, another, KINDS["sqs"], 200, repeats=True)
    await asyncio.gather(client.close(), *(each.close() for each in opened))


@asynccontextmanager
async def _cut(moto: Moto) -> AsyncIterator[Cut]:
    async with Outage(moto.port) as way:
        source = {"queueName": f"jobs-{secrets.token_hex(6)}", "waitTime": 0}
        place = Place({**source, "endpoint": f"http://127.0.0.1:{way.port}"}, dict(SETTINGS))
        yield Cut(place, way.away, way.back)


TESTED = Tested(
    Place({"queueName": "abc", "endpoint": "http://127.0.0.1:9"}, dict(SETTINGS)),
    server="moto",
    bench=sqs_bench,
    variants=("none",),
    encodings=("base64",),
    place=lambda moto, name: Place({"queueName": name, "endpoint": moto.url, "waitTime": 0}, dict(SETTINGS)),
    cut=_cut,
)
