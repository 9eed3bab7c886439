"""A look at a storage account from where the doctor runs: reads and peeks only, nothing is created or taken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential, TokenCredential
from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueServiceClient

from ebb.core.settings.connection import Connection

T = TypeVar("T")
Credential = AzureNamedKeyCredential | AzureSasCredential | TokenCredential
SETTINGS: dict[str, Any] = {"retry_total": 0, "connection_timeout": 5, "read_timeout": 15}


class RefusedError(Exception):
    """The account could not be asked; `code` is the service's word, or "unreachable"."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class StorageLook:
    """Queues and tables of one connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.server: str | None = None  # the Server header of the latest answer
        self.date: datetime | None = None  # the service's own time in the latest answer
        self._credential = _credential_of(connection)
        options: dict[str, Any] = {**SETTINGS, "raw_response_hook": self._remember}
        self.queues = QueueServiceClient(connection.endpoint("queue"), credential=self._credential, **options)
        self.tables = TableServiceClient(endpoint=connection.endpoint("table"), credential=self._credential, **options)

    def ask(self, call: Callable[[], T]) -> T | None:
        """The answer of `call`; None when what it asks for does not exist.

        Raises:
            RefusedError: no answer, or the service says no.
        """
        try:
            return call()
        except ResourceNotFoundError:
            return None
        except HttpResponseError as fault:
            code = getattr(fault, "error_code", None) or fault.status_code
            raise RefusedError(str(getattr(code, "value", code)), _brief(fault)) from fault
        except AzureError as fault:
            raise RefusedError("unreachable", _brief(fault)) from fault

    def queue_names(self, prefix: str) -> list[str]:
        """Names of the queues that begin with `prefix`."""
        return self.ask(lambda: [queue.name for queue in self.queues.list_queues(name_starts_with=prefix)]) or []

    def queue_count(self, name: str) -> int | None:
        """Messages in queue `name`; None when there is no such queue."""
        queue = self.queues.get_queue_client(name)
        found = self.ask(lambda: queue.get_queue_properties(raw_response_hook=self._remember))
        return None if found is None else int(found.approximate_message_count or 0)

    def peek(self, name: str, count: int = 16) -> list[str]:
        """The texts of up to `count` messages of queue `name`, which stay where they are."""
        queue = self.queues.get_queue_client(name, message_encode_policy=None, message_decode_policy=None)
        found = self.ask(lambda: queue.peek_messages(max_messages=count)) or []
        return [str(message.content) for message in found]

    def rows(self, table: str, query: str = "", select: list[str] | None = None, top: int = 50) -> list[dict[str, Any]]:
        """Up to `top` rows of `table`; none when there is no such table."""

        def read() -> list[dict[str, Any]]:
            client = self.tables.get_table_client(table)
            pages = client.query_entities(  # pyright: ignore[reportUnknownMemberType] - it leaves its options open
                query, select=select, results_per_page=top, raw_response_hook=self._remember
            )
            return [dict(row) for _, row in zip(range(top), pages, strict=False)]

        return self.ask(read) or []

    def close(self) -> None:
        """Close the connections."""
        self.queues.close()
        self.tables.close()

    def _remember(self, response: Any) -> None:
        headers = response.http_response.headers
        self.server = headers.get("Server")
        if headers.get("Date"):
            self.date = parsedate_to_datetime(headers["Date"])


def _credential_of(connection: Connection) -> Credential:
    if connection.account_name and connection.account_key:
        return AzureNamedKeyCredential(connection.account_name, connection.account_key)
    if connection.sas:
        return AzureSasCredential(connection.sas)
    from azure.identity import DefaultAzureCredential  # slow to import, and most runs have a key or an emulator

    return DefaultAzureCredential(**connection.identity_options)


def _brief(fault: AzureError) -> str:
    """The first line, without the address that may be signed."""
    return str(fault.message).splitlines()[0].split("?")[0][:200]
