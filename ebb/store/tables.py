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
from ebb.store.entities import ANY, Entities, OpenAccount
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
from ebb.store.table_service import NotThereError, TableService

T = TypeVar("T")
SCHEDULES_PARTITION = "schedules"
EXECUTIONS_PARTITION = "executions-"
PREFIX_PATTERN = r"[A-Za-z][A-Za-z0-9]{0,50}"  # of the tables' names
TRANSACTION_LIMIT = 100  # operations; the service's limit
PAGE_LIMIT = 1000  # entities of one answer; the service's limit
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
        self._service, self._entities = TableService(connection), Entities(connection, open_account)
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
        entity: Properties = {**properties, "RowKey": row.name, "writeId": write_id}
        try:
            etag = await self._put(self._schedules, SCHEDULES_PARTITION, entity, row.etag)
        except (ConflictError, NotThereError) as error:
            current = await self._read(row.name, write_id)
            if current is None:
                raise ConflictError(
                    f"the row of schedule {row.name} in table {self._schedules} at {self._service.host} has changed "
                    "since it was read"
                ) from error
            return current
        return read_row(row.name, properties, etag)

    async def begin_execution(self, schedule: str, note: ExecutionNote) -> None:
        await self._replace(self._schedules, EXECUTIONS_PARTITION + schedule, note_properties(note))

    async def note_execution(self, schedule: str, note: ExecutionNote) -> bool:
        partition = EXECUTIONS_PARTITION + schedule
        try:
            await self._entities.replace(self._schedules, partition, note_properties(note), etag=ANY)
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

    async def write_cycle(self, schedule: str, cycle: Mapping[str, Any]) -> Json | None:
        entity = cycle_properties(cycle)
        try:
            await self._put(self._history, schedule, entity, None)
        except ConflictError:
            if (first := await self.cycle(schedule, cycle["cycle"])) and is_same_cycle(first, cycle):
                return first
            await self._replace(self._history, schedule, entity)
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
        await self._replace(self._history, schedule, event_properties(event))

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
        await self._replace(self._history, schedule, looks_properties(looks))

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
        await self._replace(self._history, scope, remark_properties(key, at, remark))

    async def remarks(self, scope: str) -> dict[str, Json]:
        found = await self._query(self._history, "PartitionKey eq @partition", {"partition": scope})
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
            return await self._put(self._history, scope, entity, etag)
        except (ConflictError, NotThereError) as error:
            found = await self._query(self._history, _ROW, {"partition": scope, "row": remark_key(key)}, limit=1)
            if found and found[0].get("writeId") == write_id:
                return str(found[0].metadata["etag"])
            raise ConflictError(f"the remark {key} of {scope} has changed since it was read") from error

    async def delete_remark(self, scope: str, key: str, etag: str | None = None) -> None:
        await self._entities.delete(self._history, scope, remark_key(key), etag or ANY)

    async def trim_remarks(self, scope: str, before: datetime) -> None:
        found = await self._query(
            self._history,
            "PartitionKey eq @partition and at lt @before",
            {"partition": scope, "before": rfc3339(before)},
            select=["RowKey"],
        )
        keys = [str(entity["RowKey"]) for entity in found]
        for start in range(0, len(keys), TRANSACTION_LIMIT):
            await self._delete(self._history, scope, keys[start : start + TRANSACTION_LIMIT])

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
            entity = await self._entities.get(self._schedules, SCHEDULES_PARTITION, name)
        except NotThereError:
            return None
        if write_id not in (None, entity.properties.get("writeId")):
            return None
        return read_row(name, entity.properties, entity.etag)

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
                answers = client.query_entities(  # pyright: ignore[reportUnknownMemberType] - the SDK leaves **kwargs open
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

    async def _put(self, table: str, partition: str, properties: Properties, etag: str | None) -> str:
        """Write over the entity that has `etag`, or, without one, where there is none; the answer is its etag."""
        if etag is None:
            return await self._made(table, lambda: self._entities.insert(table, partition, properties))
        return await self._entities.replace(table, partition, properties, etag)

    async def _replace(self, table: str, partition: str, properties: Properties) -> None:
        await self._made(table, lambda: self._entities.replace(table, partition, properties))

    async def _made(self, table: str, operation: Callable[[], Awaitable[T]]) -> T:
        """Do `operation`; when its table does not exist, create it and do it again."""
        try:
            return await operation()
        except NotThereError as error:
            if not error.table_missing:
                raise
        with suppress(ConflictError):  # another process created it first
            async with self._service.calling(table) as client:
                await client.create_table()  # pyright: ignore[reportUnknownMemberType] - as in _query
        return await operation()

    async def _delete(self, table: str, partition: str, keys: list[str]) -> None:
        """Delete entities in one transaction; one by one when somebody else deleted some of them first."""
        if len(keys) > 1:  # one alone is quicker without: a transaction is a request in a request
            try:
                async with self._service.calling(table) as client:
                    await client.submit_transaction(  # pyright: ignore[reportUnknownMemberType] - as in _query
                        [("delete", {"PartitionKey": partition, "RowKey": key}) for key in keys]
                    )
                return
            except NotThereError:
                pass
        for key in keys:
            await self._entities.delete(table, partition, key)


def _plain(entity: Mapping[str, Any]) -> Json:
    return {key: value.value if isinstance(value, EntityProperty) else value for key, value in entity.items()}
