"""Effects that happen once: the decision, and claims in a store on a clock that the test moves."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from ebb import Message, PoisonMessage, RetryAfter
from ebb.core.errors import HandlerError, StoreUnavailableError
from ebb.core.once import EFFECT_CLAIM_LASTS, Claim, ClaimState, claim_state
from ebb.core.remarks import once_scope
from ebb.execution.effects import Effects
from ebb.store.memory import MemoryStore
from tests.clocks import SteppedClock, settle

SKEW = timedelta(seconds=2)


class Ground:
    def __init__(self) -> None:
        self.clock, self.store = SteppedClock(), MemoryStore()
        self.done = list[str]()

    def message(self) -> Message:
        """The message as one try of it gets it; each try is another process."""
        return Message("7", b"", effects=Effects(self.store, "s", self.clock, SKEW))

    async def attempt(self, unsure: str = "again") -> bool:
        async with self.message().once("charge", unsure=unsure) as first:
            if first:
                self.done.append("charge")
        return first

    async def die_in_the_middle(self) -> None:
        """A process that claims, has its effect, and ends without a word."""
        begun = self.message().once("charge")
        await begun.__aenter__()
        self.done.append("charge")
        begun._renewing.cancel()


@pytest.fixture
def ground() -> Ground:
    return Ground()


def test_what_a_claim_means() -> None:
    now = SteppedClock().now()
    assert claim_state(None, now, SKEW) is ClaimState.FREE
    assert claim_state(Claim("a", now, done=True), now + timedelta(days=1), SKEW) is ClaimState.DONE
    assert claim_state(Claim("a", now), now + timedelta(seconds=1), SKEW) is ClaimState.BUSY
    assert claim_state(Claim("a", now), now + SKEW, SKEW) is ClaimState.UNKNOWN
    assert claim_state(Claim("", now), now, SKEW) is ClaimState.FREE
    assert Claim.from_remark(Claim("a", now, True).to_remark()) == Claim("a", now, True)


async def test_second_try_skips_what_is_done(ground: Ground) -> None:
    assert [await ground.attempt(), await ground.attempt(), await ground.attempt()] == [True, False, False]
    assert ground.done == ["charge"]


async def test_effect_that_raised_is_tried_again(ground: Ground) -> None:
    async def fail() -> None:
        async with ground.message().once("charge") as first:
            assert first
            raise ValueError("no money")

    with pytest.raises(ValueError, match="no money"):
        await fail()
    assert await ground.attempt()


@pytest.mark.parametrize(("unsure", "again"), [("again", True), ("skip", False)])
async def test_effect_that_was_cancelled_may_have_happened(ground: Ground, unsure: str, again: bool) -> None:
    async def work() -> None:
        async with ground.message().once("charge"):
            ground.done.append("charge")
            await asyncio.Event().wait()

    working = asyncio.create_task(work())
    await settle()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    with pytest.raises(PoisonMessage, match="not known whether 7/charge happened"):
        await ground.attempt("poison")
    assert await ground.attempt(unsure) is again


async def test_two_tries_at_once_have_it_once(ground: Ground) -> None:
    async with ground.message().once("charge") as first:
        assert first
        with pytest.raises(RetryAfter) as caught:
            await ground.attempt()
        assert caught.value.seconds == EFFECT_CLAIM_LASTS.total_seconds() + SKEW.total_seconds() + 1
    assert not await ground.attempt()


async def test_claim_is_renewed_while_the_effect_works(ground: Ground) -> None:
    async with ground.message().once("charge"):
        for _ in range(10):
            await ground.clock.run(20)
            with pytest.raises(RetryAfter):
                await ground.attempt()
    assert not await ground.attempt()


class Lossy(MemoryStore):
    """A store that does what it is asked, and whose next answer is lost."""

    def __init__(self) -> None:
        super().__init__()
        self.loses: str | None = None  # slow: the answer never comes; away: an error comes instead

    async def swap_remark(self, *asked: Any) -> str:
        etag = await super().swap_remark(*asked)
        how, self.loses = self.loses, None
        if how == "slow":
            await asyncio.Event().wait()
        elif how == "away":
            raise StoreUnavailableError("the answer was lost")
        return etag


@pytest.mark.parametrize("how", ["slow", "away"])
async def test_renewal_whose_answer_was_lost_does_not_take_the_claim_from_its_owner(how: str) -> None:
    ground = Ground()
    ground.store = lossy = Lossy()
    async with ground.message().once("charge") as first:
        assert first
        lossy.loses = how
        await ground.clock.run(EFFECT_CLAIM_LASTS.total_seconds() / 3 + 1)  # a renewal is out, or was answered so
        assert lossy.loses is None
    assert not await ground.attempt(), "it is done"


async def test_process_that_died_in_the_middle_leaves_it_unknown(ground: Ground) -> None:
    await ground.die_in_the_middle()
    with pytest.raises(RetryAfter):
        await ground.attempt("poison")
    ground.clock.step(33)
    with pytest.raises(PoisonMessage, match="7/charge happened: a process ended in the middle of it"):
        await ground.attempt("poison")
    assert not await ground.attempt("skip")
    assert not await ground.attempt("again"), "who skipped it has settled it"
    assert ground.done == ["charge"]


async def test_again_may_do_it_twice_and_says_so_in_the_docs(ground: Ground) -> None:
    await ground.die_in_the_middle()
    ground.clock.step(33)
    assert await ground.attempt("again")
    assert ground.done == ["charge", "charge"]


async def test_process_that_stood_still_learns_that_another_took_the_claim(ground: Ground) -> None:
    sleeper = ground.message().once("charge")
    assert await sleeper.__aenter__()
    ground.clock.step(100)  # without a turn of the event loop: nothing was renewed
    assert await ground.attempt("again")
    with pytest.raises(HandlerError, match="it may have happened twice"):
        await sleeper.__aexit__(None, None, None)


async def test_messages_of_one_order_share_what_is_done_for_it(ground: Ground) -> None:
    effects = Effects(ground.store, "s", ground.clock, SKEW)
    answers = list[bool]()
    for number in ("1", "2"):
        async with Message(number, b"", effects=effects).once("charge", of="order-9") as first:
            answers.append(first)
    assert answers == [True, False]
    assert list(await ground.store.remarks(once_scope("s"))) == ["order-9/charge"]


async def test_plain_handler_claims_from_its_thread(ground: Ground) -> None:
    message, answers = ground.message(), list[bool]()

    def handler() -> None:
        with message.once("charge") as first:
            answers.append(first)

    await asyncio.to_thread(handler)
    await asyncio.to_thread(handler)
    assert answers == [True, False]
    with pytest.raises(HandlerError, match="async with"):
        message.once("other").__enter__()


def test_without_a_store_each_effect_is_the_first() -> None:
    with Message("1", b"").once("charge") as first:
        assert first
