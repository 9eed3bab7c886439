"""Who asks for a token of Service Bus and Event Hubs, by the app settings. Not run against the services themselves."""

from __future__ import annotations

from typing import Any, ClassVar

import azure.identity.aio
import pytest
from azure.core.credentials import AccessToken

from ebb.core.settings.namespace_connection import resolve_namespace
from ebb.sources.identity import namespace_identity
from ebb.sources.service_bus.receiving import open_client

HOST = "ns.servicebus.windows.net"
SCOPE = "https://servicebus.azure.net/.default"


class Asked:
    """Stands for a credential of azure-identity, and remembers how it was made."""

    made: ClassVar[tuple[str, dict[str, Any]]] = "", {}

    def __init__(self, **options: Any) -> None:
        Asked.made = type(self).__name__, options

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        return AccessToken(" ".join(scopes), 1)

    async def __aenter__(self) -> Asked:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


@pytest.mark.parametrize(
    ("settings", "credential", "options"),
    [
        ({}, "DefaultAzureCredential", {}),
        ({"Bus__clientId": "c1"}, "DefaultAzureCredential", {"managed_identity_client_id": "c1"}),
        ({"Bus__credential": "managedidentity"}, "ManagedIdentityCredential", {"client_id": None}),
        (
            {"Bus__credential": "ManagedIdentity", "Bus__clientId": "c1"},
            "ManagedIdentityCredential",
            {"client_id": "c1"},
        ),
    ],
)
async def test_credential_is_the_one_that_the_settings_name(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], credential: str, options: dict[str, Any]
) -> None:
    for name in ("DefaultAzureCredential", "ManagedIdentityCredential"):
        monkeypatch.setattr(azure.identity.aio, name, type(name, (Asked,), {}))
    connection = resolve_namespace("Bus", {"Bus__fullyQualifiedNamespace": HOST, **settings})
    token = await namespace_identity(connection).get_token(SCOPE)
    assert token.token == SCOPE
    assert Asked.made == (credential, options)


async def test_client_of_the_sdk_is_made_for_the_namespace_and_asks_nothing_yet() -> None:
    connection = resolve_namespace("Bus", {"Bus__fullyQualifiedNamespace": HOST})
    client = open_client(connection)
    assert client.fully_qualified_namespace == HOST
    await client.close()
