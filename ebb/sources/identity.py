"""Which identity of azure-identity a connection names, and credentials that nobody has to close."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ebb.core.settings.connection import Connection
from ebb.core.settings.namespace_connection import NamespaceConnection

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken
    from azure.core.credentials_async import AsyncTokenCredential


def open_identity(connection: Connection | NamespaceConnection) -> AsyncTokenCredential:
    """The credential that the app settings of `connection` name. Close it after use."""
    from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

    if connection.credential == "managedidentity":
        return ManagedIdentityCredential(client_id=connection.client_id)
    return DefaultAzureCredential(**connection.identity_options)


class TokensOf:
    """A credential for clients of the Azure SDK, by a function that gives its tokens."""

    def __init__(self, give: Callable[..., Awaitable[AccessToken]]) -> None:
        self._give = give

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """A token for `scopes`.

        Raises:
            azure.core.exceptions.AzureError: the identity gives none.
        """
        return await self._give(*scopes, **options)

    async def close(self) -> None:
        """Nothing is held."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Nothing is held."""


def namespace_identity(connection: NamespaceConnection) -> TokensOf:
    """The identity for a namespace of Service Bus or Event Hubs; it is opened for each token."""

    async def give(*scopes: str, **options: Any) -> AccessToken:
        async with open_identity(connection) as credential:
            return await credential.get_token(*scopes, **options)

    return TokensOf(give)
