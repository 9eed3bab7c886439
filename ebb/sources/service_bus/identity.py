"""Tokens of an identity for a namespace of Service Bus or Event Hubs."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

from ebb.core.settings.namespace_connection import NamespaceConnection

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken


class NamespaceIdentity:
    """A credential of azure-identity that is opened for each token, so that nobody has to close it."""

    def __init__(self, connection: NamespaceConnection) -> None:
        self._connection = connection

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """A token for `scopes`.

        Raises:
            azure.core.exceptions.AzureError: the identity gives none.
        """
        from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

        connection = self._connection
        if connection.credential == "managedidentity":
            credential = ManagedIdentityCredential(client_id=connection.client_id)
        elif connection.client_id:
            credential = DefaultAzureCredential(managed_identity_client_id=connection.client_id)
        else:
            credential = DefaultAzureCredential()
        async with credential:
            return await credential.get_token(*scopes, **options)

    async def close(self) -> None:
        """There is nothing to close."""

    async def __aenter__(self) -> NamespaceIdentity:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        return None
