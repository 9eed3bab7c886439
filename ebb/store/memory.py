"""The store in this process's memory, for tests and simulations: same keys, same limits, same conflicts as tables."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ebb.core.clock import rfc3339
from ebb.core.document import Json
from ebb.core.errors import ConflictError
from ebb.core.pages import ALWAYS, Page, Span
from ebb.core.remarks import Noted
from ebb.core.row.execution_note import ExecutionNote
from ebb.core.row.looks import Look
from ebb.core.row.schedule_row import ScheduleRow
from ebb.store.codec import (
    cycle_properties,
    event_properties,
    forgotten,
    is_same_cycle,
    looks_properties,
    note_key,
    note_properties,
    read_document,
    read_looks,
    read_note,
    read_remark,
    remark_properties,
    since,
)
from ebb.store.fitting import Properties
from ebb.store.keys import CYCLES, EVENTS, LOOKS, checked_top, cycle_key, cycle_token, start_after
from ebb.store.row_codec import read_row, row_properties


class MemoryStore:
    """A `Store` that forgets everything when the process ends."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[Properties, str]] = {}
        self._history: dict[str, dict[str, Properties]] = {}
        self._notes: dict[str, dict[str, Properties]] = {}
        self._remarks: dict[str, dict[str, Properties]] = {}
        self._versions = itertools.count(1)

    async def get(self, name: str) -> ScheduleRow:
        if name not in self._rows:
            return ScheduleRow(name=name)
        return read_row(name, *self._rows[name])

    async def rows(self) -> dict[str, ScheduleRow]:
        return {name: read_row(name, *stored) for name, stored in sorted(self._rows.items())}

    async def save(self, row: ScheduleRow) -> ScheduleRow:
        current = self._rows[row.name][1] if row.name in self._rows else None
        if row.etag != current:
            raise ConflictError(f"the row of schedule {row.name} has changed since it was read")
        etag = f"v{next(self._versions)}"
        self._rows[row.name] = row_properties(row), etag
        return read_row(row.name, *self._rows[row.name])

    async def begin_execution(self, schedule: str, note: ExecutionNote) -> None:
        self._notes.setdefault(schedule, {})[note_key(note)] = note_properties(note)

    async def note_execution(self, schedule: str, note: ExecutionNote) -> bool:
        is_there = note_key(note) in self._notes.get(schedule, {})
        if is_there:
            self._notes[schedule][note_key(note)] = note_properties(note)
        return is_there

    async def executions(self, schedule: str) -> list[ExecutionNote]:
        return [read_note(properties) for properties in self._notes.get(schedule, {}).values()]

    async def forget_executions(self, schedule: str, notes: Sequence[ExecutionNote]) -> None:
        for note in notes:
            self._notes.get(schedule, {}).pop(note_key(note), None)

    async def write_cycle(self, schedule: str, cycle: Mapping[str, Any]) -> Json | None:
        first = await self.cycle(schedule, cycle["cycle"])
        if first and is_same_cycle(first, cycle):
            return first
        self._write(schedule, cycle_properties(cycle))
        return None

    async def cycles(self, schedule: str, top: int = 50, token: str | None = None, span: Span = ALWAYS) -> Page:
        return self._page(schedule, CYCLES, None, top, token, span)

    def token_at(self, number: int) -> str:
        return cycle_token(number)

    async def cycle(self, schedule: str, number: int) -> Json | None:
        found = self._history.get(schedule, {}).get(cycle_key(number))
        return read_document(found) if found else None

    async def write_event(self, schedule: str, event: Mapping[str, Any]) -> None:
        self._write(schedule, event_properties(event))

    async def events(
        self, schedule: str, kind: str | None = None, top: int = 50, token: str | None = None, span: Span = ALWAYS
    ) -> Page:
        return self._page(schedule, EVENTS, kind, top, token, span)

    async def write_looks(self, schedule: str, looks: Sequence[Look]) -> None:
        self._write(schedule, looks_properties(looks))

    async def looks(self, schedule: str, since: datetime) -> list[Look]:
        return read_looks([each for each in self._sorted(schedule, LOOKS) if str(each["at"]) >= rfc3339(since)])

    async def trim(self, schedule: str, keep: int, before: datetime | None = None) -> int:
        cycles = forgotten(self._sorted(schedule, CYCLES), keep, before)
        events = forgotten(self._sorted(schedule, EVENTS), keep, before)
        looks = forgotten(self._sorted(schedule, LOOKS), sys.maxsize, before)
        for key in (*cycles, *events, *looks):
            del self._history[schedule][key]
        return len(cycles)

    async def write_remark(self, scope: str, key: str, at: datetime, remark: Mapping[str, Any]) -> None:
        properties = remark_properties(key, at, remark)
        self._remarks.setdefault(scope, {})[key] = {**properties, "etag": f"v{next(self._versions)}"}

    async def remarks(self, scope: str) -> dict[str, Json]:
        return dict(read_remark(properties) for properties in self._remarks.get(scope, {}).values())

    async def remark(self, scope: str, key: str) -> Noted | None:
        found = self._remarks.get(scope, {}).get(key)
        return None if found is None else Noted(read_remark(found)[1], str(found["etag"]))

    async def swap_remark(self, scope: str, key: str, at: datetime, remark: Mapping[str, Any], etag: str | None) -> str:
        found = self._remarks.get(scope, {}).get(key)
        if etag != (None if found is None else str(found["etag"])):
            raise ConflictError(f"the remark {key} of {scope} has changed since it was read")
        await self.write_remark(scope, key, at, remark)
        return str(self._remarks[scope][key]["etag"])

    async def delete_remark(self, scope: str, key: str, etag: str | None = None) -> None:
        found = self._remarks.get(scope, {}).get(key)
        if found is not None and etag not in (None, str(found["etag"])):
            raise ConflictError(f"the remark {key} of {scope} has changed since it was read")
        self._remarks.get(scope, {}).pop(key, None)

    async def trim_remarks(self, scope: str, before: datetime) -> None:
        kept = self._remarks.get(scope, {})
        for key in [key for key, note in kept.items() if str(note["at"]) < rfc3339(before)]:
            del kept[key]

    async def check(self) -> None:
        """Memory is always there."""

    async def close(self) -> None:
        """Nothing to let go of."""

    def _write(self, schedule: str, properties: Properties) -> None:
        self._history.setdefault(schedule, {})[str(properties["RowKey"])] = properties

    def _sorted(self, schedule: str, prefix: str) -> list[Properties]:
        entries = self._history.get(schedule, {})
        return [entries[key] for key in sorted(entries) if key.startswith(prefix)]

    def _page(self, schedule: str, prefix: str, kind: str | None, top: int, token: str | None, span: Span) -> Page:
        after, latest = start_after(prefix, token), rfc3339(span.end) if span.end else "~"
        entries = [
            entry
            for entry in self._sorted(schedule, prefix)
            if str(entry["RowKey"]) > after and kind in (None, entry["kind"]) and str(entry.get("at", "")) <= latest
        ]
        found = since(entries, span.start)
        page = found[: checked_top(top)]
        following = str(page[-1]["RowKey"]) if len(found) > len(page) else None
        return Page([read_document(entry) for entry in page], following)
