"""The table service of one storage account: clients for the running event loop, bounded waits, errors in our words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from azure.data.tables import TableErrorCode
from azure.data.tables.aio import TableClient, TableServiceClient

from ebb.core.errors import ConflictError, SettingsError, StoreError, StoreUnavailableError
from ebb.core.settings.connection import Connection

CONNECT_SECONDS = 5
READ_SECONDS = 8  # silence of a server that has the request
TOTAL_SECONDS = 20  # of one call of ours, retries included: a dead store is an error within seconds
_RETRIES: dict[str, Any] = {"retry_total": 2, "retry_connect": 1, "retry_backoff_factor": 0.2, "retry_backoff_max": 2}
_CONFLICTS = {TableErrorCode.ENTITY_ALREADY_EXISTS.value, TableErrorCode.TABLE_ALREADY_EXISTS.value}


class NotThereError(StoreError):
    """The entity, or the table that it should be in, does not exist."""

    def __init__(self, message: str, table_missing: bool) -> None:
        super().__init__(message)
        self.table_missing = table_missing


class TableService:
    """Makes clients when they are first needed: an aiohttp session belongs to the event loop that it was made in."""

    def __init__(self, connection: Connection) -> None:
        """Nothing is reached yet.

        Raises:
            SettingsError: the connection names no table service, or no credential for it.
        """
        self._connection = connection
        self._endpoint = connection.endpoint("table")
        self.host = urlsplit(self._endpoint).netloc
        if connection.kind == "connectionString" and not (connection.account_key or connection.sas):
            raise SettingsError(f"app setting {connection.name} has no key for the table service: add AccountKey=...")
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, _LoopClients] = WeakKeyDictionary()

    @asynccontextmanager
    async def calling(self, table: str) -> AsyncGenerator[TableClient]:
        """A client of `table`, for calls that together take at most `TOTAL_SECONDS`.

        Raises:
            NotThereError: the entity or the table does not exist.
            ConflictError: an ETag did not match, or something is there already.
            StoreUnavailableError: the service cannot be reached, or refuses.
            StoreError: the service does not accept what was sent.
        """
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                yield self._client(table)
        except TimeoutError as error:
            raise StoreUnavailableError(
                f"table {table} at {self.host} did not answer within {TOTAL_SECONDS} s"
            ) from error
        except ClientAuthenticationError as error:
            raise self._refused(table, error) from error
        except HttpResponseError as error:
            raise self._translated(table, error) from error
        except AzureError as error:
            raise StoreUnavailableError(
                f"table {table} at {self.host} cannot be reached ({type(error).__name__}): is app setting "
                f"{self._connection.name} right, and the storage account or emulator up?"
            ) from error

    async def close(self) -> None:
        """Close the clients of the running event loop."""
        clients = self._clients.pop(asyncio.get_running_loop(), None)
        if clients:
            await clients.close()

    def _client(self, table: str) -> TableClient:
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            self._clients[loop] = _LoopClients(self._connection, self._endpoint)
        return self._clients[loop].table(table)

    def _translated(self, table: str, error: HttpResponseError) -> StoreError:
        code = _code(error)
        where = f"table {table} at {self.host}"
        said = f"{error.status_code} {code}".strip()
        if error.status_code == 404:
            return NotThereError(f"{where}: {said}", table_missing=code == TableErrorCode.TABLE_NOT_FOUND.value)
        if error.status_code == 412 or code in _CONFLICTS:
            return ConflictError(f"{where}: {said}")
        if error.status_code == 403:
            return self._refused(table, error)
        if error.status_code in (400, 413):
            return StoreError(f"{where} does not accept the request ({said})")
        return StoreUnavailableError(f"{where} answered {said}; it may be busy: the call can be repeated")

    def _refused(self, table: str, error: HttpResponseError) -> StoreUnavailableError:
        way_out = (
            "does the identity have the role Storage Table Data Contributor?"
            if self._connection.kind == "identity"
            else "is its key or signature current?"
        )
        return StoreUnavailableError(
            f"table {table} at {self.host} refuses the credentials of app setting {self._connection.name} "
            f"({error.status_code or type(error).__name__}): {way_out}"
        )


def _code(error: HttpResponseError) -> str:
    """The service's own code of an error. Inserts raise before the SDK has read it, so that the body is asked then."""
    code: Any = getattr(error, "error_code", None)
    if code is None and error.response is not None:
        with suppress(ValueError, KeyError, TypeError):
            code = json.loads(error.response.text())["odata.error"]["code"]
    return str(getattr(code, "value", code) or "")


class _LoopClients:
    """What belongs to one event loop: the credential, the service's HTTP session, and a client for each table."""

    def __init__(self, connection: Connection, endpoint: str) -> None:
        self._credential = _credential(connection)
        self._service = TableServiceClient(
            endpoint,
            credential=self._credential,
            connection_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            **_RETRIES,
        )
        self._tables: dict[str, TableClient] = {}

    def table(self, name: str) -> TableClient:
        if name not in self._tables:
            self._tables[name] = self._service.get_table_client(name)
        return self._tables[name]

    async def close(self) -> None:
        await self._service.close()
        if isinstance(self._credential, AsyncTokenCredential):
            await self._credential.close()


def _credential(connection: Connection) -> AzureNamedKeyCredential | AzureSasCredential | AsyncTokenCredential:
    if connection.account_key:
        return AzureNamedKeyCredential(connection.account_name or "", connection.account_key)
    if connection.sas:
        return AzureSasCredential(connection.sas)
    # Imported late: it costs a third of a second that connections by key need not pay.
    from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

    if connection.credential == "managedidentity":
        return ManagedIdentityCredential(client_id=connection.client_id)
    return DefaultAzureCredential(**connection.identity_options)
