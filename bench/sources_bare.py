"""The bare loops of `bench/sources.py`: what a few lines with each SDK do. They settle each message, one by one."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

AT_ONCE = 16  # messages in hand
PAGE = 32


async def bare_storage_queue(source: Mapping[str, Any], environment: Mapping[str, str], count: int) -> int:
    """azure-storage-queue: pages of 32, 16 deletes at once."""
    from azure.storage.queue.aio import QueueClient

    done = 0
    connection = environment["AzureWebJobsStorage"]
    async with QueueClient.from_connection_string(connection, source["queueName"]) as client:
        while True:
            pages = client.receive_messages(messages_per_page=PAGE, visibility_timeout=60).by_page()
            found = await anext(pages, None)
            if found is None:
                return done
            page = [message async for message in found]
            await _each(page, client.delete_message)
            done += len(page)


async def bare_blob(source: Mapping[str, Any], environment: Mapping[str, str], count: int) -> int:
    """azure-storage-blob: lease, read and delete each blob of the listing, 16 at once."""
    from azure.storage.blob.aio import ContainerClient

    connection, names = environment["AzureWebJobsStorage"], list[str]()
    async with ContainerClient.from_connection_string(connection, source["containerName"]) as client:

        async def handle(name: str) -> None:
            blob = client.get_blob_client(name)
            lease = await blob.acquire_lease(60, lease_id=str(uuid.uuid4()))
            await (await blob.download_blob(lease=lease)).readall()
            await blob.delete_blob(lease=lease)

        names = [name async for name in client.list_blob_names()]
        await _each(names, handle)
    return len(names)


async def bare_sqs(source: Mapping[str, Any], environment: Mapping[str, str], count: int) -> int:
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


async def bare_rabbit_mq(source: Mapping[str, Any], environment: Mapping[str, str], count: int) -> int:
    """aio-pika: a consumer with a prefetch of 32 that acknowledges each message."""
    import aio_pika

    done, all_done = 0, asyncio.Event()
    connection = await aio_pika.connect(environment["RabbitMQConnection"])
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=PAGE)
    queue = await channel.get_queue(source["queueName"])

    async def handle(message: Any) -> None:
        nonlocal done
        await message.ack()
        done += 1
        if done == count:
            all_done.set()

    await queue.consume(handle)
    await all_done.wait()
    await connection.close()
    return done


async def bare_service_bus(source: Mapping[str, Any], environment: Mapping[str, str], count: int) -> int:
    """azure-servicebus: receives of up to 32, 16 completions at once, until a receive of a second is empty."""
    from azure.servicebus.aio import ServiceBusClient

    done = 0
    text = environment["AzureWebJobsServiceBus"]
    async with (
        ServiceBusClient.from_connection_string(text) as client,
        client.get_queue_receiver(source["queueName"]) as receiver,
    ):
        while page := await receiver.receive_messages(PAGE, max_wait_time=1):
            await _each(page, receiver.complete_message)
            done += len(page)
    return done


async def bare_event_hub(source: Mapping[str, Any], environment: Mapping[str, str], count: int) -> int:
    """azure-eventhub: the one partition, up to 32 events at a time, a checkpoint in a blob after each time."""
    from azure.eventhub.aio import EventHubConsumerClient
    from azure.eventhub.extensions.checkpointstoreblobaio import BlobCheckpointStore
    from azure.storage.blob.aio import ContainerClient

    done, all_done = 0, asyncio.Event()
    storage, container = environment["AzureWebJobsStorage"], f"{source['blobContainer']}-bare"
    async with ContainerClient.from_connection_string(storage, container) as made:
        await made.create_container()
    store = BlobCheckpointStore.from_connection_string(storage, container, api_version="2019-07-07")

    async def handle(context: Any, page: list[Any]) -> None:
        nonlocal done
        done += len(page)
        if page:
            await context.update_checkpoint(page[-1])
        if done >= count:
            all_done.set()

    async with store, EventHubConsumerClient.from_connection_string(
        environment["AzureWebJobsEventHub"],
        consumer_group=source["consumerGroup"],
        eventhub_name=source["eventHubName"],
        checkpoint_store=store,
    ) as client:  # fmt: skip
        reading = asyncio.create_task(
            client.receive_batch(handle, max_batch_size=PAGE, partition_id="0", starting_position="-1")
        )
        await all_done.wait()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    return done


async def bare_kafka(source: Mapping[str, Any], environment: Mapping[str, str], count: int) -> int:
    """confluent-kafka: the one partition, up to 32 messages at a time, a commit after each time."""
    from confluent_kafka import Consumer, TopicPartition

    def drain() -> int:
        consumer = Consumer(
            {
                "bootstrap.servers": source["bootstrapServers"],
                "group.id": source["consumerGroup"],
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 100,
            }
        )
        consumer.assign([TopicPartition(source["topic"], 0, 0)])
        done = 0
        while done < count:
            page = consumer.consume(PAGE, 0.05)
            done += len(page)
            if page:
                consumer.commit(offsets=[TopicPartition(source["topic"], 0, done)], asynchronous=False)
        consumer.close()
        return done

    return await asyncio.to_thread(drain)


async def _each(items: list[Any], act: Callable[[Any], Awaitable[Any]]) -> None:
    """Act on all, AT_ONCE at a time."""
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await act(item)

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
