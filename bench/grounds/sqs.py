"""Queues of SQS, on moto."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench.grounds.ground import AT_ONCE, Ground
from tests.moto import SETTINGS, Moto


async def bare(source: Mapping[str, Any], environment: Mapping[str, str], count: int) -> int:
    """boto3 in threads: receives of ten, 16 deletes at once."""
    import boto3

    client = boto3.client(
        "sqs",
        endpoint_url=source["endpoint"],
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )
    url = client.get_queue_url(QueueName=source["queueName"])["QueueUrl"]

    def delete(message: Mapping[str, Any]) -> None:
        client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def drain() -> int:
        done = 0
        with ThreadPoolExecutor(AT_ONCE) as threads:
            while page := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
                list(threads.map(delete, page))
                done += len(page)
        return done

    return await asyncio.to_thread(drain)


GROUND = Ground(
    Moto,
    lambda moto, name: {"type": "sqs", "queueName": name, "endpoint": moto.url, "waitTime": 0},
    lambda _: dict(SETTINGS),
    bare,
    200,
    may_repeat=True,  # as SQS may
)
