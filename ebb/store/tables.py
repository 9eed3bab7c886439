"""The store on Azure Tables: `EbbSchedules`, one row a schedule, and `EbbHistory`, one partition a schedule.

A cycle is one entity with its executions, so that it is written at once and read in one query. Tables are created by
the first write that misses them. Layout and reasons: docs/decisions/2026-11-table-layout.md.
"""

from __future__ import annotations

import re
import sys
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from azure.data.tables import EntityProperty

from ebb.core.clock import rfc3339
from ebb.core.document import Json
from ebb.core.errors import ConflictError
from ebb.core.pages import ALWAYS, Page, Span
from ebb.core.remarks import Noted
from ebb.core.row.execution_note import ExecutionNote
from ebb.core.row.looks import Look
from ebb.core.row.schedule_row import ScheduleRow
from ebb.core.settings.connection import Connection
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
    remark_key,
    remark_properties,
    since,
)
from ebb.store.entities import ANY, Entities, OpenAccount
from ebb.store.fitting import Properties
from ebb.store.keys import (
    CYCLES,
    EVENTS,
    LOOKS,
    checked_top,
    cycle_key,
    cycle_token,
    end_of,
    event_times,
    looks_key,
    start_after,
)
from ebb.store.row_codec import read_row, row_properties
from ebb.store.table_access import PAGE_LIMIT, TableAccess
from ebb.store.table_service import NotThereError, TableService

SCHEDULES_PARTITION = "schedules"
EXECUTIONS_PARTITION = "executions-"
PREFIX_PATTERN = r"[A-Za-z][A-Za-z0-9]{0,50}"  # of the tables' names
_ROW = "PartitionKey eq @partition and RowKey eq @row"
_RANGE = "PartitionKey eq @partition and RowKey gt @after and RowKey lt @end"


