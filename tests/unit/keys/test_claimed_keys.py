"""Keys that executions claim from each other: one at a time has a key, also while the store is away."""

from __future__ import annotations

from datetime import timedelta

from ebb.core.key_claim import CLAIM_LASTS
from ebb.core.remarks import keys_scope
from tests.executions import assert_adds_up
from tests.unit.keys.keyed_work import BEGIN, SKEW, work


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
