"""What the app's functions share: the schedules, the store, the clock, and the sources and handlers opened so far."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ebb.core.access import Access
from ebb.core.clock import Clock, SystemClock
from ebb.core.contract.handler import Handler
from ebb.core.contract.poison import PoisonPlace
from ebb.core.contract.source import Source
from ebb.core.contract.store import Store
from ebb.core.errors import EbbError, FieldError, HandlerNotFoundError, SettingsError
from ebb.core.planning.agenda import Count
from ebb.core.row.schedule_row import ScheduleRow
from ebb.core.settings.app_settings import HOST_STORAGE
from ebb.core.settings.connection import Connection, Service, resolve_connection
from ebb.core.settings.file_alone import refuse_file_alone
from ebb.core.settings.host_files import decode_host_file, decode_text
from ebb.core.settings.host_limits import function_timeout
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.schedules import Schedules, load_schedules
from ebb.handlers import OVERRIDES_SETTING, load_handler, why_not
from ebb.handlers.isolated import isolated
from ebb.handlers.programs import program_of
from ebb.sources.combined import measure_all
from ebb.sources.registry import open_poison, open_source
from ebb.store.entities import Account
from ebb.store.tables import PREFIX_PATTERN, TableStore
from ebb.telemetry import masked_log
from ebb.telemetry.export import recorder_from
from ebb.telemetry.recorder import Recorder
from ebb.telemetry.webhook import Webhook, webhook_from

TABLE_PREFIX_SETTING = "EbbTablePrefix"
CLOCK_SKEW_SETTING = "EbbClockSkewSeconds"
WATCHDOG_GRACE_SETTING = "EbbWatchdogGraceSeconds"
LONGEST_MARGIN = 3600.0  # seconds; a clock that is further off is to be fixed, not allowed for


@dataclass
class Services:
    """Made once per process by the composition root and handed to every blueprint."""

    schedules: Schedules
    store: Store
    clock: Clock = field(default_factory=SystemClock)
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    open_source: Callable[..., Source] = open_source
    clock_skew: float = 30.0  # seconds that the clocks of two machines may differ by
    watchdog_grace: float = 60.0  # seconds beyond what an instance promised until it counts as silent
    telemetry: Recorder = field(default_factory=Recorder)
    access: Access = field(default_factory=Access)
    folder: Path | None = None  # of the app; programs begin in it
    prefix: str = ""  # of the names and routes of HTTP functions, see ebb/api/routes.py
    rows: dict[str, ScheduleRow] = field(default_factory=dict[str, ScheduleRow])  # as cycles here wrote them last
    _handlers: dict[str, Handler] = field(default_factory=dict[str, Handler])

    @classmethod
    def from_environment(cls, folder: Path, environment: Mapping[str, str], prefix: str = "") -> Services:
        """Read `schedules.yaml` and `host.json` in `folder`, resolve the store's connection, import every handler.

        No network is touched: a store or a queue that is away is seen, and said, by the functions.

        Raises:
            SettingsError, HandlerNotFoundError: the app must not start with these.
        """
        masked_log.install()
        try:
            return cls._read(folder, environment, prefix)
        except EbbError as error:
            __tracebackhide__ = True  # file, line and reason stand in the text; the way through our code adds nothing
            raise error.with_traceback(None) from (error.__cause__ if isinstance(error, HandlerNotFoundError) else None)

    @classmethod
    def _read(cls, folder: Path, environment: Mapping[str, str], prefix: str) -> Services:
        schedules = read_schedules(folder, environment)
        connection = resolve_connection(HOST_STORAGE, environment)
        services = cls(
            schedules,
            TableStore(connection, _open_account, _table_prefix(environment)),
            environment=environment,
            clock_skew=_app_seconds(environment, CLOCK_SKEW_SETTING, 30.0),
            telemetry=recorder_from(environment),
            folder=folder,
            watchdog_grace=_app_seconds(environment, WATCHDOG_GRACE_SETTING, 60.0),
            access=Access.from_environment(environment),
            prefix=prefix,
        )
        for settings in schedules.values():
            services.handler(settings)
        return services

    @asynccontextmanager
    async def source(
        self, settings: ScheduleSettings, cycle: int = 0, execution: int = 0, share: tuple[int, int] = (0, 1)
    ) -> AsyncGenerator[Source]:
        """The source of `settings`, open for one use; sources of one connection share their HTTP session.

        `share`: as of `open_source`.

        Raises:
            SourceNotFoundError, SettingsError: its connection is not configured, or not well.
        """
        opened = self.open_source(
            settings,
            self.environment,
            cycle=cycle,
            execution=execution,
            share=share,
            clock=self.clock,
            remarks=self.store,
        )
        try:
            yield opened
        finally:
            await opened.close()

    async def measure(self, settings: ScheduleSettings, *, make: bool = False) -> list[Count]:
        """What waits in each source of `settings`; errors and `make` as of `measure_all`."""
        return await measure_all(settings, self.source, make)

    @asynccontextmanager
    async def poison_place(self, settings: ScheduleSettings) -> AsyncGenerator[PoisonPlace | None]:
        """The poison place of the one source of `settings`, open for one use; None where that source has none.

        Raises:
            SettingsError: its connection is not set, or cannot be used.
        """
        place = open_poison(settings, self.environment, self.clock, self.store)
        try:
            yield place
        finally:
            if place is not None:
                await place.close()

    def webhook(self) -> Webhook | None:
        """Where notifications go; None where the app settings name nothing.

        Raises:
            SettingsError: what they name cannot be used.
        """
        return webhook_from(self.environment)

    def check_settings(self, name: str, overrides: Mapping[str, Any]) -> ScheduleSettings:
        """The settings of schedule `name` under `overrides`, if they can be used: all of them, the handler too.

        Raises:
            SettingsError: with one entry for each fault.
        """
        refuse_file_alone(overrides)
        settings = self.schedules.effective(name, overrides)
        try:
            self.handler_for(name, settings)
        except HandlerNotFoundError as error:
            fault = FieldError("handler", settings.handler, f"cannot be used: {error}")
            raise SettingsError(str(fault), (fault,)) from error
        return settings

    def handler_for(self, name: str, settings: ScheduleSettings) -> Handler:
        """The user's function for one message of schedule `name`, under settings that an operator may have changed.

        Raises:
            HandlerNotFoundError: it may not be called, or cannot be imported; says why.
        """
        deployed = {each: known.handler for each, known in self.schedules.items()}
        changeable = self.environment.get(OVERRIDES_SETTING, "").strip().lower() == "true"
        if reason := why_not(settings.handler, deployed.get(name, ""), deployed.values(), changeable):
            raise HandlerNotFoundError(f"handler {settings.handler} is not called: {reason}")
        return self.handler(settings)

    def handler(self, settings: ScheduleSettings) -> Handler:
        """The user's function for one message, as deployed.

        Raises:
            HandlerNotFoundError: it cannot be imported.
        """
        if settings.command is not None:  # it is a process of its own
            return open_handler(settings, self.folder)
        if settings.handler not in self._handlers:
            self._handlers[settings.handler] = open_handler(settings)
        return isolated(settings.handler) if settings.isolation == "process" else self._handlers[settings.handler]


def open_handler(settings: ScheduleSettings, folder: Path | None = None) -> Handler:
    """The function that `settings` name, imported, or what runs their command.

    Args:
        folder: in which a command begins; without it, the present one.

    Raises:
        HandlerNotFoundError: there is no such function or program.
    """
    return program_of(settings, folder) if settings.command is not None else load_handler(settings.handler)


def read_schedules(folder: Path, environment: Mapping[str, str]) -> Schedules:
    """The schedules of the app in `folder`: `schedules.yaml`, the app settings, and the time limit of `host.json`.

    Raises:
        SettingsError: they cannot be used.
    """
    path, host = folder / "schedules.yaml", folder / "host.json"
    limit = function_timeout(decode_host_file(host.read_bytes()), environment) if host.is_file() else None
    return load_schedules(_text(path), path.name, environment, limit)


def _text(path: Path) -> str:
    try:
        return decode_text(path.read_bytes(), path.name)
    except FileNotFoundError:
        raise SettingsError(f"{path.name} is missing beside function_app.py") from None
    except OSError as error:
        raise SettingsError(f"{path.name} cannot be read: {error.strerror}") from None


def _app_seconds(environment: Mapping[str, str], setting: str, default: float) -> float:
    text = environment.get(setting, "")
    try:
        seconds = float(text) if text.strip() else default
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_MARGIN:
        raise SettingsError(f"app setting {setting}: {text!r} must be a number of seconds, 0 to {LONGEST_MARGIN:g}")
    return seconds


def _open_account(connection: Connection, service: Service) -> Account:
    from ebb.sources.storage_queue.account import open_account  # late: aiohttp takes a fifth of a second to import

    return open_account(connection, service)


def _table_prefix(environment: Mapping[str, str]) -> str:
    prefix = environment.get(TABLE_PREFIX_SETTING) or "Ebb"
    if not re.fullmatch(PREFIX_PATTERN, prefix):
        way_out = "must be letters and digits, a letter first, at most 51"
        raise SettingsError(f"app setting {TABLE_PREFIX_SETTING}: {prefix!r} {way_out}")
    return prefix
