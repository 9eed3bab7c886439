"""Runs one scenario: the real orchestrator and activities on the local host, on a clock that is moved by hand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.durable_functions as df

from activities import close_cycle, measure_backlog, process_backlog
from devhost.clock import ManualClock
from devhost.host import Host
from devhost.settings import HostSettings
from ebb.cli.simulate.arrivals import Arrival, Arrivals, arrivals_of
from ebb.cli.simulate.recording import Backlogs, RecordedSource, RecordedStore, Recording
from ebb.cli.simulate.service_time import service_time_of
from ebb.core.cycle import CycleState
from ebb.core.message import Message
from ebb.core.names import ETERNAL_SCHEDULER, instance_id
from ebb.core.row.schedule_row import Intent
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.schedules import Schedules
from ebb.core.settings.validation import validate_settings
from ebb.services import Services
from ebb.sources.base import Source
from ebb.sources.memory.source import MemoryBroker, MemorySource
from ebb.sources.tick.source import TickSource
from ebb.store.base import update
from orchestrators import eternal

SCHEDULE = "simulated"
MOST_SAMPLES = 2000
BEGIN = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday, midnight
REAL_SECONDS = 24 * 3600.0  # of patience


@dataclass(frozen=True)
class Scenario:
    """What is simulated. Plain data, so that several can run in processes of their own."""

    name: str
    settings: Mapping[str, Any]  # as in schedules.yaml; sources other than tick become queues in memory
    arrivals: tuple[str, ...] = ("none",)  # specs; SOURCE=spec for one of several sources
    service_time: str = "1"
    seconds: float = 86_400.0
    start: datetime = BEGIN
    seed: str = "1"


@dataclass
class SimulatedServices(Services):
    """The app's services, with a handler that takes its time from a model."""

    handle: Callable[[Message], Awaitable[None]] = field(kw_only=True)

    def handler(self, settings: ScheduleSettings) -> Callable[[Message], Awaitable[None]]:
        return self.handle


def simulate(scenario: Scenario) -> Recording:
    """Run `scenario` and return what was seen of it.

    Raises:
        SimulationError: arrivals or service time cannot be read.
        SettingsError: the settings are refused.
    """
    return asyncio.run(run(scenario))


async def run(scenario: Scenario) -> Recording:
    """As `simulate`, on the running event loop."""
    began = time.perf_counter()
    settings = simulated_settings(scenario.settings)
    clock, recording = ManualClock(scenario.start), Recording(scenario.start, length=scenario.seconds)
    broker = MemoryBroker(clock)
    backlogs = Backlogs(broker, clock, recording)
    services = _services(scenario, settings, clock, backlogs, broker, recording)
    for queue, spec in _routes(scenario, settings):
        _feed(clock, scenario.start, arrivals_of(spec, scenario.seconds, scenario.seed), queue, backlogs)
    _sample(clock, scenario, backlogs)
    await update(services.store, SCHEDULE, lambda row: replace(row, intent=Intent.RUNNING))
    settings_of_host = HostSettings(extended_sessions=True)  # the same result without the replays
    async with Host(_app(services), settings=settings_of_host, clock=clock, grace_seconds=0.0) as host:
        await host.client.start_new(ETERNAL_SCHEDULER, instance_id(SCHEDULE), CycleState(SCHEDULE, "sim").to_json())
        await host.run_until(scenario.start + timedelta(seconds=scenario.seconds), patience_seconds=REAL_SECONDS)
    row = await services.store.get(SCHEDULE)
    recording.opened = row.cycle
    recording.ended = row.reason if row.intent is Intent.STOPPED else None
    recording.real_seconds = time.perf_counter() - began
    return recording


def simulated_settings(data: Mapping[str, Any]) -> ScheduleSettings:
    """The settings of `data` with queues in memory in the place of its sources.

    Raises:
        SettingsError: they are refused.
    """
    given = validate_settings({"source": {"type": "memory"}, "handler": "simulated:handler", **_without_clash(data)})
    plain = given.as_json()
    for key in ("source", "sources"):
        if key in plain:
            entries = [_in_memory(each) for each in (plain[key] if key == "sources" else [plain[key]])]
            plain[key] = entries if key == "sources" else entries[0]
    return validate_settings(plain)


def _without_clash(data: Mapping[str, Any]) -> dict[str, Any]:
    return {**data, "source": None} if "sources" in data else dict(data)


def _in_memory(source: dict[str, Any]) -> dict[str, Any]:
    if source["type"] == "tick":
        return source
    own = {key: source[key] for key in ("queueLength", "activationQueueLength") if key in source}
    return {"type": "memory", "queueName": source.get("queueName") or source["type"], **own}


def _services(
    scenario: Scenario,
    settings: ScheduleSettings,
    clock: ManualClock,
    backlogs: Backlogs,
    broker: MemoryBroker,
    recording: Recording,
) -> SimulatedServices:
    service_time = service_time_of(scenario.service_time, scenario.seed)

    async def handle(message: Message) -> None:
        if message.enqueued_at is not None:
            recording.waits.append((clock.now() - message.enqueued_at).total_seconds())
        seconds = service_time()
        await clock.sleep(seconds)
        recording.busy_seconds += seconds

    def open_source(settings: ScheduleSettings, *_: Any, cycle: int = 0, execution: int = 0, **__: Any) -> Source:
        source = settings.source
        assert source is not None
        if source.can.periodic:
            return TickSource(cycle, execution, clock)
        visible_only = settings.queue_length_strategy == "visibleonly"
        return RecordedSource(MemorySource(broker, source.label(), visible_only), backlogs, recording)

    schedules = Schedules({SCHEDULE: settings.as_json()})
    store = RecordedStore(recording)
    return SimulatedServices(schedules, store, clock=clock, environment={}, open_source=open_source, handle=handle)


def _app(services: Services) -> df.DFApp:
    """The orchestrator and its activities; no API and no watchdog, whose minute timer would be most of the work."""
    app = df.DFApp()
    app.register_functions(eternal.blueprint())
    for module in (measure_backlog, process_backlog, close_cycle):
        app.register_functions(module.blueprint(services))
    return app


def _routes(scenario: Scenario, settings: ScheduleSettings) -> list[tuple[str, str]]:
    """Queue and spec of each stream of arrivals; one without a name goes to the first source."""
    names = [source.label() for source in settings.all_sources]
    routes: list[tuple[str, str]] = []
    for given in scenario.arrivals:
        name, equals, spec = given.partition("=")
        routes.append((name, spec) if equals and name in names else (names[0], given))
    return routes


def _feed(clock: ManualClock, start: datetime, arrivals: Arrivals, queue: str, backlogs: Backlogs) -> None:
    """Put the messages as their time comes, one alarm at a time."""

    def arrive(arrival: Arrival) -> None:
        backlogs.put(queue, arrival.messages)
        arm()

    def arm() -> None:
        arrival = next(arrivals, None)
        if arrival is not None:
            clock.call_at(start + timedelta(seconds=arrival.seconds), lambda: arrive(arrival))

    arm()


def _sample(clock: ManualClock, scenario: Scenario, backlogs: Backlogs) -> None:
    """Look at the queues regularly, at most once in ten seconds."""
    pause = timedelta(seconds=max(scenario.seconds / MOST_SAMPLES, 10.0))

    def look() -> None:
        backlogs.sample()
        clock.call_at(clock.now() + pause, look)

    clock.call_at(scenario.start, look)
