"""What the app's functions share: the schedules, the store, the clock, and the sources and handlers opened so far."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from handlers.base import Handler
from handlers.registry import load_handler
from history.base import Store
from history.tables import TableStore
from scheduler.clock import Clock, SystemClock
from scheduler.connection import resolve_connection
from scheduler.errors import FieldError, HandlerNotFoundError, SettingsError
from scheduler.host_limits import function_timeout
from scheduler.schedules import Schedules, load_schedules
from scheduler.settings import ScheduleSettings
from sources.base import Source
from sources.registry import open_source
from telemetry.export import recorder_from
from telemetry.recorder import Recorder

STORE_CONNECTION = "AzureWebJobsStorage"
TABLE_PREFIX_SETTING = "EbbTablePrefix"
CLOCK_SKEW_SETTING = "EbbClockSkewSeconds"
WATCHDOG_GRACE_SETTING = "EbbWatchdogGraceSeconds"


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
    _handlers: dict[str, Handler] = field(default_factory=dict[str, Handler])

    @classmethod
    def from_environment(cls, folder: Path, environment: Mapping[str, str]) -> Services:
        """Read `schedules.yaml` and `host.json` in `folder`, resolve the store's connection, import every handler.

        No network is touched: a store or a queue that is away is seen, and said, by the functions.

        Raises:
            SettingsError, HandlerNotFoundError: the app must not start with these.
        """
        path = folder / "schedules.yaml"
        host = folder / "host.json"
        limit = function_timeout(host.read_text(encoding="utf-8"), environment) if host.is_file() else None
        schedules = load_schedules(path.read_text(encoding="utf-8"), path.name, environment, limit)
        connection = resolve_connection(STORE_CONNECTION, environment)
        services = cls(
            schedules,
            TableStore(connection, environment.get(TABLE_PREFIX_SETTING, "Ebb")),
            environment=environment,
            clock_skew=float(environment.get(CLOCK_SKEW_SETTING, "30")),
            telemetry=recorder_from(environment),
            watchdog_grace=float(environment.get(WATCHDOG_GRACE_SETTING, "60")),
        )
        for settings in schedules.values():
            services.handler(settings)
        return services

    @asynccontextmanager
    async def source(self, settings: ScheduleSettings, cycle: int = 0, execution: int = 0) -> AsyncIterator[Source]:
        """The source of `settings`, open for one use; sources of one connection share their HTTP session.

        Raises:
            SourceNotFoundError, SettingsError: its connection is not configured, or not well.
        """
        opened = self.open_source(settings, self.environment, cycle=cycle, execution=execution, clock=self.clock)
        try:
            yield opened
        finally:
            await opened.close()

    def check_settings(self, name: str, overrides: Mapping[str, Any]) -> ScheduleSettings:
        """The settings of schedule `name` under `overrides`, if they can be used: all of them, the handler too.

        Raises:
            SettingsError: with one entry for each fault.
        """
        settings = self.schedules.effective(name, overrides)
        try:
            self.handler(settings)
        except HandlerNotFoundError as error:
            fault = FieldError("handler", settings.handler, f"cannot be used: {error}")
            raise SettingsError(str(fault), (fault,)) from error
        return settings

    def handler(self, settings: ScheduleSettings) -> Handler:
        """The user's function for one message.

        Raises:
            HandlerNotFoundError: it cannot be imported.
        """
        if settings.handler not in self._handlers:
            self._handlers[settings.handler] = load_handler(settings.handler)
        return self._handlers[settings.handler]
