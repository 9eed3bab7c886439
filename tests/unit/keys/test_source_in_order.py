"""A source that keeps the order of a key is asked for no more while a message of it waits."""

from __future__ import annotations

from datetime import timedelta

from ebb.core.message import Message
from ebb.execution.suspicion import NoSuspicion
from ebb.execution.turns import HandlerTurns
from ebb.sources.memory.source import MemorySource
from tests.executions import QUEUE, Execution
from tests.unit.keys.keyed_work import Work


class Crashed(NoSuspicion):
    """An execution ended without a word: what was received before is handled by itself."""

    async def crashed(self) -> bool:
        return True


class OneSession(MemorySource):
    """A source that keeps the order of a key, as a session of Service Bus does: who asks for more while it holds one
    message is taken to have done with it.
    """

    lease: timedelta | None = None
    held, asked_early = 0, 0

    async def receive(self, limit: int, lease: timedelta) -> list[Message]:
        self.asked_early += bool(self.held)
        received = await super().receive(1, lease)
        self.held += len(received)
        for message in received:
            message.key = "a"
        return received

    async def complete(self, message: Message) -> None:
        await super().complete(message)
        self.held -= 1


async def test_source_in_order_is_asked_for_no_more_while_a_message_waits_for_the_rate_of_its_key() -> None:
    source = {"type": "serviceBus", "queueName": "orders", "sessions": True}
    run = Work(Execution(source=source, perKey={"rate": "0.5/s"}))
    run.execution.source = sessions = OneSession(run.execution.broker, QUEUE)
    run.put("a1 a2 a3")
    running = run.execution.start(run.handle)
    await run.execution.clock.run(60)
    assert ((await running).processed, run.begun) == (3, [(0, "a1"), (2, "a2"), (4, "a3")])
    assert sessions.asked_early == 0


async def test_source_in_order_is_asked_for_no_more_while_a_suspected_message_waits_for_its_turn() -> None:
    source = {"type": "serviceBus", "queueName": "orders", "sessions": True}
    run = Work(Execution(source=source, perKey={}))
    run.execution.source = sessions = OneSession(run.execution.broker, QUEUE)
    run.put("a1 a2")
    turns = HandlerTurns()
    for stored in run.execution.queue.messages.values():
        stored.dequeue_count = 1
    assert turns.enter(alone=False, wake=lambda: None), "another execution of this process has a handler at work"
    running = run.execution.start(run.handle, turns=turns, suspicion=Crashed())
    await run.execution.clock.run(5)
    assert run.begun == []
    turns.leave(alone=False)
    await run.execution.clock.run(60)
    assert ((await running).processed, run.names) == (2, ["a1", "a2"])
    assert sessions.asked_early == 0
