"""Queues of Service Bus, on the emulator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.grounds.ground import PAGE, Ground, for_each
from bench.grounds.namespace import Namespace


async def bare(source: Mapping[str, Any], environment: Mapping[str, str], count: int) -> int:
    """azure-servicebus: receives of up to 32, 16 completions at once, until a receive of a second is empty."""
    from azure.servicebus.aio import ServiceBusClient

    done = 0
    text = environment["AzureWebJobsServiceBus"]
    async with (
        ServiceBusClient.from_connection_string(text) as client,
        client.get_queue_receiver(source["queueName"]) as receiver,
    ):
        while page := await receiver.receive_messages(PAGE, max_wait_time=1):
            await for_each(page, receiver.complete_message)
            done += len(page)
    return done


GROUND = Ground(Namespace, Namespace.queue, lambda server: server.environment, bare, 2000)
