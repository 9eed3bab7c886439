"""The store on Azure Tables: `EbbSchedules`, one row a schedule, and `EbbHistory`, one partition a schedule.

A cycle is one entity with its executions, so that it is written at once and read in one query. Tables are created by
the first write that misses them. Layout and reasons: docs/decisions/2026-11-table-layout.md.
"""

from __future__ import annotations

import re
import sys
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

from azure.core import MatchConditions
from azure.data.tables import EdmType, EntityProperty, UpdateMode
from azure.data.tables.aio import TableClient

from ebb.core.clock import rfc3339
from ebb.core.errors import ConflictError
from ebb.core.pages import ALWAYS, Page, Span
from ebb.core.remarks import Noted
from ebb.core.row.execution_note import ExecutionNote
from ebb.core.row.looks import Look
from ebb.core.row.schedule_row import ScheduleRow
from ebb.core.settings.connection import Connection
from ebb.store.codec import (
    Properties,
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
    read_row,
    remark_key,
    remark_properties,
    row_properties,
    since,
)
from ebb.store.keys import (
    CYCLES,
    EVENTS,
    LOOKS,
    checked_top,
    cycle_key,
    end_of,
    event_times,
    looks_key,
    start_after,
)
from ebb.store.table_service import NotThereError, TableService

T = TypeVar("T")
SCHEDULES_PARTITION = "schedules"
EXECUTIONS_PARTITION = "executions-"
PREFIX_PATTERN = r"[A-Za-z][A-Za-z0-9]{0,50}"  # of the tables' names
TRANSACTION_LIMIT = 100  # operations; the service's limit
PAGE_LIMIT = 1000  # entities of one answer; the service's limit
AGAIN = {"retry_on_methods": ("POST",)}  # for an insert that may be repeated: the SDK repeats none by itself
_ROW = "PartitionKey eq @partition and RowKey eq @row"
_RANGE = "PartitionKey eq @partition and RowKey gt @after and RowKey lt @end"


