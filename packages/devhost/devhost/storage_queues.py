"""Opens Storage queues by the name of a connection, and codes message bodies as messageEncoding says."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from devhost.errors import SettingsError

_BLANKS = dict.fromkeys(map(ord, " \t\r\n"))


def open_queue(connection: str, queue: str, environment: Mapping[str, str]) -> Any:
    """Make an asynchronous queue client. `connection` names an app setting (a connection string, or the identity form).

    Raises:
        SettingsError: no such app setting is there.
    """
    # Imported late: apps without queue triggers need neither package nor its import time.
    from azure.storage.queue.aio import QueueClient

    name = connection or "AzureWebJobsStorage"
    for setting in (name, f"AzureWebJobs{name}"):
        if environment.get(setting):
            return QueueClient.from_connection_string(environment[setting], queue)
    address = environment.get(f"{name}__queueServiceUri")
    account = environment.get(f"{name}__accountName")
    if address or account:
        from azure.identity.aio import DefaultAzureCredential

        url = address or f"https://{account}.queue.core.windows.net"
        return QueueClient(url, queue, credential=DefaultAzureCredential())
    raise SettingsError(f"queue '{queue}' needs the app setting {name!r}; add it to local.settings.json")


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
