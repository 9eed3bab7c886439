"""Puts the parts of the host together, starts and stops them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sqlite3
import uuid
import warnings
from pathlib import Path
from typing import Any

import aiohttp
from azure.durable_functions import DurableOrchestrationClient
from azure.durable_functions.models.utils import http_utils
from azure.functions import FunctionRegister

from devhost.activities import ActivityWorker
from devhost.admin import Admin
from devhost.arguments import Bindings
from devhost.beginnings import Beginnings
from devhost.client_binding import client_binding
from devhost.clock import Clock, ManualClock, RealClock, WorkLedger
from devhost.engine import Engine
from devhost.entities import Entities
from devhost.entity_api import EntityApi
from devhost.episode import Episodes
from devhost.errors import DevhostError
from devhost.http_calls import HttpCaller
from devhost.http_functions import HttpFunctions
from devhost.indexing import list_functions, load_app
from devhost.instance import Instance
from devhost.invocation import Invoker
from devhost.lane import Lane, cause_of
from devhost.management import Management
from devhost.operations import Operations
from devhost.progress import Progress, Target
from devhost.queue_triggers import QueueOutput
from devhost.replay import replay_live, replay_parsed
from devhost.server import Cors, Server, claim_port
from devhost.settings import HostSettings, read_settings
from devhost.status import Show
from devhost.store import Store
from devhost.surroundings import Surroundings
from devhost.timestamps import speed_up_sdk
from devhost.triggers import Triggers

log = logging.getLogger("devhost.host")


class Host:
    """A local Functions host for one app.

    `app` is the app's folder, or a FunctionApp or DFApp object; `settings` stands for host.json then. `state` is the
    folder of the state file; None keeps the state in memory. `port` 0 picks a free port, None takes that of the
    settings. Use it with `async with`.
    """

    def __init__(
        self,
        app: Path | str | FunctionRegister,
        *,
        settings: HostSettings | None = None,
        clock: Clock | None = None,
        state: Path | str | None = None,
        port: int | None = 0,
        grace_seconds: float = 5.0,
    ) -> None:
        self._app = app
        self._state = Path(state).resolve() if state is not None else None
        self._port, self._grace = port, grace_seconds
        self._given_settings = settings
        self.clock: Clock = clock or RealClock()
        self.broken: asyncio.Future[None] | None = None
        self.cut_off = 0
        self._ids = 0
        self._root = None if isinstance(app, FunctionRegister) else Path(app).resolve()
        self._surroundings = Surroundings()
        self._hostname = ""
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Host:
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Index the app, open the state, take up what was unfinished, and serve.

        Raises:
            DevhostError: the app, a settings file, the state file or the port cannot be used; the message says which.
        """
        _prepare_sdk()
        self.broken = asyncio.get_running_loop().create_future()
        self._surroundings = Surroundings()
        with contextlib.ExitStack() as undone:
            undone.callback(self._leave_app)
            self.settings = self._read_settings()
            claimed = claim_port(self.settings.port if self._port is None else self._port)
            undone.callback(claimed.close)
            # Apps read it while they are imported, as Azure sets it.
            self._hostname = f"localhost:{claimed.getsockname()[1]}"
            os.environ.setdefault("WEBSITE_HOSTNAME", self._hostname)
            self.functions = list_functions(self._load(), os.environ)
            self.store = Store.open(self._state)
            undone.callback(self.store.close)
            self._build()
            await self.server.start(claimed)
            undone.pop_all()
        self.resumed = self.engine.recover()
        self._entities.recover()
        self._triggers.start()

    async def stop(self) -> None:
        """Take no more work, give running functions the grace period, store what they gave, and close everything."""
        self.server.drain()
        grace = self._grace
        if isinstance(self.clock, ManualClock):
            # What waits for a manual clock would wait in vain: nobody moves it any more. The rest gets its grace here.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    await self.progress.settle()
            grace = 0.0
        graced = (self._entities, self._triggers, self.http_functions)
        others = (self._http_caller.stop(), *(part.stop(grace) for part in graced))
        self.cut_off, *_ = await asyncio.gather(self._activities.stop(grace), *others)
        if self.cut_off:
            log.warning("%d activities were cut off; they run again after the next start", self.cut_off)
        self.lane.stop()
        await self.server.stop()
        self.engine.close()
        self._invoker.close()
        if self.broken is not None and self.broken.done():
            self.broken.exception()  # seen: asyncio would report it as never looked at otherwise
        await http_utils._close_session()  # pyright: ignore[reportPrivateUsage] - nothing else ends the session of the SDK
        if self._session is not None:
            await self._session.close()
        self._leave_app()
        self.store.close()

    @property
    def url(self) -> str:
        """Where the host listens, `http://127.0.0.1:port`."""
        return self.server.origin

    @property
    def http(self) -> aiohttp.ClientSession:
        """An HTTP client whose relative paths go to this host."""
        if self._session is None:
            self._session = aiohttp.ClientSession(base_url=self.url)
        return self._session

    async def run_until(self, target: Target, *, patience_seconds: float = 30.0) -> None:
        """Wait for a time, a stretch of time, or a condition; a manual clock moves only in here.

        Raises:
            DevhostError: not reached within `patience_seconds` of real time, or nothing is left that could happen.
        """
        await self.progress.run_until(target, patience_seconds)

    async def wait_for(self, instance_id: str, *, patience_seconds: float = 30.0) -> dict[str, Any]:
        """Wait until an orchestration has ended and return its status as the management API shows it.

        Raises:
            DevhostError: the host broke meanwhile; with a manual clock also as `run_until`.
            TimeoutError: it has not ended within `patience_seconds` (real clock).
        """
        ended = self.engine.ended(instance_id)
        if isinstance(self.clock, ManualClock):
            await self.run_until(ended.done, patience_seconds=patience_seconds)
        else:
            await self._outlast(ended, f"{instance_id} has not ended within {patience_seconds} s", patience_seconds)
        return self.operations.status(instance_id, Show())

    async def _outlast(self, ended: asyncio.Future[None], late: str, patience_seconds: float) -> None:
        assert self.broken is not None
        both = {ended, self.broken}
        done, _ = await asyncio.wait(both, timeout=patience_seconds, return_when=asyncio.FIRST_COMPLETED)
        if ended in done:
            return
        fault = self.broken.exception() if self.broken in done else None
        if fault is None:
            raise TimeoutError(late)
        raise DevhostError(f"the host has stopped, because {cause_of(fault)}") from fault

    @property
    def client(self) -> DurableOrchestrationClient:
        """A durable client of this host, as a function would get it."""
        return DurableOrchestrationClient(self._client_json())

    def _read_settings(self) -> HostSettings:
        if self._root is None:
            return self._given_settings or HostSettings(port=0)
        settings = read_settings(self._root, os.environ)
        os.environ.setdefault("AzureWebJobsScriptRoot", str(self._root))
        os.environ.setdefault("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
        return settings

    def _load(self) -> FunctionRegister:
        if isinstance(self._app, FunctionRegister):
            return self._app
        return load_app(Path(self._app).resolve(), os.environ)

    def _leave_app(self) -> None:
        if self._root is not None:
            self._surroundings.restore(self._root)
        elif os.environ.get("WEBSITE_HOSTNAME") == self._hostname:
            del os.environ["WEBSITE_HOSTNAME"]

    def _build(self) -> None:
        settings, functions = self.settings, self.functions
        self.ledger = WorkLedger()
        self._invoker = Invoker(self.ledger, settings.function_timeout, os.environ)
        self.lane = Lane(self.store, self._on_broken)
        self.progress = Progress(self.clock, self.lane, self.ledger)
        replay = replay_live if settings.extended_sessions else replay_parsed
        episodes = Episodes(functions, settings, Beginnings(functions, self._new_id, settings.default_version), replay)
        writers = {"queue": QueueOutput(settings.queues.message_encoding, os.environ).write}
        bindings = Bindings(self._invoker, self._client_json, writers)
        self.engine = Engine(self.store, self.lane, self.clock, episodes, self._new_id)
        self._activities = ActivityWorker(
            functions, bindings, settings.max_concurrent_activities, self.engine.deliver, self._is_live
        )
        self._http_caller = HttpCaller(self.ledger, self.engine.deliver)
        self.engine.workers = {"activity": self._activities, "http": self._http_caller}
        self._entities = Entities(
            self.store, self.lane, self.clock, functions, self._invoker, settings.max_entity_batch, self.engine.deliver
        )
        self.engine.entities = self._entities
        self.operations = Operations(self.engine, self.store, self.lane, self.clock, functions, settings, self._new_id)
        self.http_functions = HttpFunctions(functions, settings.route_prefix, bindings)
        self._triggers = Triggers(functions, bindings, self.clock, self.store, settings.queues)
        entity_api = EntityApi(self._entities, functions, self.lane, self.store, self._new_id)
        management = Management(self.operations, settings.hub_name, entity_api)
        admin = Admin(functions, settings.route_prefix, self._triggers.run_by_hand)
        self.server = Server(management, admin, self.http_functions, Cors(settings.cors, settings.cors_credentials))

    def _client_json(self) -> str:
        return client_binding(self.server.origin, self.settings.hub_name)

    def _is_live(self, instance: Instance, execution_id: str) -> bool:
        return self.engine.live.get(instance.instance_id) is instance and instance.execution_id == execution_id

    def _new_id(self) -> str:
        if not isinstance(self.clock, ManualClock):
            return uuid.uuid4().hex
        # With a manual clock two runs of one test must give the same history, IDs included.
        self._ids += 1
        return uuid.uuid5(uuid.NAMESPACE_OID, f"devhost-{self._ids}").hex

    def _on_broken(self, error: BaseException) -> None:
        is_ours = not isinstance(error, sqlite3.Error | OSError)  # a full disk needs no traceback
        log.critical("the host stops, because %s", cause_of(error), exc_info=error if is_ours else None)
        if self.broken and not self.broken.done():
            self.broken.set_exception(error)


def _prepare_sdk() -> None:
    speed_up_sdk()
    # The SDK warns at each event that arrives before its wait, which is normal operation here.
    warnings.filterwarnings("ignore", message="Potential duplicate Task completion")
