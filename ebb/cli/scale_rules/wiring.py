"""How a rule reaches what it watches: a connection string in an app setting, or an account and an identity.

KEDA takes either the name of an environment variable (`connectionFromEnv`), or the account's name and an identity,
which Container Apps has on the rule (https://keda.sh/docs/latest/scalers/azure-storage-queue/,
https://learn.microsoft.com/azure/container-apps/scale-app#authentication-2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ebb.core.settings.app_settings import (
    PREFIX,
    Section,
    find_connection_section,
    placeholders,
    resolve_placeholders,
)
from ebb.core.settings.connection import Service, account_of

SYSTEM = "system"
DEFAULT_STORAGE = "Storage"  # found as AzureWebJobsStorage first; ConnectionStringNames.Storage of the WebJobs SDK
DEFAULT_SERVICE_BUS = "ServiceBus"  # likewise; Constants.DefaultConnectionStringName of the extension
_EMULATOR = (
    "usedevelopmentstorage=true", "usedevelopmentemulator=true", "accountname=devstoreaccount1", "://127.0.0.1",
    "://localhost", "://[::1]",
)  # fmt: skip
_CLOUDS = {
    "core.chinacloudapi.cn": "AzureChinaCloud",
    "core.usgovcloudapi.net": "AzureUSGovernmentCloud",
    "core.cloudapi.de": "AzureGermanCloud",
    "servicebus.chinacloudapi.cn": "AzureChinaCloud",
    "servicebus.usgovcloudapi.net": "AzureUSGovernmentCloud",
    "servicebus.cloudapi.de": "AzureGermanCloud",
}


@dataclass(frozen=True)
class Wiring:
    """What goes into the rule. `unknown` is the app setting that is not set here, if that is so."""

    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    identity: str | None = None
    notes: tuple[str, ...] = ()
    unknown: str | None = None


def storage(name: str, service: Service, settings: Mapping[str, str], prefix: str = "") -> Wiring:
    """The wiring of connection `name` to the queue or blob service; empty is `AzureWebJobsStorage`.

    Args:
        prefix: "storage" for the second account of a scaler, whose keys are `storageConnection...`.
    """
    key = f"{prefix}ConnectionFromEnv" if prefix else "connectionFromEnv"
    name, section, found = _look_up(name or DEFAULT_STORAGE, settings, key)
    if section is None or section.value:
        return found
    account_key = f"{prefix}AccountName" if prefix else "accountName"
    account = section.parts.get("accountname")
    url = section.parts.get(f"{service}serviceuri") or section.parts.get("serviceuri", "")
    named = account_of(url, service)
    if account is None and named is None:
        missing = f"{section.name}__... name no account for KEDA ({_shown(url, f'{service}ServiceUri')})"
        return Wiring({account_key: "<account>"}, *_identity(section, missing))
    metadata = {account_key: account or (named[0] if named else "")}
    if account is None and named is not None:
        metadata |= _storage_cloud(named[1], service)
    return Wiring(metadata, *_identity(section))


def namespace(name: str, key: str, settings: Mapping[str, str]) -> Wiring:
    """The wiring of connection `name` to a namespace of Service Bus or Event Hubs; `key` is KEDA's word for it.

    Empty is the default of Service Bus.
    """
    name, section, found = _look_up(name or DEFAULT_SERVICE_BUS, settings, "connectionFromEnv")
    if section is None or section.value:
        return found
    host = section.parts.get("fullyqualifiednamespace", "").rstrip("/")
    host = urlsplit(host).hostname or host  # some write it with sb:// or https://
    short, _, domain = host.partition(".")
    if not domain.startswith("servicebus."):
        missing = f"{section.name}__... name no namespace for KEDA ({_shown(host, 'fullyQualifiedNamespace')})"
        return Wiring({key: "<namespace>"}, *_identity(section, missing))
    cloud = {"cloud": _CLOUDS[domain]} if domain in _CLOUDS else {}
    return Wiring({key: short, **cloud}, *_identity(section))


def secret(name: str, key: str, settings: Mapping[str, str]) -> Wiring:
    """The wiring of a connection that knows no identity (RabbitMQ): `key` names its environment variable."""
    return _look_up(name, settings, key)[2]


def _look_up(name: str, settings: Mapping[str, str], key: str) -> tuple[str, Section | None, Wiring]:
    """The connection's resolved name, what is set of it, and the wiring if it is (or must be) a connection string."""
    resolved = resolve_placeholders(name, settings)
    open_names = placeholders(resolved)
    section = None if open_names else find_connection_section(resolved, settings)
    if section is None:
        shown = f"{PREFIX}{resolved}" if name in (DEFAULT_STORAGE, DEFAULT_SERVICE_BUS) else resolved
        return resolved, None, Wiring({key: shown}, unknown=open_names[0] if open_names else shown)
    variable = section.name.replace(":", "__")  # as an environment variable is written on Linux
    return resolved, section, Wiring({key: variable}, notes=_of_a_string(section))


def _of_a_string(section: Section) -> tuple[str, ...]:
    text = (section.value or "").lower().replace(" ", "")
    if any(sign in text for sign in _EMULATOR):
        return (f"app setting {section.name} is the local emulator here, which KEDA cannot reach: set a real one",)
    if text.startswith("@microsoft.keyvault("):
        told = f"app setting {section.name} is a reference to a Key Vault, which Container Apps does not resolve there"
        return (f"{told}: make it a secret of the app with keyVaultUrl",)
    return ()


def _identity(section: Section, *notes: str) -> tuple[str, tuple[str, ...]]:
    """Whom KEDA works as: a resource id or "system", with what is missing said."""
    parts = section.parts
    if "managedidentityresourceid" in parts:
        return parts["managedidentityresourceid"], notes
    client = parts.get("clientid")
    if "clientsecret" in parts or parts.get("credential", "").lower() not in ("", "managedidentity"):
        told = f"{section.name}__... is not a managed identity, and KEDA takes no other: give the rule one"
        return "<resource id of an identity>", (*notes, told)
    if client:
        told = f"identity: the resource id of the user-assigned identity with client id {client}"
        return f"<resource id of identity {client}>", (*notes, told)
    return SYSTEM, notes


def _storage_cloud(domain: str, service: Service) -> dict[str, str]:
    suffix = domain.removeprefix(f"{service}.")
    if suffix == "core.windows.net":
        return {}
    return {"cloud": _CLOUDS[suffix]} if suffix in _CLOUDS else {"cloud": "Private", "endpointSuffix": domain}


def _shown(value: str, setting: str) -> str:
    return f"{setting} is {value}, a domain of its own" if value else f"{setting} is not set"
