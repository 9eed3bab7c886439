"""The two ends of the pipe over which a child process asks for its effects, put together without a process."""

from __future__ import annotations

import asyncio
import pickle
from datetime import timedelta
from typing import Any

import pytest

from ebb import PoisonMessage, RetryAfter
from ebb.core.errors import StoreUnavailableError
from ebb.core.message import Unsure
from ebb.core.once import EFFECT_CLAIM_LASTS
from ebb.execution.effects import Effects
from ebb.handlers.isolated_effects import AskedEffects, HeldEffects, Left, Reply, Want
from ebb.store.memory import MemoryStore
from tests.clocks import SteppedClock, settle

SKEW = timedelta(seconds=2)


class Pipe:
    """A child's end and a parent's; what goes through it is pickled, as on a real one."""

    def __init__(self, held: Any) -> None:
        self.asked = AskedEffects(lambda said: self.held.heard(pickle.loads(pickle.dumps(said))))
        self.held = HeldEffects(held, self._reply)

    async def _reply(self, reply: Reply) -> None:
        self.asked.replied(pickle.loads(pickle.dumps(reply)))

    async def attempt(self, unsure: Unsure = "again", error: BaseException | None = None) -> bool:
        async with self.asked("charge", unsure) as first:
            if error is not None:
                raise error
        return first


@pytest.fixture
async def pipe() -> Pipe:
    return Pipe(Effects(MemoryStore(), "s", SteppedClock(), SKEW))


async def test_effect_is_claimed_and_completed_through_the_pipe(pipe: Pipe) -> None:
    assert [await pipe.attempt(), await pipe.attempt()] == [True, False]


async def test_error_in_the_block_lets_go_and_a_cancellation_leaves_it_unknown(pipe: Pipe) -> None:
    class Own(Exception):  # noqa: N818 - a type that the parent could not read
        pass

    with pytest.raises(Own):
        await pipe.attempt(error=Own())
    await settle()
    with pytest.raises(asyncio.CancelledError):
        await pipe.attempt(error=asyncio.CancelledError())
    await settle()
    with pytest.raises(PoisonMessage, match="not known whether charge happened"):
        await pipe.attempt("poison")
    assert not await pipe.attempt("skip")


async def test_effect_that_is_given_up_while_it_is_asked_for_is_free_again(pipe: Pipe) -> None:
    entering = asyncio.create_task(pipe.attempt())
    await asyncio.sleep(0)
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering
    await settle()
    assert await pipe.attempt()


async def test_child_that_is_gone_leaves_its_effect_unknown(pipe: Pipe) -> None:
    await pipe.asked("charge", "again").__aenter__()
    await pipe.held.close()
    assert not await pipe.attempt("skip")


async def test_errors_of_the_store_cross_with_what_they_say(pipe: Pipe) -> None:
    await pipe.asked("charge", "again").__aenter__()
    with pytest.raises(RetryAfter, match="another try of this message is at charge") as caught:
        await pipe.attempt()
    assert caught.value.seconds == EFFECT_CLAIM_LASTS.total_seconds() + SKEW.total_seconds() + 1

    class Away:
        def __call__(self, key: str, unsure: Unsure) -> Any:
            raise StoreUnavailableError("the store is away")

    with pytest.raises(StoreUnavailableError, match="the store is away"):
        await Pipe(Away()).attempt()
    await pipe.held.close()


async def test_without_a_store_each_effect_is_the_first_and_late_words_are_ignored() -> None:
    pipe = Pipe(None)
    assert [await pipe.attempt(), await pipe.attempt()] == [True, True]
    pipe.held.heard(Left(99, None))
    pipe.held.heard(Want(100, "charge", "again"))
    await pipe.held.close()
