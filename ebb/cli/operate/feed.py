"""The command `feed`: puts messages into the storage queue that a schedule reads from, and ends its wait."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from ebb.cli.client import CallError, Client
from ebb.cli.operate.answers import Exit, Form, Name, Output, Url, calls, failed, refuse_together, say
from ebb.cli.scale_rules.app import read_json
from ebb.core.errors import SettingsError, SourceError
from ebb.core.settings.connection import Connection, find_connection, resolve_connection
from ebb.core.wording import counted
from ebb.sources.storage_queue.account import open_account
from ebb.sources.storage_queue.client import QueueClient
from ebb.sources.storage_queue.text import Encoding, encode_body, refusal

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
            found = source["type"] if source else "several sources"
            raise failed(f"{name} reads from {found}, not a queue", Exit.USAGE)
        texts = list(text or ()) or _lines(lines) if text or lines else _times(count or COUNT)
        stored = _as_stored(texts, source["messageEncoding"])
        try:
            connection = _connection(source["connection"], client)
            asyncio.run(_put(connection, source["queueName"], stored))
        except SettingsError as error:
            raise failed(str(error), Exit.USAGE) from error
        except SourceError as error:
            raise failed(f"queue {source['queueName']}: {error}", Exit.UNREACHABLE) from error
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


async def _put(connection: Connection, queue: str, texts: list[str]) -> None:
    client = QueueClient(open_account(connection), queue, create=True)
    for start in range(0, len(texts), AT_ONCE):
        await asyncio.gather(*(client.put(text) for text in texts[start : start + AT_ONCE]))


def _as_stored(bodies: list[str], encoding: Encoding) -> list[str]:
    """The texts that the queue is to hold; nothing is put if it would not take one of them, or not give it back."""
    stored: list[str] = []
    for number, body in enumerate(bodies, 1):
        try:
            text = encode_body(body.encode(), encoding)
        except UnicodeEncodeError:  # half a surrogate pair, as a shell makes it of a byte that is not UTF-8
            raise failed(f"message {number} of {len(bodies)} is not UTF-8; nothing was put", Exit.USAGE) from None
        if reason := refusal(text):
            raise failed(f"message {number} of {len(bodies)}: {reason}; nothing was put", Exit.USAGE)
        stored.append(text)
    return stored


def _times(count: int) -> list[str]:
    first = random.randrange(int(time.time()))
    return [str(first + number) for number in range(count)]


def _lines(path: Path | None) -> list[str]:
    try:
        content = sys.stdin.read() if str(path) == "-" else Path(str(path)).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise failed(f"{path} cannot be read: {error}", Exit.USAGE) from error
    # Not splitlines: it also ends lines at characters that belong to a message, or that no message may have.
    found = [line.rstrip("\r") for line in content.split("\n") if line.strip()]
    if not found:
        raise failed(f"{path} has no lines", Exit.USAGE)
    return found
