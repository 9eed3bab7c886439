"""The messages of a schedule that could not be handled: look at them, put them back, remove them for good."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from ebb.control.journal import record
from ebb.core.contract.poison import PEEK_LIMIT, PoisonPlace
from ebb.core.errors import RequestRefusedError, SourceError
from ebb.core.poisoned import PoisonedMessage, PoisonList, Purged, Requeued
from ebb.core.settings.schedule_settings import MOST_SOURCES, ScheduleSettings
from ebb.services import Services

HIGHEST_SOURCE = MOST_SOURCES  # they are counted from 1
MOST_SHOWN = PEEK_LIMIT  # messages that one request lists
AT_ONCE = 1000  # messages that one request puts back or removes

SEEN_IN_PART = (
    "of each message group the first ten can be seen and looked through, the others once these are put back or "
    "removed; what is done to all is done to those too"
)

_Action = Literal["requeuePoison", "purgePoison"]
_Act = Callable[[frozenset[str] | None, int], Awaitable[int]]


@dataclass(frozen=True)
class Chosen:
    """Which messages are meant: those with these ids, otherwise those that hold the text, otherwise all."""

    ids: frozenset[str] | None = None
    text: str | None = None
    limit: int = AT_ONCE  # of those without ids


@dataclass(frozen=True)
class _Acted:
    """What became of a request: how many messages it met, how many are left, and which ids nobody found."""

    number: int
    remaining: int
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Poison:
    """The poison place of schedule `name`; with several sources that of number `source`, counted from 1."""

    services: Services
    name: str
    source: int = 1

    async def listed(self, top: int, text: str | None) -> PoisonList:
        """How many there are, of the first `top` those that hold `text`, and why some cannot be seen.

        Raises:
            RequestRefusedError: 404 there is no poison place; 503 it cannot be reached.
        """
        async with self._place() as place:
            count, found = await place.count(), await place.peek(top)
        in_part = (await self._settings()).all_sources[self.source - 1].can.poison_in_part and len(found) < count
        value = tuple(PoisonedMessage.of(each) for each in found if each.holds(text))
        return PoisonList(count=count, value=value, note=SEEN_IN_PART if in_part else None)

    async def shown(self, identity: str) -> PoisonedMessage:
        """One of the first PEEK_LIMIT messages.

        Raises:
            RequestRefusedError: 404 it is not among them, or there is no poison place; 503 it cannot be reached.
        """
        async with self._place() as place:
            found = [each for each in await place.peek(PEEK_LIMIT) if each.id == identity]
        if not found:
            detail = f"no message {identity[:80]!r} is among the first {PEEK_LIMIT} in the poison place"
            raise RequestRefusedError("unknownMessage", detail)
        return PoisonedMessage.of(found[0])

    async def requeue(self, chosen: Chosen, said: Mapping[str, Any]) -> Requeued:
        """Put the chosen messages back; the audit trail gets what is `said` (by whom, why) with it.

        Raises:
            RequestRefusedError: 404 there is no poison place; 503 it cannot be reached.
        """
        acted = await self._act("requeuePoison", chosen, said)
        return Requeued(requeued=acted.number, remaining=acted.remaining, not_found=acted.missing)

    async def purge(self, chosen: Chosen, said: Mapping[str, Any]) -> Purged:
        """Remove the chosen messages for good; `said` and errors as of `requeue`."""
        acted = await self._act("purgePoison", chosen, said)
        return Purged(purged=acted.number, remaining=acted.remaining, not_found=acted.missing)

    async def _act(self, action: _Action, chosen: Chosen, said: Mapping[str, Any]) -> _Acted:
        async with self._place() as place:
            act = partial(place.requeue if action == "requeuePoison" else place.purge, text=chosen.text)
            if chosen.ids is None:
                number, missing = await act(None, chosen.limit) if chosen.limit else 0, ()
            else:
                number, missing = await _each(place, act, chosen.ids)
            remaining = await place.count()
        event = {"action": action, **said, "messages": number}
        event |= {} if chosen.text is None else {"text": chosen.text}
        await record(self.services, self.name, "audit", self.services.clock.now(), event)
        return _Acted(number, remaining, missing)

    @asynccontextmanager
    async def _place(self) -> AsyncGenerator[PoisonPlace]:
        chosen = (await self._settings()).for_source(self.source - 1)
        async with self.services.poison_place(chosen) as place:
            if place is None:
                detail = f"sources of type {chosen.source.type if chosen.source else '?'} have no poison place"
                raise RequestRefusedError("noPoisonPlace", detail)
            try:
                yield place
            except SourceError as error:
                raise RequestRefusedError("sourceUnavailable", str(error)) from error

    async def _settings(self) -> ScheduleSettings:
        overrides = (await self.services.store.get(self.name)).overrides
        settings = self.services.schedules.effective(self.name, overrides)
        number = len(settings.all_sources)
        if self.source > number:
            detail = f"source={self.source} must be a whole number from 1 to {number}"
            raise RequestRefusedError("invalidRequest", detail)
        return settings


async def _each(place: PoisonPlace, act: _Act, ids: frozenset[str]) -> tuple[int, tuple[str, ...]]:
    """Act on the messages with these ids; how many there were, and the ids that are not there.

    Those among the first are found by one look, and acted on together; each other one is looked for by itself, so that
    the answer can name those that nobody finds.
    """
    first = frozenset(each.id for each in await place.peek(PEEK_LIMIT)) & ids
    done = await act(first, AT_ONCE) if first else 0
    missing: list[str] = []
    for identity in sorted(ids - first):
        found = await act(frozenset({identity}), 1)
        done += found
        missing += [] if found else [identity]
    return done, tuple(missing)
