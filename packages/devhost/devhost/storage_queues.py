"""Opens Storage queues by the name of a connection, and codes message bodies as messageEncoding says."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from devhost.app_settings import Connection, find_connection, resolve_setting
from devhost.errors import SettingsError

POISON_SUFFIX = "-poison"
_LONGEST_NAME = 63
_BLANKS = dict.fromkeys(map(ord, " \t\r\n"))


_DEVELOPMENT_ACCOUNT = "devstoreaccount1"
# Public and the same on every machine: the account of the storage emulator, documented by Microsoft. Not a secret.
_DEVELOPMENT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_DEVELOPMENT_PORT = 10001


def open_queue(connection: str, queue: str, environment: Mapping[str, str]) -> Any:
    """Make an asynchronous queue client. `connection` names an app setting: a connection string, or an identity.

    Raises:
        SettingsError: no such app setting is there, or it names no queue service.
    """
    # Imported late: apps without queue triggers need neither package nor its import time.
    from azure.storage.queue.aio import QueueClient

    name = resolve_setting(connection, environment) or "AzureWebJobsStorage"
    found = find_connection(name, environment)
    if found is None:
        raise SettingsError(f"queue '{queue}' needs the app setting {name!r}; add it to local.settings.json")
    if found.text is None:
        return QueueClient(_service_address(found), queue, credential=_credential(found))
    try:
        return QueueClient.from_connection_string(_connection_string(found.text), queue)
    except ValueError as error:
        raise SettingsError(
            f"app setting {name!r}, for queue '{queue}', is not a connection string: {error}"
        ) from error


def has_poison_queue(queue: str) -> bool:
    """Whether messages of `queue` that fail are put aside: not those of a poison queue, nor of a name that is too long.

    After CreatePoisonQueueReference of the queue extension.
    """
    return not queue.endswith(POISON_SUFFIX) and len(queue) + len(POISON_SUFFIX) <= _LONGEST_NAME


def _service_address(found: Connection) -> str:
    """By StorageClientProvider of the extension: the account's name goes first."""
    if "accountname" in found.parts:
        return f"https://{found.parts['accountname']}.queue.core.windows.net"
    address = found.parts.get("queueserviceuri") or found.parts.get("serviceuri")
    if not address:
        raise SettingsError(f"app settings {found.name}__... name no queue service: set {found.name}__queueServiceUri")
    return address


def _credential(found: Connection) -> Any:
    from azure.identity.aio import ClientSecretCredential, DefaultAzureCredential, ManagedIdentityCredential

    client, secret, tenant = (found.parts.get(part) for part in ("clientid", "clientsecret", "tenantid"))
    resource = found.parts.get("managedidentityresourceid")
    if found.parts.get("credential", "").lower() == "managedidentity":
        return ManagedIdentityCredential(
            client_id=client, identity_config={"resource_id": resource} if resource else None
        )
    if client and secret and tenant:
        return ClientSecretCredential(tenant, client, secret)
    return DefaultAzureCredential(managed_identity_client_id=client)


def _connection_string(text: str) -> str:
    """`text` as the Python SDK takes it, which knows the emulator's short form in one spelling alone."""
    parts: dict[str, str] = {}
    for piece in text.split(";"):
        name, _, value = piece.partition("=")
        if value.strip():
            parts[name.strip().lower()] = value.strip()
    if parts.get("usedevelopmentstorage", "").lower() == "true":
        proxy = urlsplit(parts.get("developmentstorageproxyuri", "http://127.0.0.1"))
        host = f"[{proxy.hostname}]" if ":" in str(proxy.hostname) else proxy.hostname
        parts = {
            "accountname": _DEVELOPMENT_ACCOUNT,
            "accountkey": _DEVELOPMENT_KEY,
            "queueendpoint": f"{proxy.scheme}://{host}:{_DEVELOPMENT_PORT}/{_DEVELOPMENT_ACCOUNT}",
        }
    return ";".join(f"{name}={value}" for name, value in parts.items())


def encode_body(body: str | bytes, encoding: str) -> str:
    """Make the text of a message."""
    raw = body.encode() if isinstance(body, str) else body
    return base64.b64encode(raw).decode() if encoding == "base64" else raw.decode()


def decode_body(text: str, encoding: str) -> str | bytes:
    """Read the text of a message; bytes that are not UTF-8 stay bytes.

    Raises:
        ValueError: the encoding is base64 and the text is not.
    """
    if encoding != "base64":
        return text
    try:
        # .NET's Convert.FromBase64String passes over blanks, tabs and line breaks, and over nothing else.
        raw = base64.b64decode(text.translate(_BLANKS), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"message is not base64 (messageEncoding in host.json): {text[:40]!r}") from error
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw
