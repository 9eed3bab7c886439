"""Looking makes nothing, on real storage: plan, health check, what is left after a cycle. Only its opening may."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from azure.storage.queue import QueueServiceClient

from ebb.control.health import check_all
from ebb.control.opening import open_cycle
from ebb.control.plan_preview import plan_under
from ebb.core.cycle import CycleState
from ebb.core.row.schedule_row import Intent, ScheduleRow
from ebb.core.settings.schedules import Schedules
from ebb.services import Services
from ebb.sources.combined import measure_all
from ebb.store.memory import MemoryStore
from tests.azurite import Azurite


@dataclass
class Ground:
    """A schedule that runs, on a queue that is missing and that the settings would have made."""

    name: str
    services: Services
    queues: QueueServiceClient

    @property
    def made(self) -> list[str]:
        return [str(queue.name) for queue in self.queues.list_queues(name_starts_with=self.name)]


@pytest.fixture
def ground(azurite: Azurite) -> Iterator[Ground]:
    name = f"plan{uuid.uuid4().hex[:12]}"
    source = {"type": "storageQueue", "queueName": name, "createQueue": True, "messageEncoding": "none"}
    schedules = Schedules({"job": {"source": source, "handler": "handlers.noop:handle"}})
    environment = {"AzureWebJobsStorage": azurite.connection_string}
    with QueueServiceClient.from_connection_string(azurite.connection_string) as queues:
        yield Ground(name, Services(schedules, MemoryStore(), environment=environment), queues)


async def test_plan_does_not_make_the_queue_that_a_cycle_would_make(ground: Ground) -> None:
    plan = await plan_under(ground.services, ScheduleRow("job"), CycleState("job"))
    assert (plan.backlog and plan.backlog.count, plan.decision.executions) == (0, 0)
    assert ground.made == []
    ground.queues.create_queue(ground.name).send_message("1")
    plan = await plan_under(ground.services, ScheduleRow("job"), CycleState("job"))
    assert (plan.backlog and plan.backlog.count, plan.decision.executions) == (1, 1)


async def test_anonymous_health_check_makes_no_queue_and_finds_the_schedule_well(ground: Ground) -> None:
    await ground.services.store.save(ScheduleRow("job", Intent.RUNNING))
    assert [check.healthy for check in await check_all(ground.services)] == [True, True]
    assert ground.made == []


async def test_count_of_what_is_left_after_a_cycle_makes_no_queue(ground: Ground) -> None:
    counts = await measure_all(ground.services.schedules["job"], ground.services.source)
    assert [(count.messages, count.error) for count in counts] == [(0, None)]
    assert ground.made == []


async def test_opening_of_a_cycle_makes_the_queue(ground: Ground) -> None:
    await ground.services.store.save(ScheduleRow("job", Intent.RUNNING))
    opening = await open_cycle(ground.services, CycleState("job", owner="hub/ebb-job/1"))
    assert (opening.error, opening.backlog and opening.backlog.count) == (None, 0)
    assert ground.made == [ground.name]