class TableStore:
    """A `Store` in the tables `<prefix>Schedules` and `<prefix>History` of one storage account."""

    def __init__(self, connection: Connection, prefix: str = "Ebb") -> None:
        """Nothing is reached until the first call.

        Raises:
            SettingsError: the connection names no table service.
            ValueError: tables cannot be named so.
        """
        if not re.fullmatch(PREFIX_PATTERN, prefix):
            raise ValueError(f"{prefix!r} cannot begin a table's name: use letters and digits, a letter first")
        self._service = TableService(connection)
        self._schedules = f"{prefix}Schedules"
        self._history = f"{prefix}History"

    async def get(self, name: str) -> ScheduleRow:
        return await self._read(name) or ScheduleRow(name=name)

    async def rows(self) -> dict[str, ScheduleRow]:
        found = await self._query(self._schedules, "PartitionKey eq @partition", {"partition": SCHEDULES_PARTITION})
        return {
            entity["RowKey"]: read_row(entity["RowKey"], _plain(entity), entity.metadata["etag"]) for entity in found
        }

    async def save(self, row: ScheduleRow) -> ScheduleRow:
        properties = row_properties(row)
        # Tells our write from another's, should its answer get lost and its repetition meet its own result.
        write_id = uuid.uuid4().hex
        entity = _entity(SCHEDULES_PARTITION, {**properties, "RowKey": row.name, "writeId": write_id})
        try:
            metadata = await self._write(self._schedules, lambda client: _put(client, entity, row.etag))
        except (ConflictError, NotThereError) as error:
            current = await self._read(row.name, write_id)
            if current is None:
                raise ConflictError(
                    f"the row of schedule {row.name} in table {self._schedules} at {self._service.host} has changed "
                    "since it was read"
                ) from error
            return current
        return read_row(row.name, properties, metadata["etag"])

    async def begin_execution(self, schedule: str, note: ExecutionNote) -> None:
        entity = _entity(EXECUTIONS_PARTITION + schedule, note_properties(note))
        await self._write(self._schedules, lambda client: client.upsert_entity(entity, mode=UpdateMode.REPLACE))

    async def note_execution(self, schedule: str, note: ExecutionNote) -> bool:
        entity = _entity(EXECUTIONS_PARTITION + schedule, note_properties(note))
        try:
            async with self._service.calling(self._schedules) as client:
                await client.update_entity(entity, mode=UpdateMode.REPLACE)
        except NotThereError:
            return False
        return True

    async def executions(self, schedule: str) -> list[ExecutionNote]:
        partition = EXECUTIONS_PARTITION + schedule
        found = await self._query(self._schedules, "PartitionKey eq @partition", {"partition": partition})
        return [read_note(_plain(entity)) for entity in found]

    async def forget_executions(self, schedule: str, notes: Sequence[ExecutionNote]) -> None:
        partition, keys = EXECUTIONS_PARTITION + schedule, [note_key(note) for note in notes]
        for start in range(0, len(keys), TRANSACTION_LIMIT):
            await self._delete(self._schedules, partition, keys[start : start + TRANSACTION_LIMIT])

    async def write_cycle(self, schedule: str, cycle: Mapping[str, Any]) -> dict[str, Any] | None:
        entity = _entity(schedule, cycle_properties(cycle))
        try:
            await self._write(self._history, lambda client: client.create_entity(entity, **AGAIN))
        except ConflictError:
            if (first := await self.cycle(schedule, cycle["cycle"])) and is_same_cycle(first, cycle):
                return first
            await self._replace(entity)
        return None

    async def cycles(self, schedule: str, top: int = 50, token: str | None = None, span: Span = ALWAYS) -> Page:
        parameters = {"after": start_after(CYCLES, token), "end": end_of(CYCLES)}
        question = _RANGE
        if span.end is not None:
            parameters["latest"] = rfc3339(span.end)
            question += " and at le @latest"
        return await self._page(schedule, question, parameters, top, span)

    async def cycle(self, schedule: str, number: int) -> dict[str, Any] | None:
        try:
            async with self._service.calling(self._history) as client:
                return read_document(await client.get_entity(schedule, cycle_key(number)))
        except NotThereError:
            return None

    async def write_event(self, schedule: str, event: Mapping[str, Any]) -> None:
        await self._replace(_entity(schedule, event_properties(event)))

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
        await self._replace(_entity(schedule, looks_properties(looks)))

    async def looks(self, schedule: str, since: datetime) -> list[Look]:
        parameters = {"partition": schedule, "after": LOOKS, "end": f"{looks_key(since)}~"}
        return read_looks(await self._query(self._history, _RANGE, parameters))

    async def trim(self, schedule: str, keep: int, before: datetime | None = None) -> int:
        forgot = await self._trim(schedule, CYCLES, keep, before)
        await self._trim(schedule, EVENTS, keep, before)
        if before is not None:
            await self._trim(schedule, LOOKS, sys.maxsize, before)
        return forgot

    async def write_remark(self, scope: str, key: str, at: datetime, remark: Mapping[str, Any]) -> None:
        await self._replace(_entity(scope, remark_properties(key, at, remark)))

    async def remarks(self, scope: str) -> dict[str, dict[str, Any]]:
        found = await self._query(self._history, "PartitionKey eq @partition", {"partition": scope})
        return dict(read_remark(entity) for entity in found)

    async def remark(self, scope: str, key: str) -> Noted | None:
        try:
            async with self._service.calling(self._history) as client:
                entity = await client.get_entity(scope, remark_key(key))
        except NotThereError:
            return None
        return Noted(read_remark(entity)[1], entity.metadata["etag"] or "")

    async def swap_remark(self, scope: str, key: str, at: datetime, remark: Mapping[str, Any], etag: str | None) -> str:
        write_id = uuid.uuid4().hex  # as in `save`
        entity = {**_entity(scope, remark_properties(key, at, remark)), "writeId": write_id}
        try:
            metadata = await self._write(self._history, lambda client: _put(client, entity, etag))
        except (ConflictError, NotThereError) as error:
            found = await self._query(self._history, _ROW, {"partition": scope, "row": remark_key(key)}, limit=1)
            if found and found[0].get("writeId") == write_id:
                return str(found[0].metadata["etag"])
            raise ConflictError(f"the remark {key} of {scope} has changed since it was read") from error
        return str(metadata["etag"])

    async def delete_remark(self, scope: str, key: str) -> None:
        async with self._service.calling(self._history) as client:
            await client.delete_entity(scope, remark_key(key))  # says nothing where there is none

    async def trim_remarks(self, scope: str, before: datetime) -> None:
        found = await self._query(
            self._history,
            "PartitionKey eq @partition and at lt @before",
            {"partition": scope, "before": rfc3339(before)},
            select=["RowKey"],
        )
        for entity in found:
            async with self._service.calling(self._history) as client:
                await client.delete_entity(scope, entity["RowKey"])

    async def check(self) -> None:
        await self._query(self._schedules, "PartitionKey eq @partition", {"partition": SCHEDULES_PARTITION}, limit=1)

    async def close(self) -> None:
        await self._service.close()

    async def _trim(self, schedule: str, prefix: str, keep: int, before: datetime | None) -> int:
        """Page by page, each with its own time and its entries deleted before the next: whatever is done stays done."""
        parameters = {"partition": schedule, "after": prefix, "end": end_of(prefix)}
        forgot, left = 0, keep
        while True:
            page = await self._query(self._history, _RANGE, parameters, select=["RowKey", "at"], limit=PAGE_LIMIT)
            keys = forgotten(page, left, before)
            for start in range(0, len(keys), TRANSACTION_LIMIT):
                await self._delete(self._history, schedule, keys[start : start + TRANSACTION_LIMIT])
            forgot += len(keys)
            if len(page) < PAGE_LIMIT:
                return forgot
            left -= len(page)
            parameters["after"] = page[-1]["RowKey"]

    async def _read(self, name: str, write_id: str | None = None) -> ScheduleRow | None:
        """The row, None where there is none; with `write_id`, only if that write is the latest."""
        try:
            async with self._service.calling(self._schedules) as client:
                entity = await client.get_entity(SCHEDULES_PARTITION, name)
        except NotThereError:
            return None
        if write_id not in (None, entity.get("writeId")):
            return None
        return read_row(name, _plain(entity), entity.metadata["etag"] or "")

    async def _page(self, schedule: str, question: str, parameters: Mapping[str, str], top: int, span: Span) -> Page:
        # One more than asked for tells whether there is a next page.
        given = {"partition": schedule, **parameters}
        found = since(await self._query(self._history, question, given, limit=checked_top(top) + 1), span.start)
        page = found[:top]
        following = page[-1]["RowKey"] if len(found) > top else None
        return Page([read_document(entity) for entity in page], following)

    async def _query(
        self,
        table: str,
        question: str,
        parameters: Mapping[str, str],
        select: list[str] | None = None,
        limit: int | None = None,
    ) -> list[Any]:
        """Entities in the order of their keys, at most `limit`; none where the table does not exist yet."""
        found: list[Any] = []
        try:
            async with self._service.calling(table) as client:
                answers = client.query_entities(
                    question,
                    parameters=dict(parameters),
                    select=select,
                    results_per_page=min(limit or PAGE_LIMIT, PAGE_LIMIT),
                )
                async for entity in answers:
                    found.append(entity)
                    if len(found) == limit:
                        break
        except NotThereError:
            return []
        return found

    async def _write(self, table: str, operation: Callable[[TableClient], Awaitable[T]]) -> T:
        """Do `operation`; when its table does not exist, create it and do it again."""
        try:
            async with self._service.calling(table) as client:
                return await operation(client)
        except NotThereError as error:
            if not error.table_missing:
                raise
        with suppress(ConflictError):  # another process created it first
            async with self._service.calling(table) as client:
                await client.create_table()
        async with self._service.calling(table) as client:
            return await operation(client)

    async def _replace(self, entity: dict[str, Any]) -> None:
        await self._write(self._history, lambda client: client.upsert_entity(entity, mode=UpdateMode.REPLACE))

    async def _delete(self, table: str, partition: str, keys: list[str]) -> None:
        """Delete entities in one transaction; one by one when somebody else deleted some of them first."""
        entities = [{"PartitionKey": partition, "RowKey": key} for key in keys]
        if len(entities) > 1:  # one alone is quicker without: a transaction is a request in a request
            try:
                async with self._service.calling(table) as client:
                    await client.submit_transaction([("delete", entity) for entity in entities])
                return
            except NotThereError:
                pass
        for entity in entities:
            async with self._service.calling(table) as client:
                await client.delete_entity(entity)  # says nothing where there is none


async def _put(client: TableClient, entity: dict[str, Any], etag: str | None) -> Mapping[str, Any]:
    if etag is None:
        return await client.create_entity(entity)
    return await client.update_entity(
        entity, mode=UpdateMode.REPLACE, etag=etag, match_condition=MatchConditions.IfNotModified
    )


def _entity(partition: str, properties: Properties) -> dict[str, Any]:
    """Whole numbers as 64-bit ones: counts may pass what the service takes an untyped number for."""
    values = {
        key: EntityProperty(value, EdmType.INT64) if isinstance(value, int) else str(value)
        for key, value in properties.items()
    }
    return {"PartitionKey": partition, **values}


def _plain(entity: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value.value if isinstance(value, EntityProperty) else value for key, value in entity.items()}
