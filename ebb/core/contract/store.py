"""The contract of the store: intents, fences and totals (one row a schedule), and the history of cycles.

Writes to a row are compare-and-swap on its ETag, so nobody's change is lost; `update` is the read-decide-write loop for
that. Writes to the history are idempotent, because activities run at least once. Every implementation passes
`tests/contract/store/` against its real server.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from ebb.core.document import Json
from ebb.core.errors import ConflictError
from ebb.core.pages import ALWAYS, Page, Span
from ebb.core.remarks import Remarks
from ebb.core.row.execution_note import ExecutionNote
from ebb.core.row.looks import Look
from ebb.core.row.schedule_row import ScheduleRow

ATTEMPTS = 20  # to write a row that others write too, see docs/decisions/2026-11-table-layout.md


class Store(Remarks, Protocol):
    """Where rows and history are kept. All methods raise StoreUnavailableError when it cannot be reached."""

    async def get(self, name: str) -> ScheduleRow:
        """The row of schedule `name`; the default row (no etag) where there is none. One request."""
        ...

    async def rows(self) -> dict[str, ScheduleRow]:
        """All rows by name, in a number of requests that does not grow with the history."""
        ...

    async def save(self, row: ScheduleRow) -> ScheduleRow:
        """Write `row` if it has not changed since it was read (`etag`; None means it must not exist yet). One request.

        Returns:
            The row with its new etag.

        Raises:
            ConflictError: somebody else wrote it first.
        """
        ...

    async def begin_execution(self, schedule: str, note: ExecutionNote) -> None:
        """Note that a run of an execution begins; again for the same run replaces the note. One request."""
        ...

    async def note_execution(self, schedule: str, note: ExecutionNote) -> bool:
        """Replace the note of a run by what it did since; False where it was forgotten meanwhile. One request."""
        ...

    async def executions(self, schedule: str) -> list[ExecutionNote]:
        """The notes that were not forgotten yet. One of a run whose process died stays as it is; `until` tells."""
        ...

    async def forget_executions(self, schedule: str, notes: Sequence[ExecutionNote]) -> None:
        """Forget notes; one that is not there is fine. One request for each hundred."""
        ...

    async def write_cycle(self, schedule: str, cycle: Mapping[str, Any]) -> Json | None:
        """Write a Cycle document (docs/api: "cycle" is its number) with its "executions", in one transaction.

        Who writes a cycle first decides: one of the same number and `startedAt` that is there stays, so that an owner
        and its successor, who both close it, count the same. Texts that are too long for the store are cut and say so.

        Returns:
            None; or the document that was there and stays.

        Raises:
            ValueError: the cycle has no usable number.
        """
        ...

    async def cycles(self, schedule: str, top: int = 50, token: str | None = None, span: Span = ALWAYS) -> Page:
        """Cycle documents with their executions, newest first, at most `top` (1 to 1000), that ended in `span`.

        Raises:
            ValueError: `token` is not one that this method gave, or `top` is out of range.
        """
        ...

    def token_at(self, number: int) -> str:
        """The token of the page of `cycles` that begins with cycle `number`.

        Raises:
            ValueError: it is not a number of a cycle.
        """
        ...

    async def cycle(self, schedule: str, number: int) -> Json | None:
        """One Cycle document with its executions, None where it is not (or no longer) kept."""
        ...

    async def write_event(self, schedule: str, event: Mapping[str, Any]) -> None:
        """Add an Event document: {"id", "at" (RFC 3339), "kind", ...}; `kind` is "audit" or "incident".

        Writing the same id and time again replaces it.
        """
        ...

    async def events(
        self, schedule: str, kind: str | None = None, top: int = 50, token: str | None = None, span: Span = ALWAYS
    ) -> Page:
        """Event documents in `span`, newest first; of one kind or of all. Errors as `cycles`."""
        ...

    async def write_looks(self, schedule: str, looks: Sequence[Look]) -> None:
        """Add a block of looks at the backlog, oldest first; writing the same block again replaces it. One request."""
        ...

    async def looks(self, schedule: str, since: datetime) -> list[Look]:
        """The looks of all blocks that end at `since` or later, oldest first: 1000 blocks a request."""
        ...

    async def trim(self, schedule: str, keep: int, before: datetime | None = None) -> int:
        """Forget all but the newest `keep` cycles, and cycles that ended before `before`. Events are kept likewise,
        looks by their age alone.

        Returns:
            How many cycles were forgotten.
        """
        ...

    async def check(self) -> None:
        """Reach the store once, for the health check."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


async def update(
    store: Store,
    name: str,
    change: Callable[[ScheduleRow], ScheduleRow | Awaitable[ScheduleRow]],
    attempts: int = ATTEMPTS,
    known: ScheduleRow | None = None,
) -> ScheduleRow:
    """Read the row, apply `change`, write it; on a conflict do it again with what the winner wrote.

    Args:
        change: called once for each attempt, so it should be pure; one that awaits something sees it after the row was
            read, so that what it decides is written only if the row has not changed since. Returning its argument
            unchanged writes nothing.
        attempts: how often to try before the conflict is raised.
        known: the row as the caller has read it a while ago, to save the first read where it has not changed
            since. Only a write finds that out: a `change` that changes nothing is asked again, about the row of now.

    Returns:
        The row as it now stands in the store.

    Raises:
        ConflictError: others won every time.
    """
    for attempt in range(1, attempts + 1):
        first = known if attempt == 1 else None
        row = first or await store.get(name)
        changed = change(row)
        if not isinstance(changed, ScheduleRow):
            changed = await changed
        if changed == row:
            if first is None:
                return row
            continue  # nothing would tell that it has changed since: look again
        try:
            return await store.save(changed)
        except ConflictError:
            if attempt == attempts:
                raise
            # Who lost together must not meet again together: a random pause that doubles, up to a quarter of a second.
            await asyncio.sleep(random.uniform(0, min(0.005 * 2**attempt, 0.25)))
    raise AssertionError("unreachable: the loop returns or raises")
