"""The command `feed`: puts messages into the storage queue that a schedule reads from."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from ebb.cli.app_folder import AppFolder
from ebb.cli.operate.answers import Exit, Form, Name, Output, Url, calls, failed, say
from ebb.core.errors import SettingsError

if TYPE_CHECKING:
    from ebb.core.settings.connection import Connection
    from ebb.sources.storage_queue.text import Encoding


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("feed")(feed)


def feed(
    name: Name,
    count: Annotated[int, typer.Option(min=1, help="so many UNIX times, each another one")] = 100,
    text: Annotated[list[str] | None, typer.Option(help="this text instead; may be given several times")] = None,
    lines: Annotated[Path | None, typer.Option(help="each line of this file instead; - is standard input")] = None,
    app: AppFolder = None,
    storage_port: Annotated[
        int | None, typer.Option(min=1, max=65533, metavar="N", help="blob port of the local emulator")
    ] = None,
    url: Url = None,
    output: Form = Output.TABLE,
) -> None:
    """Put messages into a schedule's queue.

    The app is the one at --url, else the one that `ebb up` serves from the folder, else that on port 7071. The
    connection that the schedule names is read from the environment; without it, the local emulator's is used.
    """
    import asyncio  # late, as all that only this verb needs

    from ebb.cli.local.errors import LocalError
    from ebb.cli.local.state import StateFolder

    served = StateFolder((app or Path()) / ".devhost").running() or {}
    with calls(url or served.get("api")) as client:
        source = client.schedule(name)["settings"]["source"]
    if not source or source["type"] != "storageQueue":
        raise failed(f"{name} reads from {source['type'] if source else 'several sources'}, not a queue", Exit.USAGE)
    texts = list(text or ()) or _lines(lines) if text or lines else None
    _require_storable(texts or (), source["messageEncoding"])
    try:
        connection = _connection(source["connection"], storage_port or served.get("storagePort", 10000))
        number = asyncio.run(_put(source, connection, texts, count))
    except SettingsError as error:
        raise failed(str(error), Exit.USAGE) from error
    except LocalError as error:
        raise failed(str(error), Exit.UNREACHABLE) from error
    host = urlsplit(connection.endpoint("queue")).netloc
    told = {"put": number, "queueName": source["queueName"], "host": host}
    say(output, told, f"{number} put into {source['queueName']} at {host}")


def _connection(name: str, storage_port: int) -> Connection:
    from ebb.cli.local.feeding import emulator
    from ebb.core.settings.connection import find_connection

    return find_connection(name, os.environ) or emulator(storage_port)


async def _put(source: Mapping[str, Any], connection: Connection, texts: Sequence[str] | None, count: int) -> int:
    from ebb.cli.local.feeding import feeder, unix_times

    async with feeder(source, connection) as one:
        await one.put_all(unix_times(count) if texts is None else texts)
        return one.total


def _require_storable(bodies: Sequence[str], encoding: Encoding) -> None:
    """Nothing if the queue would take each of them and give it back as it is; otherwise nothing is put."""
    from ebb.sources.storage_queue.text import encode_body, refusal

    for number, body in enumerate(bodies, 1):
        try:
            reason = refusal(encode_body(body.encode(), encoding))
        except UnicodeEncodeError:  # half a surrogate pair, as a shell makes it of a byte that is not UTF-8
            raise failed(f"message {number} of {len(bodies)} is not UTF-8; nothing was put", Exit.USAGE) from None
        if reason:
            raise failed(f"message {number} of {len(bodies)}: {reason}; nothing was put", Exit.USAGE)


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
