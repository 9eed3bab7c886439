"""`up` and `feed`: the order in which storage, app and schedule come up, and go down again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console

from ebb.cli.acceptance.accounted_feed import AccountedFeed
from ebb.cli.acceptance.ledger import Ledger
from ebb.cli.acceptance.run import AccountedRun
from ebb.cli.acceptance.summary import Summary
from ebb.cli.local.api import Api, UnreachableError
from ebb.cli.local.azurite import SERVICES, azurite, connection_string, require_storage_ports
from ebb.cli.local.children import Child
from ebb.cli.local.engines import Engine, find_engine
from ebb.cli.local.errors import LocalError, UsageError
from ebb.cli.local.feeding import open_accounted
from ebb.cli.local.host import address_of_api, host
from ebb.cli.local.live import View, open_view
from ebb.cli.local.options import FeedOptions, Options
from ebb.cli.local.ports import LOOPBACK, free_port, require_free
from ebb.cli.local.schedule import read_schedule
from ebb.cli.local.state import StateFolder
from ebb.cli.local.terminal import complain, say
from ebb.cli.local.tools import Tools
from ebb.cli.running import announced, running_in
from ebb.core.wording import counted

_DRAINED, _INTERRUPTED = "", "interrupted"  # how a run ended; otherwise a text says what it waited for
_LEDGER_HANDLER = "handlers.parity:classify"  # the handler that writes down what it did
PARITY_SECONDS = "EBB_PARITY_SECONDS"  # how long it takes for a message


def check(options: Options) -> None:
    """Nothing if the flags fit the schedule's settings as files and app settings give them.

    Raises:
        LocalError: they do not, or the settings cannot be read.
    """
    _require_ledger(options, read_schedule(options.app, options.schedule, os.environ).handler)


async def up(options: Options, tools: Tools) -> int:
    """Serve the app and show one schedule at work; the result is the exit status.

    Raises:
        LocalError: something did not start, or ended; everything that was started is stopped.
    """
    if _is_shown(options):
        os.environ.setdefault(PARITY_SECONDS, "1")
    engine = find_engine(options.host, options.app, os.environ)
    port = options.port or free_port()
    storage_port = options.storage_port or free_port(len(SERVICES))
    url = f"http://{LOOPBACK}:{port}"
    state = StateFolder(options.state)
    with state.held(url):
        if storage_port <= port < storage_port + len(SERVICES):
            raise UsageError(f"port {port} is the app's and the storage's at once: choose another with --port N")
        require_free(port, "the app", "--port N")
        require_storage_ports(storage_port)
        if options.clean:
            state.clean()
        state.ledger.unlink(missing_ok=True)
        async with _app(engine, options.app, state, (port, storage_port), tools) as children:
            storage = storage_port, connection_string(storage_port)
            try:
                api = Api(await address_of_api(url), options.schedule)
                state.tell(api=api.url, storagePort=storage_port)
                with announced(state.path, api.url, storage, options.schedule, state.host_log(engine.name)):
                    ending, summary = await _serve(options, state, api, children, storage_port)
            except UnreachableError:
                for child in children:
                    await child.check_soon()  # its last words say more than a closed connection
                raise
    if summary is None:
        return 0
    if options.once:
        for line in _complaints(ending, summary):
            complain(line)
    say(json.dumps({"host": engine.name, **summary.to_document()}) if options.json else summary.in_words())
    return 0 if ending == _DRAINED and not summary.faults else 1


def _is_shown(options: Options) -> bool:
    """Whether a person watches: then there is something to see, a backlog, a fan-out over it, and its drain."""
    return not (options.once or options.json)


def _require_ledger(options: Options, handler: str) -> None:
    if (options.once or options.json) and not _keeps_a_ledger(handler):
        raise LocalError(
            f"--once and --json need the ledger of the sample handler, {_LEDGER_HANDLER}; "
            f"{options.schedule} has {handler}: run it without them"
        )


def _keeps_a_ledger(handler: str) -> bool:
    """Whether it is the sample handler, at the root of the app or in a package of it."""
    return f".{handler}".endswith(f".{_LEDGER_HANDLER}")


def _complaints(ending: str, summary: Summary) -> list[str]:
    """What was not as it should be; what an interrupted run did not come to is not a fault."""
    if ending == _INTERRUPTED:
        return [f"interrupted: {summary.missing} of {counted(summary.enqueued, 'message')} not handled yet"]
    return ([ending] if ending else []) + [f"fault: {fault}" for fault in summary.faults]


async def feed(options: FeedOptions) -> int:
    """Put messages into the queue of a schedule that `up` serves; the result is the exit status.

    Raises:
        LocalError: no app is known, or it or its storage cannot be reached.
    """
    url, storage_port = _fed(options)
    api = Api(url, options.schedule)
    try:
        fed = open_accounted((await api.schedule())["settings"], connection_string(storage_port))
    except UnreachableError as error:
        raise LocalError(f"{error}; run python3 dev.py up first, or name its port with --port N") from error
    await fed.feed(options.count, options.poison)
    await fed.close()
    await api.trigger()  # an idle schedule may sleep for minutes
    put, app = counted(fed.total, "message"), url.removesuffix("/api")
    say(f"put {put} into {fed.name} of the storage emulator on port {storage_port + 1}, for the app at {app}")
    return 0


def _fed(options: FeedOptions) -> tuple[str, int]:
    """Address of the app that is fed, and port of its storage: as given, otherwise of the `up` that runs here."""
    if options.port and options.storage_port:
        return f"http://{LOOPBACK}:{options.port}", options.storage_port
    found = running_in(options.state.absolute())
    if found is None:
        raise LocalError(
            f"no app runs in {options.state}: run python3 dev.py up first, name its state folder with --state, "
            "or both its ports with --port and --storage-port"
        )
    if options.port not in (None, urlsplit(found.url).port) or options.storage_port not in (None, found.storage_port):
        raise LocalError(f"what runs in {options.state} is {found.described()}: name both ports, or none of them")
    return found.url, found.storage_port


@contextlib.asynccontextmanager
async def _app(
    engine: Engine, folder: Path, state: StateFolder, ports: tuple[int, int], tools: Tools
) -> AsyncGenerator[list[Child]]:
    """Storage and app, started in this order and stopped in the other; `ports` are the app's and the storage's."""
    port, storage_port = ports
    async with azurite(state, storage_port, tools) as storage:
        say(f"storage emulator on ports {storage_port} to {storage_port + 2}, data in {state.path}")
        async with host(engine, state, port, connection_string(storage_port), folder) as app:
            say(f"{engine.name} on port {port}, what the app says is in {app.log}")
            try:
                yield [app, storage]
            finally:
                say("stopping ...")


async def _serve(
    options: Options, state: StateFolder, api: Api, children: list[Child], storage_port: int
) -> tuple[str, Summary | None]:
    """Run the schedule. The result tells how that ended (as `_watch`), and what was done.

    Only the sample handler keeps a ledger; nobody can account for the work of another one.
    """
    await api.require_store()
    say(f"dashboard  {api.url}/dashboard/")
    say(f"schedules  {api.url}/schedules")
    say(f"health     {api.url}/health")
    say(f"{options.schedule:10} {api.schedule_url}")
    if not options.once:
        say("Ctrl-C stops everything; the next call goes on where this one ended")
    settings = (await api.schedule())["settings"]
    _require_ledger(options, settings["handler"])  # an operator may have set another
    accounted = _keeps_a_ledger(settings["handler"])
    async with contextlib.AsyncExitStack() as stack:
        fed = None if options.no_feed else _open_feed(settings, storage_port, options)
        if fed is not None:
            stack.push_async_callback(fed.close)
            await fed.make()
        for fault in await api.unhealthy():
            say(f"unhealthy: {fault}")
        run = AccountedRun(api, Ledger(state.ledger), children, fed)
        stack.push_async_callback(run.stop)
        with open_view(Console(), live=not options.json) as view:
            ending = await _watch(run, view, options)
        return ending, await run.summary() if accounted else None


def _open_feed(settings: Mapping[str, Any], storage_port: int, options: Options) -> AccountedFeed | None:
    """What this command puts messages through; None where the schedule reads from elsewhere: `feed` does it.

    Raises:
        LocalError: there is none, and somebody waits for the account of what was put.
    """
    try:
        return open_accounted(settings, connection_string(storage_port))
    except LocalError:
        if options.once or options.json:
            raise
    say(f"no queue of the local storage is read: put messages there with ebb feed {options.schedule}")
    return None


async def _watch(run: AccountedRun, view: View, options: Options) -> str:
    """Watch until the end: drained, which only `--once` waits for, or stalled; the result says for want of what.

    A signal ends it too, and then only the account is left to give.
    """
    try:
        await run.start(options.count, options.poison, backlog=_is_shown(options))
        return _DRAINED if await run.watch(view, options.once) else run.shortfall()
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or not task.uncancel() == 0:
            raise
        return _INTERRUPTED
