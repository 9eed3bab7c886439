"""The messages that one execution holds: their leases are renewed until each is settled."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from ebb.core.clock import Clock
from ebb.core.contract.source import DeadLetteringSource, FixesLease, LeasingSource, Source
from ebb.core.errors import LeaseLostError, SourceError
from ebb.core.key_claim import Parkings
from ebb.core.message import Message
from ebb.core.settings.capabilities import Capabilities

UNKNOWN_TURN = 0.5  # seconds; the shortest lease that a place fixes is 5 s
NEVER = datetime.max.replace(tzinfo=UTC)

_log = logging.getLogger("ebb.execution")


@dataclass(slots=True, eq=False)
class Held:
    """A received message that is not settled yet."""

    message: Message
    renew_at: datetime
    renewing: asyncio.Task[None] | None = None
    lost: bool = False  # another receiver may have it
    alone: bool = False  # to be handled with nothing beside it in this process
    deadline: datetime = NEVER  # of its handler
    overdue: bool = False  # the handler was told to end
    settling: bool = False  # the handler has ended; what becomes of the message is on its way to the source
    abandoned: bool = False  # the handler has not ended; the message is settled without it
    parked: Parkings | None = None  # how often it was given back for its key's sake; None: not known
    taken_off: int = 0  # of its dequeue count, because those did not count as tries


class Holding:
    """Receives messages for one execution, and settles them; `keep` renews leases in between.

    Renewing a lease changes its receipt, so a message is settled only after a renewal under way has ended. What the
    source's kind cannot do is left out: without leases nothing is renewed or given back, and the source decides what
    comes again; without a poison place what cannot be handled is logged and done with.
    """

    def __init__(
        self, source: Source, can: Capabilities, lease: timedelta, clock: Clock, log: Mapping[str, object]
    ) -> None:
        self._source, self._can, self._lease, self._clock, self._log = source, can, lease, clock, log
        self._held: set[Held] = set()

    async def receive(self, limit: int) -> list[Held]:
        """Up to `limit` messages, held from now on."""
        began = self._clock.now()  # the lease may begin long before a slow answer is here
        messages = await self._source.receive(limit, self._lease)
        self._learn_lease()
        renew_at = began + self._lease / 2
        received = [Held(message, renew_at) for message in messages]
        self._held.update(received)
        return received

    async def assure(self, held: Held) -> None:
        """Make sure that a message is held still. A lease that lapsed while the source was away is renewed now.

        Raises:
            LeaseLostError: another receiver may have it.
        """
        lapsed = self._has_lapsed(held)
        if lapsed and not held.lost:
            held.renewing = held.renewing or asyncio.create_task(self._renew(held))
            await asyncio.wait({held.renewing})
            lapsed = self._has_lapsed(held)
        if held.lost or lapsed:
            self._held.discard(held)
            raise LeaseLostError(f"message {held.message.id} was lost before its handler began")

    async def complete(self, held: Held) -> None:
        """Remove a message that was handled.

        Raises:
            LeaseLostError: it was lost meanwhile, and will come again or has come already.
        """
        await self._let_go(held)
        await self._source.complete(held.message)

    async def release(self, held: Held, delay: timedelta) -> None:
        """Give a message back.

        Raises:
            LeaseLostError: it was lost meanwhile.
        """
        await self._let_go(held)
        held.message.dequeue_count += held.taken_off  # a source that sends a copy counts on from that
        if self._can.leasing:
            wait = delay if self._can.delaying else timedelta()
            await cast("LeasingSource", self._source).release(held.message, wait)

    async def dead_letter(self, held: Held, reason: str) -> None:
        """Move a message to the poison place.

        Raises:
            LeaseLostError: it was lost meanwhile.
        """
        await self._let_go(held)
        if self._can.dead_lettering:
            await cast("DeadLetteringSource", self._source).dead_letter(held.message, reason)
        else:
            _log.error("%s failed for good and is kept nowhere: %s", held.message.id, reason, extra=self._log)
            await self._source.complete(held.message)

    async def keep(self) -> None:
        """Renew leases at half their time, until cancelled. What is abandoned then comes back when its lease ends.

        Raises:
            ExceptionGroup: a renewal failed in a way that the contract of sources does not know.
        """
        if not self._can.leasing:
            await asyncio.Event().wait()
        async with asyncio.TaskGroup() as renewals:
            while True:
                await self._clock.sleep(self._turn())
                now = self._clock.now()
                for held in self._held:
                    if held.renew_at <= now and held.renewing is None:
                        held.renewing = renewals.create_task(self._renew(held))

    def _learn_lease(self) -> None:
        if self._can.fixed_lease:
            self._lease = cast("FixesLease", self._source).lease or self._lease

    def _turn(self) -> float:
        """Seconds between two looks at the leases; short while it is not known how long they are."""
        unknown = self._can.fixed_lease and cast("FixesLease", self._source).lease is None
        return UNKNOWN_TURN if unknown else self._lease.total_seconds() / 6

    def _has_lapsed(self, held: Held) -> bool:
        return self._can.leasing and self._clock.now() >= held.renew_at + self._lease / 2

    async def _renew(self, held: Held) -> None:
        renew_at = self._clock.now() + self._lease / 2
        try:
            await cast("LeasingSource", self._source).extend(held.message, self._lease)
            held.renew_at = renew_at
        except LeaseLostError as error:
            held.lost = True
            self._held.discard(held)
            _log.warning("lease lost: %s", error, extra=self._log)
        except SourceError as error:  # tried again at the next turn; the lease has time left
            _log.warning("lease of message %s not renewed: %s", held.message.id, error, extra=self._log)
        finally:
            held.renewing = None

    async def _let_go(self, held: Held) -> None:
        self._held.discard(held)
        if held.renewing is not None:
            await asyncio.wait({held.renewing})
        if held.lost:
            raise LeaseLostError(f"message {held.message.id} was lost while this execution held it")
