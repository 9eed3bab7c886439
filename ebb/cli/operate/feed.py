"""The command `feed`: puts messages into the storage queue that a schedule reads from."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
from azure.core.exceptions import AzureError, ResourceExistsError
from azure.storage.queue.aio import QueueClient

from ebb.cli.operate.answers import Exit, Form, Name, Output, Url, calls, failed, say
from ebb.core.errors import SettingsError
from ebb.core.settings.connection import Connection, find_connection, resolve_connection
from ebb.sources.storage_queue.text import encode_body

AT_ONCE = 16  # puts in flight
LOCAL = "UseDevelopmentStorage=true"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("feed")(feed)


def feed(
    name: Name,
    count: Annotated[int, typer.Option(min=1, help="so many UNIX times, each another one")] = 100,
    text: Annotated[list[str] | None, typer.Option(help="this text instead; may be given several times")] = None,
    lines: Annotated[Path | None, typer.Option(help="each line of this file instead; - is standard input")] = None,
    url: Url = None,
    output: Form = Output.TABLE,
) -> None:
    """Put messages into a schedule's queue.

    The connection that the schedule names is read from the environment; without it, the local emulator's is used.
    """
    with calls(url) as client:
        source = client.schedule(name)["settings"]["source"]
    if not source or source["type"] != "storageQueue":
        raise failed(f"{name} reads from {source['type'] if source else 'several sources'}, not a queue", Exit.USAGE)
    texts = list(text or ()) or _lines(lines) if text or lines else _times(count)
    try:
        connection = _connection(source["connection"])
        asyncio.run(_put(connection, source, texts))
    except SettingsError as error:
        raise failed(str(error), Exit.USAGE) from error
    except AzureError as error:
        raise failed(f"queue {source['queueName']}: {error.message or error}", Exit.UNREACHABLE) from error
    host = urlsplit(connection.endpoint("queue")).netloc
    told = {"put": len(texts), "queueName": source["queueName"], "host": host}
    say(output, told, f"{len(texts)} put into {source['queueName']} at {host}")


def _connection(name: str) -> Connection:
    return find_connection(name, os.environ) or resolve_connection(name, {name: LOCAL})


async def _put(connection: Connection, source: Mapping[str, Any], texts: list[str]) -> None:
    async with _queue(connection, source["queueName"]) as queue:
        with contextlib.suppress(ResourceExistsError):
            await queue.create_queue()
        for start in range(0, len(texts), AT_ONCE):
            bodies = (encode_body(text.encode(), source["messageEncoding"]) for text in texts[start : start + AT_ONCE])
            await asyncio.gather(*(queue.send_message(body, time_to_live=-1) for body in bodies))


def _queue(connection: Connection, name: str) -> QueueClient:
    """The queue, by key or signature, or as who is signed in on this machine."""
    endpoint = connection.endpoint("queue")
    if connection.account_key:
        key = {"account_name": str(connection.account_name), "account_key": connection.account_key}
        return QueueClient(endpoint, name, credential=key, retry_total=1)
    if connection.sas:
        return QueueClient(endpoint, name, credential=connection.sas, retry_total=1)
    from azure.identity.aio import DefaultAzureCredential  # imported late: it costs a third of a second

    return QueueClient(endpoint, name, credential=DefaultAzureCredential(), retry_total=1)


def _times(count: int) -> list[str]:
    first = random.randrange(int(time.time()))
    return [str(first + number) for number in range(count)]


def _lines(path: Path | None) -> list[str]:
    try:
        content = sys.stdin.read() if str(path) == "-" else Path(str(path)).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise failed(f"{path} cannot be read: {error}", Exit.USAGE) from error
    found = [line for line in content.splitlines() if line.strip()]
    if not found:
        raise failed(f"{path} has no lines", Exit.USAGE)
    return found
