"""Single entities of the table service, read and written without the SDK's pipeline: what every cycle does.

A call costs a quarter of the processor time that it costs through the SDK. Queries, transactions and the tables
themselves are the SDK's (`table_service.py`). The protocol:
https://learn.microsoft.com/rest/api/storageservices/payload-format-for-table-service-operations.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

from ebb.core.errors import ConflictError, SourceUnavailableError, StoreError, StoreUnavailableError
from ebb.core.settings.connection import Connection, Service
from ebb.store.fitting import Properties
from ebb.store.table_service import NotThereError

ANY = "*"  # as an etag: whatever is there, but something must be
_TYPE = "@odata.type"
_INT64 = "Edm.Int64"
_READ = {"accept": "application/json;odata=minimalmetadata", "dataserviceversion": "3.0"}
_WRITTEN = {**_READ, "content-type": "application/json", "prefer": "return-no-content"}
_OF_THE_SERVICE = frozenset({"PartitionKey", "Timestamp"})


class TableResponse(Protocol):
    """What the service answered."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...


class Account(Protocol):
    """Signed requests to one service of a storage account, tried again while it is away."""

    host: str

    async def request(
        self,
        verb: str,
        path: str,
        query: Mapping[str, str],
        body: bytes = b"",
        final: int | None = None,
        more: Mapping[str, str] = ...,
    ) -> TableResponse:
        """Send one request; `more` are further headers.

        Raises:
            SourceUnavailableError: no usable answer in the time that a call has, or the sender is not let in.
        """
        ...


OpenAccount = Callable[[Connection, Service], Account]


class Entity(NamedTuple):
    """One entity as it was read."""

    properties: dict[str, Any]
    etag: str


class Entities:
    """Single entities of the tables of one account."""

    def __init__(self, connection: Connection, open_account: OpenAccount) -> None:
        """Nothing is reached yet. `open_account` gives the account as the running event loop uses it."""
        self._connection, self._open_account = connection, open_account

    async def get(self, table: str, partition: str, row: str) -> Entity:
        """One entity.

        Raises:
            NotThereError: there is none, or no such table.
            StoreUnavailableError: the service cannot be reached, or refuses.
        """
        response = await self._request("GET", table, _path(table, partition, row), b"", _READ)
        return Entity(_properties(response.body), response.headers["ETag"])

    async def insert(self, table: str, partition: str, properties: Properties) -> str:
        """Add an entity; the answer is its etag. Repeated after a lost answer it meets itself, as a conflict.

        Raises:
            ConflictError: there is one.
            NotThereError: there is no such table.
            StoreUnavailableError, StoreError: as `get`; what was sent is not accepted.
        """
        response = await self._request("POST", table, f"/{table}", _body(partition, properties), _WRITTEN)
        return response.headers["ETag"]

    async def replace(self, table: str, partition: str, properties: Properties, etag: str | None = None) -> str:
        """Write an entity over the one that has `etag`, or, without one, over whatever is there; answers its etag.

        Raises:
            ConflictError: it has another etag by now.
            NotThereError: it is gone, or there is no such table.
            StoreUnavailableError, StoreError: as `insert`.
        """
        headers = {**_WRITTEN, "if-match": etag} if etag else _WRITTEN
        path = _path(table, partition, str(properties["RowKey"]))
        return (await self._request("PUT", table, path, _body(partition, properties), headers)).headers["ETag"]

    async def delete(self, table: str, partition: str, row: str, etag: str = ANY) -> None:
        """Remove an entity, with `etag` only as it was read; one that is not there is fine.

        Raises:
            ConflictError: it has another etag by now.
            StoreUnavailableError, StoreError: as `insert`.
        """
        with suppress(NotThereError):
            await self._request("DELETE", table, _path(table, partition, row), b"", {**_READ, "if-match": etag})

    async def _request(self, verb: str, table: str, path: str, body: bytes, more: Mapping[str, str]) -> TableResponse:
        account = self._open_account(self._connection, "table")
        try:
            response = await account.request(verb, path, {}, body, more=more)
        except SourceUnavailableError as error:
            raise StoreUnavailableError(f"table {table} at {error}") from error
        if response.status < 400:
            return response
        code = _code(response)
        text = f"table {table} at {account.host}: {response.status} {code}"
        if response.status == 404:
            raise NotThereError(text, table_missing=code == "TableNotFound")
        if response.status in (409, 412):
            raise ConflictError(text)
        raise StoreError(f"table {table} at {account.host} does not accept the request ({response.status} {code})")


def _code(response: TableResponse) -> str:
    try:
        return str(json.loads(response.body)["odata.error"]["code"])
    except (ValueError, KeyError, TypeError):
        return response.headers.get("x-ms-error-code", "")


def _body(partition: str, properties: Properties) -> bytes:
    """The entity as JSON; whole numbers as 64-bit ones: counts may pass what the service takes an untyped one for."""
    document: dict[str, str] = {"PartitionKey": partition}
    for name, value in properties.items():
        document[name] = str(value)
        if isinstance(value, int):
            document[name + _TYPE] = _INT64
    return json.dumps(document, separators=(",", ":")).encode()


def _properties(body: bytes) -> dict[str, Any]:
    """What `_body` gave, as the service gives it back: without its own notes."""
    found: dict[str, Any] = json.loads(body)
    whole = {name.removesuffix(_TYPE) for name, kind in found.items() if kind == _INT64 and name.endswith(_TYPE)}
    return {
        name: int(value) if name in whole else value
        for name, value in found.items()
        if "odata." not in name and name not in _OF_THE_SERVICE
    }


def _path(table: str, partition: str, row: str) -> str:
    return f"/{table}(PartitionKey='{_key(partition)}',RowKey='{_key(row)}')"


def _key(text: str) -> str:
    return quote(text.replace("'", "''"), safe="")
