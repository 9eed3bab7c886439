"""Executions on a source that knows keys itself: nothing is claimed."""

from __future__ import annotations

from datetime import timedelta

from ebb.core.message import Message
from ebb.core.settings.per_key import PerKeySettings
from ebb.sources.memory.source import MemorySource
from tests.executions import QUEUE, Execution
from tests.unit.keys.keyed_work import Work


def with_keys_of_its_source() -> Work:
    run = Work(Execution())
    run.execution.settings = run.execution.settings.model_copy(update={"per_key": PerKeySettings.model_validate({})})
    return run


async def test_source_that_knows_keys_needs_no_claims() -> None:
    class Keyed(MemorySource):
        async def receive(self, limit: int, lease: timedelta) -> list[Message]:
            found = await super().receive(limit, lease)
            for each in found:
                each.key = each.json()["name"][0]
            return found

    run = with_keys_of_its_source()
    run.execution.source = Keyed(run.execution.broker, QUEUE)
    run.put("a1 a2 b1")
    running = run.execution.start(run.handle)
    await run.execution.clock.run(10)
    assert (await running).processed == 3
    assert run.begun == [(0, "a1"), (0, "b1"), (1, "a2")]


async def test_source_that_holds_back_what_follows_is_asked_again_as_soon_as_that_may_come() -> None:
    class OneOut(MemorySource):
        """Gives a message once the one before is done."""

        async def receive(self, limit: int, lease: timedelta) -> list[Message]:
            if any(stored.visible_at > run.execution.clock.now() for stored in self._messages().values()):
                return []
            return await super().receive(1, lease)

    run = with_keys_of_its_source()
    run.execution.source = OneOut(run.execution.broker, QUEUE)
    run.put("a1 a2 a3 a4")
    running = run.execution.start(run.handle)
    await run.execution.clock.run(30)
    assert (await running).processed == 4
    assert [moment for moment, _ in run.begun] == [0, 1, 2, 3]
