"""Effects that happen once: `with message.once("charge") as first: ...`, claimed in the store.

    with message.once("charge") as first:            # async with, in an async handler
        if first:
            payments.charge(order)

`first` says whether to do it. Leaving the block without an error makes the effect done; an error in it lets go of the
claim, because who raises knows that it did not happen. A cancellation (`handlerTimeout`, `replicaTimeout`) knows
nothing. The rules are in `ebb/core/once.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any, TypeVar

from ebb.core.clock import Clock
from ebb.core.errors import ConflictError, HandlerError, PoisonMessage, RetryAfter, StoreError
from ebb.core.message import Once, Unsure
from ebb.core.once import EFFECT_CLAIM_LASTS, Claim, ClaimState, claim_state, seconds_left
from ebb.core.remarks import Noted, Remarks, once_scope

_log = logging.getLogger("ebb.execution")
T = TypeVar("T")


class Effects:
    """The effects of one schedule's handlers, for one execution."""

    def __init__(self, remarks: Remarks, schedule: str, clock: Clock, skew: timedelta) -> None:
        self.remarks, self.clock, self.skew = remarks, clock, skew
        self.scope, self.loop = once_scope(schedule), asyncio.get_running_loop()

    def __call__(self, key: str, unsure: Unsure) -> Once:
        """The effect `key`; what may be done when it is not known whether it happened, `unsure` says."""
        return _Effect(self, key, unsure)


@dataclass
class _Effect:
    """One effect, wanted once; usable with `with` and with `async with`."""

    effects: Effects
    key: str
    unsure: Unsure

    def __post_init__(self) -> None:
        self._claim: Claim | None = None
        self._etag: str | None = None
        self._renewing: asyncio.Task[None] | None = None

    def __enter__(self) -> bool:
        return self._from_thread(self._begin())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._from_thread(self._end(error))

    async def __aenter__(self) -> bool:
        return await self._begin()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end(error)

    def _from_thread(self, work: Coroutine[Any, Any, T]) -> T:
        with contextlib.suppress(RuntimeError):
            if asyncio.get_running_loop() is self.effects.loop:
                work.close()
                raise HandlerError("an async handler writes it as: async with message.once(...)")
        return asyncio.run_coroutine_threadsafe(work, self.effects.loop).result()

    async def _begin(self) -> bool:
        store, now = self.effects.remarks, self.effects.clock.now()
        noted = await store.remark(self.effects.scope, self.key)
        before = Claim.from_remark(noted.remark) if noted else None
        state = claim_state(before, now, self.effects.skew)
        if state is ClaimState.BUSY and before is not None:
            raise self._busy(seconds_left(before, now, self.effects.skew))
        if state is ClaimState.DONE or (state is ClaimState.UNKNOWN and not await self._dares(noted)):
            return False
        claim = Claim(uuid.uuid4().hex, now + EFFECT_CLAIM_LASTS)
        try:
            self._etag = await self._write(claim, noted.etag if noted else None)
        except ConflictError as error:
            raise self._busy(EFFECT_CLAIM_LASTS.total_seconds()) from error
        self._claim, self._renewing = claim, asyncio.create_task(self._renew())
        return True

    async def _dares(self, noted: Noted | None) -> bool:
        """Whether to do what may have been done already."""
        if self.unsure == "again":
            return True
        if self.unsure == "poison":
            raise PoisonMessage(f"it is not known whether {self.key} happened: a process ended in the middle of it")
        claim = Claim("", self.effects.clock.now(), done=True)
        with contextlib.suppress(ConflictError):  # another says so just now
            await self._write(claim, noted.etag if noted else None)
        return False

    async def _end(self, error: BaseException | None) -> None:
        if self._claim is None:
            return
        assert self._renewing is not None
        self._renewing.cancel()
        await asyncio.wait({self._renewing})
        if error is not None:
            await self._let_go(not_done=isinstance(error, Exception))
            return
        try:
            await self._write_over_own(Claim(self._claim.by, self._claim.until, done=True))
        except ConflictError as conflict:
            raise HandlerError(
                f"the claim on {self.key} was taken by another try, so that it may have happened twice: this process "
                f"stood still for more than {EFFECT_CLAIM_LASTS.total_seconds():g} s"
            ) from conflict

    async def _let_go(self, not_done: bool) -> None:
        """Without the claim: nobody had the effect, or, where it was ended from outside, nobody knows."""
        assert self._claim is not None
        now = self.effects.clock.now()
        claim = Claim("", now) if not_done else Claim(self._claim.by, now - self.effects.skew)
        try:
            await self._write_over_own(claim)
        except StoreError as error:  # it ends by itself, and then nobody knows; or another try has it
            _log.warning("the claim on %s was not let go: %s", self.key, error)

    async def _renew(self) -> None:
        assert self._claim is not None
        while True:
            await self.effects.clock.sleep(EFFECT_CLAIM_LASTS.total_seconds() / 3)
            claim = Claim(self._claim.by, self.effects.clock.now() + EFFECT_CLAIM_LASTS)
            try:
                await self._write_over_own(claim)
                self._claim = claim
            except ConflictError:
                return  # `_end` says so
            except StoreError as error:
                _log.warning("the claim on %s was not renewed: %s", self.key, error)

    async def _write_over_own(self, claim: Claim) -> None:
        """Replace our own claim. It may have another etag than we know: the answer to a renewal may not have come.

        Raises:
            ConflictError: it is another's.
        """
        assert self._claim is not None
        try:
            self._etag = await self._write(claim, self._etag)
        except ConflictError:
            noted = await self.effects.remarks.remark(self.effects.scope, self.key)
            if noted is None or Claim.from_remark(noted.remark).by != self._claim.by:
                raise
            self._etag = await self._write(claim, noted.etag)

    async def _write(self, claim: Claim, etag: str | None) -> str:
        now = self.effects.clock.now()
        return await self.effects.remarks.swap_remark(self.effects.scope, self.key, now, claim.to_remark(), etag)

    def _busy(self, seconds: float) -> RetryAfter:
        return RetryAfter(seconds + 1, f"another try of this message is at {self.key}")
