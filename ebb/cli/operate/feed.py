"""The command `feed`: puts messages into the storage queue that a schedule reads from, and ends its wait."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from ebb.cli.app_folder import AppFolder, app_settings
from ebb.cli.client import URL_VARIABLE, CallError, Client
from ebb.cli.operate.answers import Exit, Form, Name, Output, Url, calls, failed, refuse_together, say
from ebb.cli.running import RunningApp, find_running
from ebb.core.errors import SettingsError
from ebb.core.wording import counted

if TYPE_CHECKING:
    from ebb.core.settings.connection import Connection
    from ebb.sources.storage_queue.text import Encoding

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
    app: AppFolder = None,
    storage_port: Annotated[
        int | None, typer.Option(min=1, max=65533, metavar="N", help="blob port of the local emulator")
    ] = None,
    url: Url = None,
    output: Form = Output.TABLE,
) -> None:
    """Put messages into a schedule's queue, and trigger the schedule: it need not sleep until its next look.

    The app is the one at --url, else the one that `up` serves from the folder. Its storage is that of the app that runs
    here; of an app elsewhere, what --storage-port, the environment or local.settings.json of the folder say.
    """
    import asyncio  # late, as all that only this verb needs

    from ebb.cli.local.errors import LocalError

    refuse_together(text=text, lines=lines, count=count)
    folder = app or Path()
    served = find_running(folder, os.environ)
    with calls(url or os.environ.get(URL_VARIABLE) or (served.url if served else None), output) as client:
        source = client.schedule(name)["settings"].get("source")
        if not source or source["type"] != "storageQueue":
            found = source["type"] if source else "several sources"
            raise failed(f"{name} reads from {found}, not a queue", Exit.USAGE)
        texts = list(text or ()) or _lines(lines) if text or lines else None
        _require_storable(texts or (), source["messageEncoding"])
        here = served if served and Client.at(served.url).url == client.url else None
        try:
            connection = _connection(source["connection"], folder, here, storage_port, client.described)
            number = asyncio.run(_put(source, connection, texts, count or COUNT))
        except SettingsError as error:
            raise failed(str(error), Exit.USAGE) from error
        except LocalError as error:
            raise failed(str(error), Exit.UNREACHABLE) from error
        triggered = _trigger(client, name)
    host = urlsplit(connection.endpoint("queue")).netloc
    told = {"put": number, "queueName": source["queueName"], "host": host, "triggered": triggered}
    after = "" if triggered else f"; {name} does not run, so nothing takes them yet"
    say(output, told, f"{counted(number, 'message')} put into {source['queueName']} at {host}{after}")


def _trigger(client: Client, name: str) -> bool:
    """End the wait of the schedule; False where it does not run."""
    try:
        client.call("POST", client.path(name, "trigger"), {"reason": "messages were fed"})
    except CallError as error:
        if error.status != 409:
            raise
        return False
    return True


def _connection(
    name: str, folder: Path, here: RunningApp | None, storage_port: int | None, described: str
) -> Connection:
    """Where the queue of the app is: known of the app that `up` serves here, said by settings for any other.

    Raises:
        SettingsError: nothing says where; no emulator is guessed, for it may be a stranger's.
    """
    from ebb.cli.local.feeding import emulator
    from ebb.core.settings.connection import find_connection, resolve_connection

    if storage_port is not None:
        return emulator(storage_port)
    if here is not None and name == STORAGE:  # what `up` gives its app goes over its environment
        return resolve_connection(name, {name: here.storage})
    found = find_connection(name, os.environ) or find_connection(name, app_settings(folder, {}))
    if found is None:
        raise SettingsError(
            f"where {described} keeps its queue is not known here: set {name} to the app's connection string, "
            "name the emulator with --storage-port, or run this where `up` runs it"
        )
    return found


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
