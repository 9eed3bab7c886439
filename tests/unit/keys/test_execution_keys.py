"""Executions whose schedule has `perKey`: what handlers meet, on a clock that the test moves."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from ebb.core.errors import StoreUnavailableError
from ebb.core.key_claim import CLAIM_LASTS, PARKED_FOR, KeyClaim
from ebb.core.message import Message
from ebb.core.remarks import Noted, keys_scope, parked_scope
from ebb.core.settings.per_key import PerKeySettings
from ebb.execution.key_claims import KeyClaims
from ebb.execution.suspicion import NoSuspicion
from ebb.execution.turns import Turns
from ebb.sources.memory.source import MemorySource
from ebb.store.memory import MemoryStore
from tests.executions import QUEUE, Execution, assert_adds_up

SKEW = timedelta(seconds=5)


class Store(MemoryStore):
    """A store that can be away."""

    away = False
    refuses_notes = False
    requests = 0

    async def remark(self, scope: str, key: str) -> Noted | None:
        self._ask()
        return await super().remark(scope, key)

    async def swap_remark(self, scope: str, key: str, at: datetime, remark: Any, etag: str | None) -> str:
        self._ask()
        return await super().swap_remark(scope, key, at, remark, etag)

    async def write_remark(self, scope: str, key: str, at: datetime, remark: Any) -> None:
        self._ask()
        if self.refuses_notes:
            raise StoreUnavailableError("away")
        await super().write_remark(scope, key, at, remark)

    def _ask(self) -> None:
        self.requests += 1
        if self.away:
            raise StoreUnavailableError("away")


@dataclass
class Work:
    """One or several executions on one queue and one store, and what their handlers met."""

    execution: Execution
    seconds: float = 1.0
    store: Store = field(default_factory=Store)
    begun: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])  # seconds, name
    at_once: Counter[str] = field(default_factory=Counter[str])
    most: Counter[str] = field(default_factory=Counter[str])
    failing: dict[str, int] = field(default_factory=dict[str, int])  # how often a message fails
    tries: dict[str, list[int]] = field(default_factory=dict[str, list[int]])

    def put(self, names: str) -> None:
        """Messages such as "a1 b1": the letter is the key; "-1" has none."""
        for name in names.split():
            body = {"name": name} if name[0] == "-" else {"name": name, "customer": name[0]}
            self.execution.put(json.dumps(body))

    async def handle(self, message: Message) -> None:
        name, key = str(message.json()["name"]), message.key or ""
        self.begun.append((self.now, name))
        self.tries.setdefault(name, []).append(message.dequeue_count)
        self.at_once[key] += 1
        self.most[key] = max(self.most[key], self.at_once[key])
        try:
            await self.execution.clock.sleep(self.seconds)
        finally:
            self.at_once[key] -= 1
        if len(self.tries[name]) <= self.failing.get(name, 0):
            raise RuntimeError("not yet")

    @property
    def now(self) -> float:
        return (self.execution.clock.now() - BEGIN).total_seconds()

    @property
    def names(self) -> list[str]:
        return [name for _, name in self.begun]

    def claims(self, holder: str = "me", rate: float | None = None) -> KeyClaims:
        return KeyClaims(self.store, "s", holder, rate, self.execution.clock, SKEW)

    async def claim_of(self, key: str) -> KeyClaim | None:
        noted = await self.store.remark(keys_scope("s"), key)
        return KeyClaim.from_remark(noted.remark) if noted else None


BEGIN = Execution().clock.now()


def work(per_key: dict[str, Any] | None = None, seconds: float = 1.0, **settings: Any) -> Work:
    return Work(Execution(perKey={"key": "customer", **(per_key or {})}, **settings), seconds)


async def test_one_message_of_a_key_at_once_in_their_order_beside_other_keys() -> None:
    run = work()
    run.put("a1 a2 b1 a3 -1 -2")
    running = run.execution.start(run.handle)
    await run.execution.clock.run(2.5)
    assert run.begun == [(0, "a1"), (0, "b1"), (0, "-1"), (0, "-2"), (1, "a2"), (2, "a3")]
    await run.execution.clock.run(60)
    report = await running
    assert (report.processed, report.parked, run.most["a"]) == (6, 0, 1)
    assert_adds_up(report)


async def test_concurrency_and_rate_of_a_key() -> None:
    run = work({"concurrency": 2, "rate": "1/s"}, seconds=5)
    run.put("a1 a2 a3 b1")
    running = run.execution.start(run.handle)
    await run.execution.clock.run(60)
    assert run.begun == [(0, "a1"), (0, "b1"), (1, "a2"), (5, "a3")]
    assert (await running).processed == 4


async def test_flood_of_one_key_does_not_hold_up_another_in_hand() -> None:
    run = work({"concurrency": 4}, concurrency=4, batchSize=32)
    run.put(" ".join([*(f"f{number}" for number in range(20)), "a1"]))
    running = run.execution.start(run.handle)
    await run.execution.clock.run(200)
    assert run.names.index("a1") <= 6
    assert (await running).processed == 21


async def test_weights_share_the_handlers() -> None:
    run = work({"weights": {"v": 3}, "concurrency": 2}, concurrency=2, batchSize=32, executionSlice=120)
    run.put(" ".join(f"a{number} v{number}" for number in range(20)))
    running = run.execution.start(run.handle)
    for _ in range(60):
        await run.execution.clock.run(5)
    assert (await running).processed == 40
    first = Counter(name[0] for name in run.names[:24])
    assert first["v"] >= 14, first


async def test_keys_are_claimed_and_let_go() -> None:
    run = work()
    run.put("a1 b1")
    running = run.execution.start(run.handle, claims=run.claims())
    await run.execution.clock.run(0.5)
    assert run.names == ["a1", "b1"]
    claim = await run.claim_of("a")
    assert claim is not None
    assert claim.by == "me"
    await run.execution.clock.run(20)
    assert (await running).processed == 2
    assert await run.store.remarks(keys_scope("s")) == {}, "keys come and go: nothing is kept of those that are idle"


async def test_key_that_is_let_go_before_its_rate_allows_another_message_is_kept_until_then() -> None:
    run = work({"rate": "1/min"})
    run.put("a1")
    running = run.execution.start(run.handle, claims=run.claims(rate=1 / 60))
    await run.execution.clock.run(20)
    assert (await running).processed == 1
    claim = await run.claim_of("a")
    assert claim is not None
    assert (claim.by, claim.due) == ("", BEGIN + timedelta(seconds=60))


async def test_claim_is_renewed_while_a_handler_works() -> None:
    run = work(seconds=100, executionSlice=10)
    run.put("a1 a2")
    running = run.execution.start(run.handle, claims=run.claims())
    for _ in range(9):
        await run.execution.clock.run(10)
        claim = await run.claim_of("a")
        assert claim is not None
        assert (claim.by, claim.until > run.execution.clock.now()) == ("me", True)
    await run.execution.clock.run(60)
    report = await running
    assert (report.processed, report.parked) == (1, 1)


async def test_key_of_another_execution_is_parked_and_parking_is_no_try() -> None:
    run = work(maxDequeueCount=3, executionSlice=300, pollingInterval=1)
    other = run.claims("other")
    assert await other.take("a") is not None
    run.put("a1")
    run.failing["a1"] = 2
    began = run.execution.clock.now()
    for wait in (1, 2, 4, 8, 10, 10, 10, 10):  # received eight times, and never begun
        running = run.execution.start(run.handle, claims=run.claims())
        await run.execution.clock.run(1)
        report = await running
        assert (report.ended, report.received, report.parked) == ("empty", 0, 1)
        assert report.next_try == run.execution.clock.now() + timedelta(seconds=wait - 1)
        assert report.parked_now(run.execution.clock.now()) == ((1, began) if wait > 1 else (0, None))
        assert report.parked_now(run.execution.clock.now() + PARKED_FOR) == (0, None)
        await other.renew("a", None)
        await run.execution.clock.run(PARKED_FOR.total_seconds())
    assert run.names == []
    await other.let_go({"a": None})
    for _ in range(3):
        running = run.execution.start(run.handle, claims=run.claims())
        await run.execution.clock.run(3)
        await running
        await run.execution.clock.run(60)
    assert run.tries == {"a1": [1, 2, 3]}
    assert (run.execution.queue.poisoned, run.execution.queue.messages) == ([], {})


class Copying(MemorySource):
    """A source that puts a copy in the place of a message that is given back, with the count that the message says."""

    async def release(self, message: Message, delay: timedelta = timedelta()) -> None:
        await super().release(message, delay)
        self._messages()[message.id].dequeue_count = message.dequeue_count


@pytest.mark.parametrize("kind", [MemorySource, Copying])
async def test_message_that_fails_for_good_is_poison_after_its_tries_although_it_was_parked(
    kind: type[MemorySource],
) -> None:
    run = work(maxDequeueCount=2, executionSlice=300)
    run.execution.source = kind(run.execution.broker, QUEUE)
    other = run.claims("other")
    assert await other.take("a") is not None
    run.put("a1")
    run.failing["a1"] = 9
    running = run.execution.start(run.handle, claims=run.claims())
    await run.execution.clock.run(12)
    assert (await running).parked == 1
    await other.let_go({"a": None})
    for _ in range(2):
        running = run.execution.start(run.handle, claims=run.claims())
        await run.execution.clock.run(3)
        await running
        await run.execution.clock.run(60)
    assert run.tries == {"a1": [1, 2]}
    assert [each.reason for each in run.execution.queue.poisoned] == [
        "failed 2 times (maxDequeueCount 2), at last with RuntimeError: not yet"
    ]


async def test_key_of_a_dead_execution_is_free_once_its_claim_has_ended() -> None:
    run = work({"rate": "0.1/s"}, executionSlice=300)
    assert await run.claims("dead", 0.1).take("a") is not None
    run.put("a1 b1")
    begun: list[float] = []
    for _ in range(12):
        running = run.execution.start(run.handle, claims=run.claims("me", 0.1))
        await run.execution.clock.run(15)
        running.cancel()
        begun = [moment for moment, name in run.begun if name == "a1"]
        if begun:
            break
    end = CLAIM_LASTS.total_seconds()
    assert begun[0] >= end + SKEW.total_seconds()
    assert begun[0] >= end + 10  # as if the dead one had begun a message at the end of its claim


async def test_rate_is_kept_from_one_execution_to_the_next() -> None:
    run = work({"rate": "0.1/s"}, seconds=0.1)
    run.put("a1")
    running = run.execution.start(run.handle, claims=run.claims("one", 0.1))
    await run.execution.clock.run(5)
    await running
    run.put("a2")
    running = run.execution.start(run.handle, claims=run.claims("two", 0.1))
    await run.execution.clock.run(20)
    await running
    assert run.begun == [(0, "a1"), (10, "a2")]


async def test_more_of_a_key_than_begins_soon_is_parked_so_that_others_come_through() -> None:
    run = work(seconds=20, concurrency=4, batchSize=4, executionSlice=300, replicaTimeout=1200, handlerTimeout=600)
    run.put(" ".join([*(f"f{number}" for number in range(40)), "a1", "b1"]))
    running = run.execution.start(run.handle, claims=run.claims())
    for _ in range(40):
        await run.execution.clock.run(0.5)
    assert run.names[0] == "f0"
    assert {"a1", "b1"} < set(run.names), "both stood behind forty messages of 20 s each"
    running.cancel()


async def test_while_the_store_is_away_nothing_of_an_unclaimed_key_begins_and_nothing_is_lost() -> None:
    run = work(executionSlice=300, maxDequeueCount=2)
    run.store.away = True
    run.put("a1 -1")
    running = run.execution.start(run.handle, claims=run.claims())
    await run.execution.clock.run(30)
    assert (run.names, running.done()) == (["-1"], False)
    run.store.away = False
    await run.execution.clock.run(10)
    assert run.names == ["-1", "a1"]
    await run.execution.clock.run(10)
    assert (await running).processed == 2


async def test_parkings_are_counted_too_of_a_message_that_could_not_be_parked_once_more() -> None:
    run = work(maxDequeueCount=3, executionSlice=300)
    other = run.claims("other")
    assert await other.take("a") is not None
    run.put("a1")
    run.failing["a1"] = 2
    for _ in range(4):
        running = run.execution.start(run.handle, claims=run.claims())
        await run.execution.clock.run(1)
        assert (await running).parked == 1
        await run.execution.clock.run(10)
        await other.renew("a", None)
    run.store.refuses_notes = True
    running = run.execution.start(run.handle, claims=run.claims())
    await run.execution.clock.run(6)
    assert not running.done()
    run.store.refuses_notes = False
    await other.let_go({"a": None})
    await run.execution.clock.run(6)
    await running
    assert run.tries == {"a1": [1]}


async def test_claims_that_cannot_be_renewed_let_nothing_begin_beyond_their_end() -> None:
    run = work(seconds=8, executionSlice=300, replicaTimeout=600, visibilityTimeout=60)
    run.put("a1 a2 a3 a4 a5 a6")
    running = run.execution.start(run.handle, claims=run.claims())
    await run.execution.clock.run(1)
    run.store.away = True
    await run.execution.clock.run(100)
    assert [moment for moment, _ in run.begun] == [0, 8, 16, 24]
    run.store.away = False
    await run.execution.clock.run(100)
    assert run.names == ["a1", "a2", "a3", "a4", "a5", "a6"]
    assert (await running).processed == 6


async def test_two_executions_never_have_one_key_at_once() -> None:
    run = work(seconds=0.7, concurrency=4, batchSize=4, executionSlice=60, replicaTimeout=200, maxDequeueCount=3)
    run.put(" ".join(f"{key}{number}" for number in range(12) for key in "aaab"))
    for round_ in range(12):
        both = [run.execution.start(run.handle, claims=run.claims(f"{name}{round_}")) for name in ("one", "two")]
        await run.execution.clock.run(75)
        for each in both:
            assert_adds_up(await each)
    assert (run.most, run.execution.queue.messages) == ({"a": 1, "b": 1}, {})
    assert run.execution.queue.poisoned == []
    assert len(run.names) == 48


async def test_what_has_not_begun_is_parked_when_the_slice_is_over() -> None:
    run = work(seconds=30, executionSlice=10, concurrency=4)
    run.put("a1 a2 b1")
    running = run.execution.start(run.handle, claims=run.claims())
    await run.execution.clock.run(40)
    report = await running
    assert (report.ended, report.processed, report.parked) == ("slice", 2, 1)
    (noted,) = (await run.store.remarks(parked_scope("s"))).values()
    assert noted["times"] == 1


async def test_stop_gives_back_what_waits_for_its_key() -> None:
    run = work(seconds=30)
    run.put("a1 a2 a3")
    running = run.execution.start(run.handle)
    await run.execution.clock.run(1)
    run.execution.stop_reason = "stopped by a test"
    await run.execution.clock.run(40)
    report = await running
    assert (report.ended, report.processed, report.released) == ("stopped", 1, 2)
    assert run.execution.visible() == 2


async def test_without_per_key_the_store_is_not_asked() -> None:
    run = Work(Execution())
    run.put("a1 a2 b1")
    running = run.execution.start(run.handle)
    await run.execution.clock.run(10)
    assert (await running).processed == 3
    assert run.store.requests == 0


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


@pytest.mark.parametrize("batch", [2, 4])
async def test_batch_has_no_two_messages_of_a_key(batch: int) -> None:
    batches: list[list[str]] = []

    async def handle(messages: list[Message]) -> None:
        batches.append([str(message.json()["name"]) for message in messages])

    run = work(batch={"size": batch, "wait": 1})
    run.put("a1 a2 b1 c1 b2")
    running = run.execution.start(cast("Any", handle))
    await run.execution.clock.run(30)
    assert (await running).processed == 5
    assert all(len({name[0] for name in names}) == len(names) for names in batches)
    assert [name for names in batches for name in names if name[0] == "a"] == ["a1", "a2"]


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
    turns = Turns()
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
