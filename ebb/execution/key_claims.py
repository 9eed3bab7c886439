"""Claims of one execution on keys, and notes of parked messages, in the store. The rules: `ebb/core/key_claim.py`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from ebb.core.clock import Clock
from ebb.core.errors import ConflictError, StoreError
from ebb.core.key_claim import RENEWED_EVERY, KeyClaim, Parkings, claimed
from ebb.core.remarks import Remarks, keys_scope, parked_scope

AT_ONCE = 32  # requests that let go of claims
ATTEMPTS = 3  # at a claim: who loses against another reads once more that it is taken

_log = logging.getLogger("ebb.execution")


class KeyClaims:
    """The keys that one run of an execution works on. Methods that ask the store raise StoreError where it is away."""

    def __init__(
        self, remarks: Remarks, schedule: str, holder: str, rate: float | None, clock: Clock, skew: timedelta
    ) -> None:
        """`holder` is a name of its own, `rate` that of a key: messages a second."""
        self._remarks, self._keys, self._parked = remarks, keys_scope(schedule), parked_scope(schedule)
        self._holder, self._clock, self._skew = holder, clock, skew
        self._step = timedelta(seconds=1 / rate) if rate else None
        self._held: dict[str, tuple[KeyClaim, str]] = {}  # with the etag of its remark

    @property
    def keys(self) -> list[str]:
        """The keys that are claimed."""
        return list(self._held)

    async def take(self, key: str) -> KeyClaim | None:
        """Claim `key`, or go on with it; None while another has it. Two requests, none where it was renewed lately."""
        held = self._held.get(key)
        if held is not None and self._clock.now() < held[0].until - RENEWED_EVERY:
            return held[0]
        for _ in range(ATTEMPTS):
            now, noted = self._clock.now(), await self._remarks.remark(self._keys, key)
            before = KeyClaim.from_remark(noted.remark) if noted else None
            claim = claimed(before, self._holder, now, self._skew, self._step)
            if claim is None:
                break
            try:
                await self._write(key, claim, noted.etag if noted else None)
            except ConflictError:
                continue
            return claim
        self._held.pop(key, None)
        return None

    async def renew(self, key: str, due: datetime | None) -> KeyClaim | None:
        """Hold `key` for longer, if it is time to; None where another has it meanwhile. One request."""
        claim, etag = self._held[key]
        now = self._clock.now()
        if now < claim.until - 2 * RENEWED_EVERY:
            return claim
        try:
            return await self._write(key, claim.renewed(now, due), etag)
        except ConflictError:
            _log.warning("the claim on key %s was lost: this process stood still, or the store was away", key)
            del self._held[key]
            return None

    async def let_go(self, keys: Mapping[str, datetime | None]) -> None:
        """Leave `keys` to others, each with the time when its rate lets the next message begin. One request each.

        Where the store is away their claims end by themselves.
        """
        left = list(keys.items())
        while left:
            some, left = left[:AT_ONCE], left[AT_ONCE:]
            if not all(await asyncio.gather(*(self._let_go(key, due) for key, due in some))):
                break
        for key in keys:
            self._held.pop(key, None)

    async def parked(self, message_id: str) -> Parkings:
        """How often a message was parked. One request."""
        noted = await self._remarks.remark(self._parked, message_id)
        return Parkings.from_remark(noted.remark) if noted else Parkings()

    async def note_parked(self, message_id: str, parkings: Parkings) -> None:
        """Note that a message is parked, before it is. One request."""
        await self._remarks.write_remark(self._parked, message_id, self._clock.now(), parkings.to_remark())

    async def _let_go(self, key: str, due: datetime | None) -> bool:
        """Whether the store answers. What nobody has to know any more is removed: keys come and go."""
        claim, etag = self._held[key]
        now = self._clock.now()
        try:
            if due is None or due <= now:
                await self._remarks.delete_remark(self._keys, key, etag)
            else:
                await self._remarks.swap_remark(self._keys, key, now, claim.let_go(now, due).to_remark(), etag)
        except ConflictError:
            return True  # it is another's
        except StoreError as error:
            _log.warning("the claim on key %s was not let go, and ends by itself: %s", key, error)
            return False
        return True

    async def _write(self, key: str, claim: KeyClaim, etag: str | None) -> KeyClaim:
        etag = await self._remarks.swap_remark(self._keys, key, self._clock.now(), claim.to_remark(), etag)
        self._held[key] = claim, etag
        return claim
