"""What an app setting says about a namespace of Service Bus or Event Hubs: a connection string, or an identity. No I/O.

    Orders = Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=...;SharedAccessKey=...[;EntityPath=...]
    Orders__fullyQualifiedNamespace = ns.servicebus.windows.net          (an identity)

The forms are those of Azure Functions' own connections
(https://learn.microsoft.com/azure/azure-functions/functions-bindings-service-bus#connections).
`UseDevelopmentEmulator=true` in a connection string means a server without TLS
(https://learn.microsoft.com/azure/service-bus-messaging/overview-emulator).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote_plus

from ebb.core.errors import SettingsError
from ebb.core.settings.app_settings import Section, find_connection_section, resolve_placeholders

_EXPECTED = (
    "set it to a connection string (Endpoint=sb://...;SharedAccessKeyName=...;SharedAccessKey=...), "
    "or set {name}__fullyQualifiedNamespace to use an identity"
)


@dataclass(frozen=True)
class NamespaceConnection:
    """How to reach one namespace. The key stays out of its text."""

    name: str  # the app setting
    host: str  # the namespace's name, with its domain
    port: int | None = None  # where it is not the usual one
    plain: bool = False  # without TLS: an emulator
    key_name: str | None = None  # None: an identity
    key: str | None = field(default=None, repr=False)
    entity: str | None = None  # EntityPath
    client_id: str | None = None  # of a user-assigned identity
    credential: str | None = None  # `<name>__credential` in lower case

    @property
    def identity_options(self) -> dict[str, str]:
        """For azure-identity's DefaultAzureCredential: which identity, if that is said; else its own rules decide."""
        return {"managed_identity_client_id": self.client_id} if self.client_id else {}

    @property
    def text(self) -> str:
        """A connection string for an SDK; it holds the key."""
        port = f":{self.port}" if self.port else ""
        emulator = ";UseDevelopmentEmulator=true" if self.plain else ""
        keys = f"SharedAccessKeyName={self.key_name};SharedAccessKey={self.key}"
        return f"Endpoint=sb://{self.host}{port}/;{keys}{emulator}"

    @property
    def address(self) -> str:
        """The namespace, with its port where that is not the usual one."""
        return f"{self.host}:{self.port}" if self.port else self.host

    @property
    def who(self) -> str:
        """Who asks, as messages name it."""
        return f"policy {self.key_name}" if self.key_name else "the identity of the app"


def resolve_namespace(name: str, environment: Mapping[str, str]) -> NamespaceConnection:
    """Read connection `name` from app settings, found as Azure Functions finds it.

    Raises:
        SettingsError: it is not set, or cannot be used; the text names the setting, never its value.
    """
    resolved = resolve_placeholders(name.strip(), environment)
    section = find_connection_section(resolved, environment)
    if section is None:
        raise SettingsError(f"app setting {resolved} is not set: {_EXPECTED.format(name=resolved)}")
    return _from_text(section.name, section.value) if section.value else _from_identity(section)


def sas_token(resource: str, key_name: str, key: str, expires: int) -> str:
    """A shared access signature for the URL `resource`, good until `expires` (seconds since 1970).

    https://learn.microsoft.com/azure/service-bus-messaging/service-bus-sas#generate-a-shared-access-signature-token
    """
    encoded = quote_plus(resource)
    digest = hmac.digest(key.encode(), f"{encoded}\n{expires}".encode(), hashlib.sha256)
    signature = quote_plus(base64.b64encode(digest))
    return f"SharedAccessSignature sr={encoded}&sig={signature}&se={expires}&skn={key_name}"


def _from_text(name: str, text: str) -> NamespaceConnection:
    parts: dict[str, str] = {}
    for piece in filter(None, (each.strip() for each in text.split(";"))):
        key, equals, value = piece.partition("=")
        if not equals:
            raise SettingsError(f"app setting {name} is not a connection string (a part has no '='): {_expected(name)}")
        parts[key.strip().lower()] = value.strip()
    address = parts.get("endpoint", "").removeprefix("sb://").strip("/")
    host, colon, port = address.partition(":")
    if not host or (colon and not port.isdigit()):
        raise SettingsError(f"app setting {name} names no Endpoint=sb://<namespace>: {_expected(name)}")
    key_name, key = parts.get("sharedaccesskeyname"), parts.get("sharedaccesskey")
    if not key_name or not key:
        missing = "SharedAccessKeyName" if not key_name else "SharedAccessKey"
        raise SettingsError(f"app setting {name} has no {missing}: {_expected(name)}")
    plain = parts.get("usedevelopmentemulator", "").lower() == "true"
    return NamespaceConnection(
        name, host, int(port) if port else None, plain, key_name, key, parts.get("entitypath") or None
    )


def _from_identity(section: Section) -> NamespaceConnection:
    host = section.parts.get("fullyqualifiednamespace", "").removeprefix("sb://").strip("/")
    if not host:
        raise SettingsError(
            f"app settings {section.name}__... name no namespace: set {section.name}__fullyQualifiedNamespace, as "
            "in mynamespace.servicebus.windows.net"
        )
    credential = section.parts.get("credential", "").lower() or None
    return NamespaceConnection(section.name, host, client_id=section.parts.get("clientid"), credential=credential)


def _expected(name: str) -> str:
    return _EXPECTED.format(name=name)