class TableStore:
    """A `Store` in the tables `<prefix>Schedules` and `<prefix>History` of one storage account."""

    def __init__(self, connection: Connection, open_account: OpenAccount, prefix: str = "Ebb") -> None:
        """Nothing is reached until the first call.

        Args:
            open_account: gives the storage account of a connection, as the sources share it.
            prefix: of the names of the tables.

        Raises:
            SettingsError: the connection names no table service.
            ValueError: tables cannot be named so.
        """
        if not re.fullmatch(PREFIX_PATTERN, prefix):
            raise ValueError(f"{prefix!r} cannot begin a table's name: use letters and digits, a letter first")
        self._entities = Entities(connection, open_account)
        self._tables = TableAccess(TableService(connection), self._entities)
        self._schedules = f"{prefix}Schedules"
        self._history = f"{prefix}History"

    async def get(self, name: str) -> ScheduleRow:
        return await self._read(name) or ScheduleRow(name=name)

    async def rows(self) -> dict[str, ScheduleRow]:
        found = await self._tables.partition(self._schedules, SCHEDULES_PARTITION)
        return {
            entity["RowKey"]: read_row(entity["RowKey"], _plain(entity), entity.metadata["etag"]) for entity in found
        }

    async def save(self, row: ScheduleRow) -> ScheduleRow:
        properties = row_properties(row)
        # Tells our write from another's, should its answer get lost and its repetition meet its own result.
        write_id = uuid.uuid4().hex
        entity: Properties = {**properties, "RowKey": row.name, "writeId": write_id}
        try:
            etag = await self._tables.put(self._schedules, SCHEDULES_PARTITION, entity, row.etag)
        except (ConflictError, NotThereError) as error:
            current = await self._read(row.name, write_id)
            if current is None:
                raise ConflictError(
                    f"the row of schedule {row.name} in table {self._schedules} at {self._tables.host} has changed "
                    "since it was read"
                ) from error
            return current
        return read_row(row.name, properties, etag)

    async def begin_execution(self, schedule: str, note: ExecutionNote) -> None:
        await self._tables.replace(self._schedules, EXECUTIONS_PARTITION + schedule, note_properties(note))

    async def note_execution(self, schedule: str, note: ExecutionNote) -> bool:
        partition = EXECUTIONS_PARTITION + schedule
        try:
            await self._entities.replace(self._schedules, partition, note_properties(note), etag=ANY)
        except NotThereError:
            return False
        return True

    async def executions(self, schedule: str) -> list[ExecutionNote]:
        found = await self._tables.partition(self._schedules, EXECUTIONS_PARTITION + schedule)
        return [read_note(_plain(entity)) for entity in found]

    async def forget_executions(self, schedule: str, notes: Sequence[ExecutionNote]) -> None:
        await self._tables.delete_all(
            self._schedules, EXECUTIONS_PARTITION + schedule, [note_key(note) for note in notes]
        )

    async def write_cycle(self, schedule: str, cycle: Mapping[str, Any]) -> Json | None:
        entity = cycle_properties(cycle)
        try:
            await self._tables.put(self._history, schedule, entity, None)
        except ConflictError:
            if (first := await self.cycle(schedule, cycle["cycle"])) and is_same_cycle(first, cycle):
                return first
            await self._tables.replace(self._history, schedule, entity)
        return None

    async def cycles(self, schedule: str, top: int = 50, token: str | None = None, span: Span = ALWAYS) -> Page:
        parameters = {"after": start_after(CYCLES, token), "end": end_of(CYCLES)}
        question = _RANGE
        if span.end is not None:
            parameters["latest"] = rfc3339(span.end)
            question += " and at le @latest"
        return await self._page(schedule, question, parameters, top, span)

    def token_at(self, number: int) -> str:
        return cycle_token(number)

    async def cycle(self, schedule: str, number: int) -> Json | None:
        try:
            return read_document((await self._entities.get(self._history, schedule, cycle_key(number))).properties)
        except NotThereError:
            return None

    async def write_event(self, schedule: str, event: Mapping[str, Any]) -> None:
        await self._tables.replace(self._history, schedule, event_properties(event))

    async def events(
        self, schedule: str, kind: str | None = None, top: int = 50, token: str | None = None, span: Span = ALWAYS
    ) -> Page:
        after, end = event_times(start_after(EVENTS, token), span.start, span.end)
        parameters, question = {"after": after, "end": end}, _RANGE
        if kind is not None:
            parameters["kind"] = kind
            question += " and kind eq @kind"
        return await self._page(schedule, question, parameters, top, span)

    async def write_looks(self, schedule: str, looks: Sequence[Look]) -> None:
        await self._tables.replace(self._history, schedule, looks_properties(looks))

    async def looks(self, schedule: str, since: datetime) -> list[Look]:
        parameters = {"partition": schedule, "after": LOOKS, "end": f"{looks_key(since)}~"}
        return read_looks(await self._tables.query(self._history, _RANGE, parameters))

    async def trim(self, schedule: str, keep: int, before: datetime | None = None) -> int:
        forgot = await self._trim(schedule, CYCLES, keep, before)
        await self._trim(schedule, EVENTS, keep, before)
        if before is not None:
            await self._trim(schedule, LOOKS, sys.maxsize, before)
        return forgot

    async def write_remark(self, scope: str, key: str, at: datetime, remark: Mapping[str, Any]) -> None:
        await self._tables.replace(self._history, scope, remark_properties(key, at, remark))

    async def remarks(self, scope: str) -> dict[str, Json]:
        found = await self._tables.partition(self._history, scope)
        return dict(read_remark(entity) for entity in found)

    async def remark(self, scope: str, key: str) -> Noted | None:
        try:
            entity = await self._entities.get(self._history, scope, remark_key(key))
        except NotThereError:
            return None
        return Noted(read_remark(entity.properties)[1], entity.etag)

    async def swap_remark(self, scope: str, key: str, at: datetime, remark: Mapping[str, Any], etag: str | None) -> str:
        write_id = uuid.uuid4().hex  # as in `save`
        entity: Properties = {**remark_properties(key, at, remark), "writeId": write_id}
        try:
            return await self._tables.put(self._history, scope, entity, etag)
        except (ConflictError, NotThereError) as error:
            found = await self._tables.query(self._history, _ROW, {"partition": scope, "row": remark_key(key)}, limit=1)
            if found and found[0].get("writeId") == write_id:
                return str(found[0].metadata["etag"])
            raise ConflictError(f"the remark {key} of {scope} has changed since it was read") from error

    async def delete_remark(self, scope: str, key: str, etag: str | None = None) -> None:
        await self._entities.delete(self._history, scope, remark_key(key), etag or ANY)

    async def trim_remarks(self, scope: str, before: datetime) -> None:
        found = await self._tables.query(
            self._history,
            "PartitionKey eq @partition and at lt @before",
            {"partition": scope, "before": rfc3339(before)},
            select=["RowKey"],
        )
        await self._tables.delete_all(self._history, scope, [str(entity["RowKey"]) for entity in found])

    async def check(self) -> None:
        await self._tables.partition(self._schedules, SCHEDULES_PARTITION, limit=1)

    async def close(self) -> None:
        await self._tables.service.close()

    async def _trim(self, schedule: str, prefix: str, keep: int, before: datetime | None) -> int:
        """Page by page, each with its own time and its entries deleted before the next: whatever is done stays done."""
        parameters = {"partition": schedule, "after": prefix, "end": end_of(prefix)}
        forgot, left = 0, keep
        while True:
            page = await self._tables.query(
                self._history, _RANGE, parameters, select=["RowKey", "at"], limit=PAGE_LIMIT
            )
            keys = forgotten(page, left, before)
            await self._tables.delete_all(self._history, schedule, keys)
            forgot += len(keys)
            if len(page) < PAGE_LIMIT:
                return forgot
            left -= len(page)
            parameters["after"] = page[-1]["RowKey"]

    async def _read(self, name: str, write_id: str | None = None) -> ScheduleRow | None:
        """The row, None where there is none; with `write_id`, only if that write is the latest."""
        try:
            entity = await self._entities.get(self._schedules, SCHEDULES_PARTITION, name)
        except NotThereError:
            return None
        if write_id not in (None, entity.properties.get("writeId")):
            return None
        return read_row(name, entity.properties, entity.etag)

    async def _page(self, schedule: str, question: str, parameters: Mapping[str, str], top: int, span: Span) -> Page:
        # One more than asked for tells whether there is a next page.
        given = {"partition": schedule, **parameters}
        found = since(await self._tables.query(self._history, question, given, limit=checked_top(top) + 1), span.start)
        page = found[:top]
        following = page[-1]["RowKey"] if len(found) > top else None
        return Page([read_document(entity) for entity in page], following)


def _plain(entity: Mapping[str, Any]) -> Json:
    return {key: value.value if isinstance(value, EntityProperty) else value for key, value in entity.items()}
