"""The command `feed`: puts messages into the storage queue that a schedule reads from."""

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

from ebb.cli.operate.answers import Exit, Form, Name, Output, Url, calls, failed, say
from ebb.core.errors import SettingsError, SourceError
from ebb.core.settings.connection import Connection, find_connection, resolve_connection
from ebb.sources.storage_queue.account import open_account
from ebb.sources.storage_queue.client import QueueClient
from ebb.sources.storage_queue.text import Encoding, encode_body, refusal

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
    stored = _as_stored(texts, source["messageEncoding"])
    try:
        connection = _connection(source["connection"])
        asyncio.run(_put(connection, source["queueName"], stored))
    except SettingsError as error:
        raise failed(str(error), Exit.USAGE) from error
    except SourceError as error:
        raise failed(f"queue {source['queueName']}: {error}", Exit.UNREACHABLE) from error
    host = urlsplit(connection.endpoint("queue")).netloc
    told = {"put": len(texts), "queueName": source["queueName"], "host": host}
    say(output, told, f"{len(texts)} put into {source['queueName']} at {host}")


def _connection(name: str) -> Connection:
    return find_connection(name, os.environ) or resolve_connection(name, {name: LOCAL})


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
