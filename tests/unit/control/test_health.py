"""What the health check says, to people and to a platform's probes."""

from dataclasses import replace

from ebb.control.health import check_all
from ebb.core.contract.store import Store
from ebb.core.errors import SourceNotFoundError, StoreUnavailableError
from ebb.core.row.schedule_row import Intent, ScheduleRow
from ebb.core.settings.schedules import load_schedules
from ebb.services import Services
from ebb.store.memory import MemoryStore

SCHEDULES = """
schedules:
  jobs:
    source: {type: storageQueue, queueName: gone, connection: Elsewhere}
    handler: handlers.noop:handle
"""


def missing(*_: object, **__: object):
    raise SourceNotFoundError("queue gone does not exist")


def services_with(store: Store) -> Services:
    return Services(load_schedules(SCHEDULES, "schedules.yaml", {}), store, environment={}, open_source=missing)


async def running_store() -> MemoryStore:
    store = MemoryStore()
    await store.save(replace(await store.get("jobs"), intent=Intent.RUNNING))
    return store


async def test_people_see_the_source_that_is_missing():
    checks = await check_all(services_with(await running_store()))
    assert [(check.name, check.healthy) for check in checks] == [("store", True), ("source of jobs", False)]


async def test_probe_of_the_host_leaves_the_sources_out():
    checks = await check_all(services_with(await running_store()), with_sources=False)
    assert [check.to_document() for check in checks] == [{"name": "store", "healthy": True, "detail": None}]


async def test_probe_of_the_host_sees_a_store_that_is_away():
    class Away(MemoryStore):
        async def rows(self) -> dict[str, ScheduleRow]:
            raise StoreUnavailableError("no answer from the table service")

    (check,) = await check_all(services_with(Away()), with_sources=False)
    assert (check.healthy, check.detail) == (False, "no answer from the table service")
