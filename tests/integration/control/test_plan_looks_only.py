"""A plan counts what waits and makes nothing, on real storage."""

from __future__ import annotations

import uuid

from azure.storage.queue import QueueServiceClient

from ebb.control.plan_preview import plan_document
from ebb.core.cycle import CycleState
from ebb.core.row.schedule_row import ScheduleRow
from ebb.core.settings.schedules import Schedules
from ebb.services import Services
from ebb.store.memory import MemoryStore
from tests.azurite import Azurite


async def test_plan_does_not_make_the_queue_that_a_cycle_would_make(azurite: Azurite) -> None:
    name = f"plan{uuid.uuid4().hex[:12]}"
    source = {"type": "storageQueue", "queueName": name, "createQueue": True, "messageEncoding": "none"}
    schedules = Schedules({"job": {"source": source, "handler": "handlers.noop:handle"}})
    environment = {"AzureWebJobsStorage": azurite.connection_string}
    services = Services(schedules, MemoryStore(), environment=environment)
    with QueueServiceClient.from_connection_string(azurite.connection_string) as queues:
        document = await plan_document(services, ScheduleRow("job"), CycleState("job"))
        assert (document["backlog"]["count"], document["decision"]["executions"]) == (0, 0)
        assert [queue.name for queue in queues.list_queues(name_starts_with=name)] == []
        queues.create_queue(name).send_message("1")
        document = await plan_document(services, ScheduleRow("job"), CycleState("job"))
        assert (document["backlog"]["count"], document["decision"]["executions"]) == (1, 1)
