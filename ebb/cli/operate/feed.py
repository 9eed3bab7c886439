"""The command `feed`: puts messages where a schedule finds them, and ends its wait."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ebb.cli.app_folder import AppFolder, app_settings
from ebb.cli.client import CallError, Client
from ebb.cli.operate.answers import Exit, Form, Name, Output, Url, calls, failed, note, refuse_together, show_text
from ebb.cli.running import RunningApp
from ebb.core.document import Json
from ebb.core.errors import SettingsError, SourceError
from ebb.core.wording import counted

if TYPE_CHECKING:
    from ebb.core.settings.producer_rate import ProducerRate
    from ebb.core.settings.schedule_settings import ScheduleSettings
    from ebb.sources.feed import Feed

COUNT = 100  # messages, where nothing is said


@dataclass(frozen=True)
class Order:
    """What is to be put."""

    bodies: tuple[bytes, ...] | None  # None: UNIX times
    count: int | None
    rate: ProducerRate | None


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("feed")(feed)


def feed(
    name: Name,
    count: Annotated[
        int | None, typer.Option(min=1, help=f"this many UNIX times, all different ({COUNT})", show_default=False)
    ] = None,
    text: Annotated[list[str] | None, typer.Option(help="this text instead; may be given several times")] = None,
    lines: Annotated[Path | None, typer.Option(help="each line of this file instead; - is standard input")] = None,
    rate: Annotated[
        str | None,
        typer.Option(help="one after the other, such as uniform:10-60s; without --count until it is interrupted"),
    ] = None,
    source: Annotated[int, typer.Option(min=1, help="of several sources: which, counted from 1")] = 1,
    app: AppFolder = None,
    storage_port: Annotated[
        int | None, typer.Option(min=1, max=65533, metavar="N", help="blob port of the local emulator")
    ] = None,
    url: Url = None,
    output: Form = Output.TABLE,
) -> None:
    """Put messages where a schedule finds them, and trigger it: it need not sleep until its next look.

    The app is the one at --url, else the one that `up` serves from the folder. Its storage is that of the app that runs
    here; of an app elsewhere, what --storage-port, the environment or local.settings.json of the folder say. All other
    sources are reached by the environment and local.settings.json. With --rate the schedule is not triggered.
    """
    import asyncio  # late, as all that only this verb needs

    refuse_together(text=text, lines=lines, count=count)
    folder = app or Path()
    with calls(url, output, folder) as client:
        settings = _settings(client, name, source)
        order = Order(_bodies(list(text or ()) or (_lines(lines) if lines else None)), count, _rate(rate))
        try:
            environment = _environment(settings, folder, client.running, storage_port, client.described)
            told = asyncio.run(_put(name, settings, environment, order))
        except SettingsError as error:
            raise failed(str(error), Exit.USAGE) from error
        except SourceError as error:
            raise failed(str(error), Exit.UNREACHABLE) from error
        told["triggered"] = triggered = rate is None and _trigger(client, name)
    after = "" if triggered or rate else f"; {name} does not run, so nothing takes them yet"
    show_text(output, told, f"{counted(told['put'], 'message')} put into {told['queueName']} at {told['host']}{after}")


def _settings(client: Client, name: str, number: int) -> ScheduleSettings:
    """The settings of the schedule, with the one source that is meant."""
    import ebb.sources  # noqa: F401 # pyright: ignore[reportUnusedImport] - settings may name each kind
    from ebb.core.settings.schedule_settings import ScheduleSettings

    settings = ScheduleSettings.model_validate(client.schedule(name)["settings"])
    if number > len(settings.all_sources):
        raise failed(f"{name} has {counted(len(settings.all_sources), 'source')}, no {number}", Exit.USAGE)
    return settings.for_source(number - 1)


def _rate(text: str | None) -> ProducerRate | None:
    from ebb.core.settings.producer_rate import parse_producer_rate

    try:
        return None if text is None else parse_producer_rate(text)
    except ValueError as error:
        raise failed(f"--rate {error}", Exit.USAGE) from error


def _bodies(texts: Sequence[str] | None) -> tuple[bytes, ...] | None:
    if texts is None:
        return None
    try:
        return tuple(text.encode() for text in texts)
    except UnicodeEncodeError as error:  # half a surrogate pair, as a shell makes it of a byte that is not UTF-8
        number = texts.index(error.object) + 1
        raise failed(f"message {number} of {len(texts)} is not UTF-8; nothing was put", Exit.USAGE) from None


def _trigger(client: Client, name: str) -> bool:
    """End the wait of the schedule; False where it does not run."""
    try:
        client.call("POST", client.path(name, "trigger"), {"reason": "messages were fed"})
    except CallError as error:
        if error.status != 409:
            raise
        return False
    return True


def _environment(
    settings: ScheduleSettings, folder: Path, here: RunningApp | None, storage_port: int | None, described: str
) -> Mapping[str, str]:
    """App settings by which the source is reached: for storage, those of the app that `up` serves here go first.

    Raises:
        SettingsError: nothing says where its storage is; no emulator is guessed, for it may be a stranger's.
    """
    from ebb.cli.local.azurite import connection_string
    from ebb.core.settings.connection import DEFAULT_NAME, find_connection

    name = settings.source.storage_connection if settings.source else None
    if name is None:
        return app_settings(folder, os.environ)
    if storage_port is not None:
        return {name: connection_string(storage_port)}
    if here is not None and name == DEFAULT_NAME:  # what `up` gives its app goes over its environment
        return {name: here.storage}
    for environment in (dict(os.environ), app_settings(folder, {})):
        if find_connection(name, environment) is not None:
            return environment
    raise SettingsError(
        f"where {described} keeps its queue is not known here: set {name} to the app's connection string, "
        "name the emulator with --storage-port, or run this where `up` runs it"
    )


async def _put(name: str, settings: ScheduleSettings, environment: Mapping[str, str], order: Order) -> Json:
    from ebb.cli.operate.producer import produce, put_all, unix_times
    from ebb.sources.registry import open_feed

    opened = open_feed(settings, environment)
    if opened is None:
        found = settings.source.type if settings.source else "nothing"
        raise failed(f"{name} reads from {found}, where no message can be put from here", Exit.USAGE)
    try:
        _require_storable(opened, order.bodies or ())
        if order.rate is None:
            bodies = order.bodies or unix_times(order.count or COUNT)
            await put_all(opened, bodies)
            number = len(bodies)
        else:
            number = await _produced(opened, order, produce)
    finally:
        await opened.close()
    return {"put": number, "queueName": opened.name, "host": opened.host}


async def _produced(opened: Feed, order: Order, produce: Any) -> int:
    """How many were put, until all are or somebody interrupts."""
    import asyncio

    so_far = 0

    def told(number: int) -> None:
        nonlocal so_far
        so_far = number
        note(f"{counted(number, 'message')} put into {opened.name}")

    try:
        await produce(opened, order.rate, order.bodies, order.count, told)
    except asyncio.CancelledError:  # Ctrl-C is how it ends
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()
    return so_far


def _require_storable(opened: Feed, bodies: Sequence[bytes]) -> None:
    """Nothing if the place would take each of them and give it back as it is; otherwise nothing is put."""
    for number, body in enumerate(bodies, 1):
        if reason := opened.refusal(body):
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
