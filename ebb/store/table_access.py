"""Access to tables that may not be there yet: the first write that misses its table creates it, a read finds nothing.

What takes several entities at once, or the SDK, is here; one entity by itself is in `entities.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from ebb.core.errors import ConflictError
from ebb.store.entities import Entities
from ebb.store.fitting import Properties
from ebb.store.table_service import NotThereError, TableService

T = TypeVar("T")
TRANSACTION_LIMIT = 100  # operations; the service's limit
PAGE_LIMIT = 1000  # entities of one answer; the service's limit


class TableAccess:
    """The tables of one account, by their names."""

    def __init__(self, service: TableService, entities: Entities) -> None:
        self.service, self._entities = service, entities
        self.host = service.host

    async def query(
        self,
        table: str,
        question: str,
        parameters: Mapping[str, str],
        select: list[str] | None = None,
        limit: int | None = None,
    ) -> list[Any]:
        """Entities in the order of their keys, at most `limit`; none where the table does not exist yet.

        Raises:
            StoreUnavailableError: the service cannot be reached, or refuses.
        """
        found: list[Any] = []
        try:
            async with self.service.calling(table) as client:
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

    async def partition(self, table: str, partition: str, limit: int | None = None) -> list[Any]:
        """As `query`, all of one partition."""
        return await self.query(table, "PartitionKey eq @partition", {"partition": partition}, limit=limit)

    async def put(self, table: str, partition: str, properties: Properties, etag: str | None) -> str:
        """Write over the entity that has `etag`, or, without one, where there is none; the answer is its etag.

        Raises:
            ConflictError: there is one already, or it has another etag by now.
            NotThereError: the entity that had `etag` is gone.
            StoreUnavailableError, StoreError: as of `Entities`.
        """
        if etag is None:
            return await self._made(table, lambda: self._entities.insert(table, partition, properties))
        return await self._entities.replace(table, partition, properties, etag)

    async def replace(self, table: str, partition: str, properties: Properties) -> None:
        """Write an entity, over what is there. Errors as of `Entities`."""
        await self._made(table, lambda: self._entities.replace(table, partition, properties))

    async def delete_all(self, table: str, partition: str, keys: Sequence[str]) -> None:
        """Delete entities of one partition; those that are not there are fine. Errors as `query`."""
        for start in range(0, len(keys), TRANSACTION_LIMIT):
            await self._delete(table, partition, keys[start : start + TRANSACTION_LIMIT])

    async def _made(self, table: str, operation: Callable[[], Awaitable[T]]) -> T:
        """Do `operation`; when its table does not exist, create it and do it again."""
        try:
            return await operation()
        except NotThereError as error:
            if not error.table_missing:
                raise
        with suppress(ConflictError):  # another process created it first
            async with self.service.calling(table) as client:
                await client.create_table()  # pyright: ignore[reportUnknownMemberType] - as query_entities
        return await operation()

    async def _delete(self, table: str, partition: str, keys: Sequence[str]) -> None:
        """Delete entities in one transaction; one by one when somebody else deleted some of them first."""
        if len(keys) > 1:  # one alone is quicker without: a transaction is a request in a request
            try:
                async with self.service.calling(table) as client:
                    await client.submit_transaction(  # pyright: ignore[reportUnknownMemberType] - as query_entities
                        [("delete", {"PartitionKey": partition, "RowKey": key}) for key in keys]
                    )
                return
            except NotThereError:
                pass
        for key in keys:
            await self._entities.delete(table, partition, key)
