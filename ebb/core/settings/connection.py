"""What an app setting says about a storage account: a connection string, or the identity form. No I/O, no Azure import.

    AzureWebJobsStorage = DefaultEndpointsProtocol=https;AccountName=...;AccountKey=...;EndpointSuffix=core.windows.net
    AzureWebJobsStorage = UseDevelopmentStorage=true
    AzureWebJobsStorage__accountName = mystorage                       (or __queueServiceUri, __tableServiceUri, ...)

The forms are those of Azure Functions' own connections
(https://learn.microsoft.com/azure/azure-functions/functions-reference#connections) and of
https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from ebb.core.errors import SettingsError

Service = Literal["blob", "queue", "table"]
SERVICES: tuple[Service, ...] = ("blob", "queue", "table")

DEVELOPMENT_ACCOUNT = "devstoreaccount1"
# Public and the same on every machine: the account of the storage emulator, documented by Microsoft. Not a secret.
DEVELOPMENT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_DEVELOPMENT_PORTS: dict[Service, int] = {"blob": 10000, "queue": 10001, "table": 10002}
_EXPECTED = (
    "set it to a connection string (DefaultEndpointsProtocol=...;AccountName=...;AccountKey=...), "
    "to UseDevelopmentStorage=true for the local emulator, or set {name}__accountName to use an identity"
)


@dataclass(frozen=True)
class Connection:
    """How to reach one storage account. Keys and signatures stay out of its text."""

    name: str  # the app setting
    kind: Literal["connectionString", "identity"]
    endpoints: Mapping[Service, str]  # without a trailing slash; a service that is not there is not configured
    account_name: str | None = None
    account_key: str | None = field(default=None, repr=False)  # base64
    sas: str | None = field(default=None, repr=False)  # without the leading "?"
    client_id: str | None = None  # of a user-assigned identity
    credential: str | None = None  # `<name>__credential` in lower case: "managedidentity" or nothing

    @property
    def identity_options(self) -> dict[str, str]:
        """For azure-identity's DefaultAzureCredential: which identity, if that is said; else its own rules decide."""
        return {"managed_identity_client_id": self.client_id} if self.client_id else {}

    def endpoint(self, service: Service) -> str:
        """The URL of `service`, without a trailing slash.

        Raises:
            SettingsError: the app setting says nothing about this service.
        """
        if service in self.endpoints:
            return self.endpoints[service]
        way_out = (
            f"add {service.capitalize()}Endpoint=... or AccountName=... to it"
            if self.kind == "connectionString"
            else f"set {self.name}__{service}ServiceUri or {self.name}__accountName"
        )
        raise SettingsError(f"app setting {self.name} names no {service} service: {way_out}")


def resolve_connection(name: str, environment: Mapping[str, str]) -> Connection:
    """Read connection `name` from app settings; `AzureWebJobs<name>` counts too, as in Azure Functions.

    Raises:
        SettingsError: it is not set, or cannot be used; the text names the setting, never its value.
    """
    connection = find_connection(name, environment)
    if connection is None:
        raise SettingsError(f"app setting {name} is not set: {_expected(name)}")
    return connection


def find_connection(name: str, environment: Mapping[str, str]) -> Connection | None:
    """As `resolve_connection`, but None where nothing is set.

    Raises:
        SettingsError: what is set cannot be used.
    """
    for setting in (name, f"AzureWebJobs{name}"):
        value = environment.get(setting, "").strip()
        if value:
            return _from_connection_string(setting, value)
        prefix = f"{setting}__"
        parts = {key.removeprefix(prefix): text.strip() for key, text in environment.items() if key.startswith(prefix)}
        if any(parts.values()):
            return _from_identity(setting, parts)
    return None


