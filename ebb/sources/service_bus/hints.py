"""What will go wrong with an entity of Service Bus: rights that are missing, and messages that it moves by itself."""

from __future__ import annotations

from collections.abc import Iterator

from ebb.core.contract.source import SourceRequest
from ebb.core.settings.namespace_connection import resolve_namespace
from ebb.sources.hints import Hint
from ebb.sources.service_bus.entity import EntityProperties, NoRightError, read_entity
from ebb.sources.service_bus.receiving import Receiving
from ebb.sources.service_bus.settings import ServiceBusSettings


async def look(request: SourceRequest) -> list[Hint]:
    """One request, and a look at the first message: it needs the right to receive, and takes nothing.

    Raises:
        SourceError: the entity cannot be asked, or messages cannot be received.
    """
    source = request.settings.source
    assert isinstance(source, ServiceBusSettings)
    connection = resolve_namespace(source.connection, request.environment)
    receiving = Receiving(source, connection)
    try:
        if not source.sessions:  # who looks into a session holds it
            await receiving.browse(1)
        found = list(_moved(source, await read_entity(source, connection), request.settings.max_dequeue_count))
    except NoRightError as error:
        found = [
            Hint(
                "count-estimated",
                str(error),
                "the backlog is an estimate from a look at the first messages, and KEDA's scaler counts nothing",
                "add the claim Manage to the policy, or the role Azure Service Bus Data Owner",
            )
        ]
    finally:
        await receiving.close()
    return found


def _moved(source: ServiceBusSettings, entity: EntityProperties, tries: int) -> Iterator[Hint]:
    if entity.max_delivery <= tries:
        yield Hint(
            "moved-without-reason",
            f"MaxDeliveryCount of {source.what} is {entity.max_delivery}, maxDequeueCount is {tries}",
            "Service Bus moves messages to the dead letters before Ebb does, and Ebb's reason does not go with them",
            f"set MaxDeliveryCount to {tries + 1} or more, or lower maxDequeueCount",
        )
