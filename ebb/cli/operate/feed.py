"""The command `feed`: puts messages into the storage queue that a schedule reads from, and ends its wait."""

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

from ebb.cli.client import CallError, Client
from ebb.cli.operate.answers import Exit, Form, Name, Output, Url, calls, failed, refuse_together, say
from ebb.cli.scale_rules.app import read_json
from ebb.core.errors import SettingsError
from ebb.core.settings.connection import Connection, find_connection, resolve_connection
from ebb.core.wording import counted
from ebb.sources.storage_queue.text import encode_body

AT_ONCE = 16  # puts in flight
STORAGE = "AzureWebJobsStorage"
COUNT = 100  # messages, where nothing is said


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("feed")(feed)


def feed(
    name: Name,
    count: Annotated[
        int | None, typer.Option(min=1, help=f"so many UNIX times, each another one ({COUNT})", show_default=False)
    ] = None,
    text: Annotated[list[str] | None, typer.Option(help="this text instead; may be given several times")] = None,
    lines: Annotated[Path | None, typer.Option(help="each line of this file instead; - is standard input")] = None,
    url: Url = None,
    output: Form = Output.TABLE,
) -> None:
    """Put messages into a schedule's queue, and trigger the schedule: it need not sleep until its next look.

    The storage is that of the app that runs here; of an app elsewhere, the connection that the schedule names is read
    from the environment or from local.settings.json in this folder.
    """
    refuse_together(text=text, lines=lines, count=count)
    with calls(url, output) as client:
        source = client.schedule(name)["settings"].get("source")
        if not source or source["type"] != "storageQueue":
            raise failed(
                f"{name} reads from {source['type'] if source else 'several sources'}, not a queue", Exit.USAGE
            )
        texts = list(text or ()) or _lines(lines) if text or lines else _times(count or COUNT)
        try:
            connection = _connection(source["connection"], client)
            asyncio.run(_put(connection, source, texts))
        except SettingsError as error:
            raise failed(str(error), Exit.USAGE) from error
        except AzureError as error:
            raise failed(f"queue {source['queueName']}: {error.message or error}", Exit.UNREACHABLE) from error
        triggered = _trigger(client, name)
    host = urlsplit(connection.endpoint("queue")).netloc
    told = {"put": len(texts), "queueName": source["queueName"], "host": host, "triggered": triggered}
    after = "" if triggered else f"; {name} does not run, so nothing takes them yet"
    say(output, told, f"{counted(len(texts), 'message')} put into {source['queueName']} at {host}{after}")


def _trigger(client: Client, name: str) -> bool:
    """End the wait of the schedule; False where it does not run."""
    try:
        client.call("POST", client.path(name, "trigger"), {"reason": "messages were fed"})
    except CallError as error:
        if error.status != 409:
            raise
        return False
    return True


def _connection(name: str, client: Client) -> Connection:
    """Where the queue of the app is: known of the app that `up` serves here, said by settings for any other.

    Raises:
        SettingsError: nothing says where; no emulator is guessed, for it may be a stranger's.
    """
    if client.running is not None and name == STORAGE:  # what `up` gives its app goes over its environment
        return resolve_connection(name, {name: client.running.storage})
    path = Path("local.settings.json")
    values = read_json(path).get("Values") or {} if path.is_file() else {}
    local = {key: str(value) for key, value in values.items()}
    found = find_connection(name, os.environ) or find_connection(name, local)
    if found is None:
        raise SettingsError(
            f"where {client.described} keeps its queue is not known here: set {name} to the app's connection string, "
            f"or run this where `up` runs it"
        )
    return found


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
