"""The run that is accounted for: start a schedule, feed it, watch until all is drained, hold the books together."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ebb.cli.acceptance.accounted_feed import DEPTH, AccountedFeed
from ebb.cli.acceptance.ledger import Ledger
from ebb.cli.acceptance.summary import Put, Summary, summarise
from ebb.cli.local.api import Api, ApiError
from ebb.cli.local.children import Child
from ebb.cli.local.errors import LocalError
from ebb.cli.local.live import Snapshot, View, describe
from ebb.core.document import Json
from ebb.core.row.schedule_row import Totals
from ebb.core.wording import counted

_POLL = 0.4  # seconds between looks at the schedule
_STALL = 60.0  # seconds without progress after which a run has failed
_SILENCE = 20.0  # seconds for which the app may fail to answer
_STOPPING = 60.0  # seconds for which an earlier instance may take to stop
_BACKLOG = 10.0  # seconds for putting a backlog
_ACCOUNT = 10.0  # seconds for reading the history at the end
_RATE_WINDOW = 5.0  # seconds
_SHOWN = 8  # cycles
_ROUNDING = timedelta(milliseconds=5)  # the history's times are cut to milliseconds


class AccountedRun:
    """What was put, what was handled, and what the history says of it; used once."""

    def __init__(self, api: Api, ledger: Ledger, children: Sequence[Child], fed: AccountedFeed | None) -> None:
        self._api, self._ledger, self._children, self._fed = api, ledger, children, fed
        self._began = datetime.now(UTC)
        self._feeding: asyncio.Task[None] | None = None
        self._nudged = False  # since the last message was put
        self._poisoned_before = self._processed_before = 0  # by earlier runs on the same state
        self._poisoned_seen = -1  # by the history, when the poison queue was last looked into
        self._poison_is_away = False  # all that no handler can read is in the poison queue
        self._seen: Snapshot | None = None  # the latest
        self._pace: deque[tuple[float, int]] = deque()
        self._progress: tuple[int, ...] = ()
        self._progressed_at = time.monotonic()

    async def start(self, count: int, poison: int, backlog: bool = False) -> None:
        """Begin to put messages, then start the schedule, so that its first cycle finds some.

        Args:
            backlog: put all of them first, so that it finds a backlog to fan out over.

        Raises:
            LocalError: the queue cannot be reached, or the schedule refuses to start.
        """
        totals = _totals(await self._api.schedule())
        self._poisoned_before, self._processed_before = totals.poisoned, totals.processed
        if self._fed:
            depth = None if backlog else DEPTH
            self._feeding = asyncio.create_task(self._fed.feed(count, poison, depth=depth))
            await asyncio.wait({self._feeding}, timeout=_BACKLOG) if backlog else await self._fed.begun.wait()
        deadline = time.monotonic() + _STOPPING
        while True:
            try:
                await self._api.start()
                return
            except ApiError as error:
                if error.status != 409 or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(_POLL)

    async def watch(self, view: View, until_drained: bool) -> bool:
        """Show the schedule until it is drained, or for ever.

        Returns:
            True when all that was put is done and the last cycle is closed; False after a minute without progress,
            `shortfall` says what of.

        Raises:
            LocalError: a child ended, the app no longer answers, or messages cannot be put.
        """
        answered = time.monotonic()
        while True:
            self._check()
            try:
                snapshot = await self._look()
                await self._nudge(snapshot.schedule)
                answered = time.monotonic()
            except LocalError:
                if time.monotonic() - answered > _SILENCE:
                    raise
            else:
                view.show(snapshot)
                if until_drained and await self._is_drained(snapshot.schedule):
                    return True
            if until_drained and time.monotonic() - self._progressed_at > _STALL:
                return False
            await asyncio.sleep(_POLL)

    async def stop(self) -> None:
        """Put no further messages."""
        if self._feeding and not self._feeding.done():
            self._feeding.cancel()
            with contextlib.suppress(asyncio.CancelledError, LocalError):
                await self._feeding

    def shortfall(self) -> str:
        """What a run without progress still waited for, and what is known of its schedule."""
        fed, handled = self._fed, {entry.id for entry in self._ledger.entries}
        if self._feeding and not self._feeding.done():
            awaited = "messages were still being put"
        elif fed and (left := len(fed.values.keys() - handled)):
            awaited = f"{counted(left, 'message')} of {len(fed.values)} not handled"
        elif fed and fed.unreadable and not self._poison_is_away:
            awaited = f"not all of {counted(len(fed.unreadable), 'unreadable message')} in the poison queue"
        elif not fed:
            awaited = "no backlog measured as empty"
        else:
            awaited = "the last cycle not closed"
        status = f"; {describe(self._seen)}" if self._seen else ""
        return f"not drained after {_STALL:g} s without progress: {awaited}{status}"

    async def summary(self) -> Summary:
        """The account of the run so far, from the ledger and from all pages of the history."""
        self._ledger.read()
        cycles: list[Json] = []
        try:
            async with asyncio.timeout(_ACCOUNT):
                async for cycle in self._api.cycles():
                    if datetime.fromisoformat(cycle["startedAt"]) < self._began - _ROUNDING:
                        break
                    cycles.append(cycle)
        except TimeoutError as error:
            raise LocalError(f"the history of {self._api.schedule_url} was not read within {_ACCOUNT:g} s") from error
        fed = self._fed
        began, ended = fed.started_at if fed else None, self._ledger.written_at
        seconds = ended.timestamp() - began if began and ended else 0.0
        put = Put(fed.values, fed.unreadable, await fed.poisoned()) if fed else None
        return summarise(put, self._ledger.entries, cycles, seconds)

    def _check(self) -> None:
        for child in self._children:
            child.check()
        if self._feeding and self._feeding.done():
            self._feeding.result()

    async def _look(self) -> Snapshot:
        schedule = await self._api.schedule()
        cycles: list[Json] = []
        async for cycle in self._api.cycles(top=_SHOWN):
            cycles.append(cycle)
            if len(cycles) == _SHOWN:
                break
        in_ledger = self._ledger.read()
        processed = max(in_ledger, _totals(schedule).processed - self._processed_before)
        put = self._fed.total if self._fed else 0
        poisoned, rate = self._poisoned(schedule), self._rate(processed)
        if (progress := (processed, put, poisoned)) != self._progress:
            self._progress, self._progressed_at = progress, time.monotonic()
        self._seen = Snapshot(self._api.schedule_url, schedule, cycles, put, processed, poisoned, rate)
        return self._seen

    def _rate(self, processed: int) -> float:
        now = time.monotonic()
        self._pace.append((now, processed))
        while now - self._pace[0][0] > _RATE_WINDOW:
            self._pace.popleft()
        then, before = self._pace[0]
        return (processed - before) / (now - then) if now > then else 0.0

    async def _nudge(self, schedule: Mapping[str, Any]) -> None:
        """End idle waits while messages are being put, and one more after the last of them."""
        if self._nudged or schedule.get("phase") != "waiting":
            return
        self._nudged = self._feeding is None or self._feeding.done()
        await self._api.trigger()

    async def _is_drained(self, schedule: Mapping[str, Any]) -> bool:
        """Whether all that was put is handled or poisoned, and the cycle that did it is in the history."""
        if self._feeding and not self._feeding.done():
            return False
        fed = self._fed
        handled = {entry.id for entry in self._ledger.entries}
        if fed and not fed.values.keys() <= handled:
            return False
        if fed and not await self._is_poisoned(fed, schedule):
            return False
        return schedule.get("phase") == "waiting" and self._is_closed(schedule)

    async def _is_poisoned(self, fed: AccountedFeed, schedule: Mapping[str, Any]) -> bool:
        """Whether the unreadable messages are in the poison queue; the history counts those of earlier runs too."""
        known = self._poisoned(schedule)
        if known < len(fed.unreadable):
            return False
        if not self._poison_is_away and known != self._poisoned_seen:
            self._poisoned_seen = known
            self._poison_is_away = not fed.unreadable or fed.unreadable <= await fed.poisoned()
        return self._poison_is_away

    def _is_closed(self, schedule: Mapping[str, Any]) -> bool:
        written = self._ledger.written_at
        if written is None:
            backlog: Mapping[str, Any] = schedule.get("backlog") or {"count": None}
            return backlog["count"] == 0 and datetime.fromisoformat(backlog["measuredAt"]) >= self._began
        last: Json = schedule.get("lastCycle") or {}
        ended = last.get("endedAt")
        return bool(ended) and datetime.fromisoformat(ended) >= written - _ROUNDING

    def _poisoned(self, schedule: Mapping[str, Any]) -> int:
        return _totals(schedule).poisoned - self._poisoned_before


def _totals(schedule: Mapping[str, Any]) -> Totals:
    return Totals.from_document(schedule.get("totals") or {})