def _from_connection_string(name: str, text: str) -> Connection:
    parts = _split(name, text)
    if parts.get("usedevelopmentstorage", "").lower() == "true":
        return _development(name, parts.get("developmentstorageproxyuri"))
    account, key, sas = (parts.get(part) for part in ("accountname", "accountkey", "sharedaccesssignature"))
    endpoints = _endpoints_of_parts(name, parts, account)
    if not endpoints:
        raise SettingsError(f"app setting {name} names neither AccountName nor an endpoint: {_expected(name)}")
    if key:
        if not account:
            raise SettingsError(f"app setting {name} has an AccountKey but no AccountName: add AccountName=...")
        _check_key(name, key)
    elif not sas:
        raise SettingsError(f"app setting {name} has neither AccountKey nor SharedAccessSignature: {_expected(name)}")
    return Connection(name, "connectionString", endpoints, account, key, sas.lstrip("?") if sas else None)


def _split(name: str, text: str) -> dict[str, str]:
    """The parts of a connection string, their names in lower case; a value may contain "="."""
    parts: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        key, equals, value = part.partition("=")
        if not equals:
            raise SettingsError(f"app setting {name} is no connection string (a part has no '='): {_expected(name)}")
        if value.strip():
            parts[key.strip().lower()] = value.strip()
    return parts


def _endpoints_of_parts(name: str, parts: Mapping[str, str], account: str | None) -> dict[Service, str]:
    protocol = parts.get("defaultendpointsprotocol", "https").lower()
    suffix = parts.get("endpointsuffix", "core.windows.net")
    endpoints: dict[Service, str] = {}
    for service in SERVICES:
        given = parts.get(f"{service}endpoint")
        if given:
            endpoints[service] = _checked_url(given, f"{service.capitalize()}Endpoint of app setting {name}")
        elif account:
            url = f"{protocol}://{account}.{service}.{suffix}"
            endpoints[service] = _checked_url(url, f"the {service} address that app setting {name} gives")
    return endpoints


def _development(name: str, proxy: str | None) -> Connection:
    """The emulator on its usual ports, on this machine or at the host of `DevelopmentStorageProxyUri`."""
    url = urlsplit(_checked_url(proxy or "http://127.0.0.1", f"DevelopmentStorageProxyUri of app setting {name}"))
    endpoints: dict[Service, str] = {
        service: f"{url.scheme}://{url.hostname}:{port}/{DEVELOPMENT_ACCOUNT}"
        for service, port in _DEVELOPMENT_PORTS.items()
    }
    return Connection(name, "connectionString", endpoints, DEVELOPMENT_ACCOUNT, DEVELOPMENT_KEY)


def _from_identity(name: str, parts: Mapping[str, str]) -> Connection:
    account = parts.get("accountName") or None
    endpoints: dict[Service, str] = {}
    for service in SERVICES:
        setting = f"{service}ServiceUri"
        given = parts.get(setting)
        if given:
            endpoints[service] = _checked_url(given, f"app setting {name}__{setting}", schemes=("https",))
        elif account:
            endpoints[service] = f"https://{account}.{service}.core.windows.net"
    if not endpoints:
        raise SettingsError(
            f"app settings {name}__... name no account: set {name}__accountName, or {name}__queueServiceUri and "
            f"{name}__tableServiceUri"
        )
    return Connection(
        name,
        "identity",
        endpoints,
        account,
        client_id=parts.get("clientId") or None,
        credential=(parts.get("credential") or "").lower() or None,
    )


def _checked_url(url: str, what: str, schemes: tuple[str, ...] = ("http", "https")) -> str:
    """`url` without its trailing slash, if it is one."""
    try:
        parsed = urlsplit(url)
        usable = parsed.scheme in schemes and bool(parsed.hostname) and parsed.port != 0
    except ValueError:
        usable = False
    if not usable or " " in url:
        raise SettingsError(f"{what} is no URL: write it as {schemes[-1]}://host or {schemes[-1]}://host:port/account")
    return url.rstrip("/")


def _check_key(name: str, key: str) -> None:
    try:
        base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        raise SettingsError(f"AccountKey of app setting {name} is not base64: copy the key again") from None


def _expected(name: str) -> str:
    return _EXPECTED.format(name=name)
