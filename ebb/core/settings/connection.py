"""What an app setting says about a storage account: a connection string, or the identity form. No I/O, no Azure import.

    AzureWebJobsStorage = DefaultEndpointsProtocol=https;AccountName=...;AccountKey=...;EndpointSuffix=core.windows.net
    AzureWebJobsStorage = UseDevelopmentStorage=true
    AzureWebJobsStorage__accountName = mystorage                       (or __queueServiceUri, __tableServiceUri, ...)
    Work__serviceUri = https://mystorage.queue.core.windows.net        (one service alone)

The forms are those of Azure Functions' own connections
(https://learn.microsoft.com/azure/azure-functions/functions-reference#connections) and of
https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string. Names match as in
`ebb/core/settings/app_settings.py`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from ebb.core.errors import SettingsError
from ebb.core.settings.app_settings import Section, find_connection_section, placeholders, resolve_placeholders

Service = Literal["blob", "queue", "table"]
SERVICES: tuple[Service, ...] = ("blob", "queue", "table")

DEVELOPMENT_ACCOUNT = "devstoreaccount1"
# Public and the same on every machine: the account of the storage emulator, documented by Microsoft. Not a secret.
DEVELOPMENT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
DEFAULT_NAME = "AzureWebJobsStorage"  # what a binding without a connection uses
_KEY_VAULT = "@microsoft.keyvault("
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
    """Read connection `name` from app settings; `AzureWebJobs<name>` counts too and goes first, as in Azure Functions.

    Args:
        name: as in a binding: empty means `AzureWebJobsStorage`, and `%NAME%` stands for the value of app setting NAME.

    Raises:
        SettingsError: it is not set, or cannot be used; the text names the setting, never its value.
    """
    connection = find_connection(name, environment)
    if connection is None:
        name = resolve_placeholders(name or DEFAULT_NAME, environment)
        raise SettingsError(f"app setting {name} is not set: {_expected(name)}")
    return connection


def find_connection(name: str, environment: Mapping[str, str]) -> Connection | None:
    """As `resolve_connection`, but None where nothing is set.

    Raises:
        SettingsError: what is set cannot be used.
    """
    resolved = resolve_placeholders(name.strip() or DEFAULT_NAME, environment)
    if placeholders(resolved):
        missing = placeholders(resolved)[0]
        raise SettingsError(f"connection {name} names app setting {missing}, which is not set: set it")
    section = find_connection_section(resolved, environment)
    if section is None:
        return None
    if section.value:
        return _from_connection_string(section.name, section.value)
    return _from_identity(section)


def account_of(url: str, service: Service) -> tuple[str, str] | None:
    """The account that `url` names, and the domain after it; None for a custom domain or an emulator.

    `https://acct.queue.core.windows.net` gives `("acct", "queue.core.windows.net")`.
    """
    account, _, domain = (urlsplit(url).hostname or "").partition(".")
    return (account, domain) if service in domain.split(".") else None


def _from_connection_string(name: str, text: str) -> Connection:
    if text.lower().startswith(_KEY_VAULT):
        raise SettingsError(
            f"app setting {name} is a reference to a Key Vault, which only App Service resolves: on Container Apps "
            f"make it a secret of the app with keyVaultUrl, on your machine {_expected(name)}"
        )
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
            raise SettingsError(f"app setting {name} is not a connection string (a part has no '='): {_expected(name)}")
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
    given = proxy or "http://127.0.0.1"
    url = urlsplit(_checked_url(given, f"DevelopmentStorageProxyUri of app setting {name}"))
    host = f"[{url.hostname}]" if ":" in str(url.hostname) else url.hostname
    endpoints: dict[Service, str] = {
        service: f"{url.scheme}://{host}:{port}/{DEVELOPMENT_ACCOUNT}" for service, port in _DEVELOPMENT_PORTS.items()
    }
    return Connection(name, "connectionString", endpoints, DEVELOPMENT_ACCOUNT, DEVELOPMENT_KEY)


def _from_identity(section: Section) -> Connection:
    name, parts = section.name, section.parts
    account = parts.get("accountname")
    endpoints: dict[Service, str] = {}
    for service in SERVICES:
        if account:  # first, as in StorageClientProvider.TryGetServiceUri of azure-sdk-for-net
            endpoints[service] = f"https://{account}.{service}.core.windows.net"
        elif given := _service_uri(section, service):
            endpoints[service] = given
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
        client_id=parts.get("clientid"),
        credential=parts.get("credential", "").lower() or None,
    )


def _service_uri(section: Section, service: Service) -> str | None:
    """`__queueServiceUri`, or its alias `__serviceUri` where that names this service (or a domain that tells none)."""
    setting = f"{service}ServiceUri"
    given = section.parts.get(setting.lower())
    if given:
        return _checked_url(given, f"app setting {section.name}__{setting}", schemes=("https",))
    alias = section.parts.get("serviceuri")
    if alias is None:
        return None
    url = _checked_url(alias, f"app setting {section.name}__serviceUri", schemes=("https",))
    others: list[Service] = [other for other in SERVICES if other != service]
    return None if any(account_of(url, other) for other in others) else url


def _checked_url(url: str, what: str, schemes: tuple[str, ...] = ("http", "https")) -> str:
    """`url` without its trailing slash, if it is one."""
    try:
        parsed = urlsplit(url)
        usable = parsed.scheme in schemes and bool(parsed.hostname) and parsed.port != 0
    except ValueError:
        usable = False
    if not usable or " " in url:
        raise SettingsError(
            f"{what} is not a URL: write it as {schemes[-1]}://host or {schemes[-1]}://host:port/account"
        )
    return url.rstrip("/")


def _check_key(name: str, key: str) -> None:
    try:
        base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        raise SettingsError(f"AccountKey of app setting {name} is not base64: copy the key again") from None


def _expected(name: str) -> str:
    return _EXPECTED.format(name=name)
