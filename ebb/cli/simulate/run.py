"""Runs one scenario: the real orchestrator and activities, on a clock that is moved by hand."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from devhost.clock import ManualClock
from ebb.cli.init.registered import registered
from ebb.cli.simulate.arrivals import Arrival, Arrivals, arrivals_of
from ebb.cli.simulate.arriving_keys import ArrivingKeys, keys_of
from ebb.cli.simulate.errors import SimulatedFailure, SimulationError
from ebb.cli.simulate.loop import Activity, Context, Orchestrator, advance, drive
from ebb.cli.simulate.recording import Backlogs, RecordedSource, RecordedStore, Recording
from ebb.cli.simulate.service_time import service_time_of
from ebb.cli.simulate.warned import collecting
from ebb.core.contract.source import Source
from ebb.core.contract.store import update
from ebb.core.cycle import CycleState
from ebb.core.message import Message
from ebb.core.names import CLOSE_CYCLE, ETERNAL_SCHEDULER, MEASURE_BACKLOG, PROCESS_BACKLOG, instance_id
from ebb.core.row.schedule_row import Intent
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.schedules import Schedules
from ebb.core.settings.source_settings import SourceModel
from ebb.core.settings.validation import validate_settings
from ebb.services import Services
from ebb.sources.memory.source import MemoryBroker, MemorySource
from ebb.sources.tick.source import TickSource

SCHEDULE = "simulated"
MOST_SAMPLES = 2000
BEGIN = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday, midnight


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
    failing: float = 0.0  # share of the handler's calls that fail


def begin_of(text: str | None, settings: Mapping[str, Any]) -> datetime:
    """When a simulation begins: the date, or date and time, in the time zone of `settings`; without one BEGIN.

    Raises:
        SimulationError: it is neither.
    """
    if text is None:
        return BEGIN
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise SimulationError(f"--from: {text!r} is not a date; write it as 2026-03-28, or 2026-03-28T22:00") from error
    zone = simulated_settings(settings).zone
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


@dataclass
class SimulatedServices(Services):
    """The app's services, with a handler that takes its time from a model."""

    handle: Callable[[Message], Awaitable[None]] = field(kw_only=True)

    def handler(self, settings: ScheduleSettings) -> Callable[[Message], Awaitable[None]]:
        return self.handle


def simulate(scenario: Scenario, told: Callable[[float], None] = lambda _: None) -> Recording:
    """Run `scenario` and return what was seen of it.

    Args:
        told: how many seconds of schedule are done, often.

    Raises:
        SimulationError: arrivals or service time cannot be read.
        SettingsError: the settings are refused.
    """
    return asyncio.run(run(scenario, told))


async def run(scenario: Scenario, told: Callable[[float], None] = lambda _: None) -> Recording:
    """As `simulate`, on the running event loop."""
    began = time.perf_counter()
    clock, recording, backlogs, services = world_of(scenario)
    _sample(clock, scenario, backlogs)
    await update(services.store, SCHEDULE, lambda row: replace(row, intent=Intent.RUNNING))
    first = CycleState(SCHEDULE, "sim").to_json()
    app = registered(services)
    context = Context(instance_id(SCHEDULE), first, _activities(app), clock)
    before = asyncio.all_tasks()
    loop = asyncio.create_task(drive(_orchestrator(app), context))
    try:
        end = scenario.start + timedelta(seconds=scenario.seconds)
        with collecting(recording, clock):
            await advance(clock, end, loop, lambda now: told((now - scenario.start).total_seconds()))
    finally:
        await _end(asyncio.all_tasks() - before)
    row = await services.store.get(SCHEDULE)
    recording.opened = row.cycle
    recording.ended = row.reason if row.intent is Intent.STOPPED else None
    recording.real_seconds = time.perf_counter() - began
    return recording


def world_of(scenario: Scenario) -> tuple[ManualClock, Recording, Backlogs, SimulatedServices]:
    """What `scenario` runs in: messages will arrive as the clock is moved, and all that is done is recorded."""
    settings = simulated_settings(scenario.settings)
    clock, recording = ManualClock(scenario.start), Recording(scenario.start, length=scenario.seconds)
    broker = MemoryBroker(clock)
    per_key, streams = settings.per_key, _streams(scenario, settings)
    backlogs = Backlogs(broker, clock, recording, per_key.key if per_key else None)
    services = _services(scenario, settings, clock, backlogs, broker, recording)
    if per_key is not None and all(keys.label is None for _, _, keys in streams):
        recording.warnings.append((0.0, "perKey limits nothing: no arrivals have keys; give them some, as in SPEC#100"))
    for queue, arrivals, keys in streams:
        _feed(clock, scenario.start, arrivals, lambda count, queue=queue, keys=keys: backlogs.put(queue, count, keys))
    return clock, recording, backlogs, services


def simulated_settings(data: Mapping[str, Any]) -> ScheduleSettings:
    """The settings of `data` with queues in memory in the place of its sources, which know keys if these do.

    Raises:
        SettingsError: they are refused.
    """
    given = _given(data)
    plain = given.to_document()
    for key in ("source", "sources"):
        if key in plain:
            entries = plain[key] if key == "sources" else [plain[key]]
            about = zip(entries, _names(given), given.all_sources, strict=True)
            made = [_in_memory(each, name, _goes_by_keys(given, source)) for each, name, source in about]
            plain[key] = made if key == "sources" else made[0]
    return validate_settings(plain)


def _goes_by_keys(settings: ScheduleSettings, source: SourceModel) -> bool:
    """Whether `source` knows keys and gives messages by them: always, or because `perKey` wants it."""
    can = source.can
    return can.keyed and (can.ordered or can.holds_back or settings.messages_of_a_key is not None)


def _given(data: Mapping[str, Any]) -> ScheduleSettings:
    alone = {"source": {"type": "memory"}, "handler": "simulated:handler", **_without_clash(data), "after": ()}
    return validate_settings(alone)


def _names(settings: ScheduleSettings) -> list[str]:
    """What the queues in the place of the sources are called: their labels, with the kind where two are alike."""
    labels = [source.label() for source in settings.all_sources]
    return [
        label if labels.count(label) == 1 else f"{source.type}:{label}"
        for source, label in zip(settings.all_sources, labels, strict=True)
    ]


def _without_clash(data: Mapping[str, Any]) -> dict[str, Any]:
    return {**data, "source": None} if "sources" in data else dict(data)


def _in_memory(source: dict[str, Any], name: str, keyed: bool) -> dict[str, Any]:
    if source["type"] == "tick":
        return source
    own = {key: source[key] for key in ("queueLength", "activationQueueLength", "weight") if key in source}
    return {"type": "memory", "queueName": name, "keyed": keyed, **own}


def _services(
    scenario: Scenario,
    settings: ScheduleSettings,
    clock: ManualClock,
    backlogs: Backlogs,
    broker: MemoryBroker,
    recording: Recording,
) -> SimulatedServices:
    service_time = service_time_of(scenario.service_time, scenario.seed)
    chance, several = random.Random(f"{scenario.seed}/failing"), len(settings.all_sources) > 1
    given = _given(scenario.settings)
    pairs = zip(_names(given), given.all_sources, strict=True)
    counting_held = {name for name, source in pairs if source.can.counts_held}

    async def handle(message: Message | list[Message]) -> None:
        for each in message if isinstance(message, list) else [message]:
            if each.enqueued_at is not None and each.dequeue_count == 1:
                recording.waited(each, (clock.now() - each.enqueued_at).total_seconds())
        recording.begun += len(message) if isinstance(message, list) else 1
        seconds = service_time()
        await clock.sleep(seconds)
        recording.busy_seconds += seconds
        if scenario.failing and chance.random() < scenario.failing:
            raise SimulatedFailure("as --failing says")

    def open_source(settings: ScheduleSettings, *_: Any, cycle: int = 0, execution: int = 0, **__: Any) -> Source:
        source = settings.source
        assert source is not None
        if source.can.periodic:
            return TickSource(cycle, execution, clock)
        name = source.label()
        visible_only = settings.queue_length_strategy == "visibleonly" and name not in counting_held
        of_a_key = (settings.messages_of_a_key or 1) if source.can.keyed else None
        queue = MemorySource(broker, name, visible_only, of_a_key)
        return RecordedSource(queue, backlogs, recording, name if several else None)

    schedules = Schedules({SCHEDULE: settings.to_document()})
    store = RecordedStore(recording)
    return SimulatedServices(schedules, store, clock=clock, environment={}, open_source=open_source, handle=handle)


def _activities(app: Mapping[str, Any]) -> dict[str, Activity]:
    return {name: app[name].get_user_function() for name in (MEASURE_BACKLOG, PROCESS_BACKLOG, CLOSE_CYCLE)}


def _orchestrator(app: Mapping[str, Any]) -> Orchestrator:
    """The generator behind the function that the SDK makes of it, as its guide to unit tests finds it."""
    return app[ETERNAL_SCHEDULER].get_user_function().orchestrator_function


async def _end(others: set[asyncio.Task[Any]]) -> None:
    """End what is still at work when the time is over."""
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _streams(scenario: Scenario, settings: ScheduleSettings) -> list[tuple[str, Arrivals, ArrivingKeys]]:
    """Queue, times and keys of each stream of arrivals; one without a name goes to the first source."""
    names = [source.label() for source in settings.all_sources]
    streams: list[tuple[str, Arrivals, ArrivingKeys]] = []
    for given in scenario.arrivals:
        name, equals, spec = given.partition("=")
        queue, whole = (name, spec) if equals and name in names else (names[0], given)
        plain, keys = keys_of(whole, scenario.seed)
        streams.append((queue, arrivals_of(plain, scenario.seconds, scenario.seed), keys))
    return streams


def _feed(clock: ManualClock, start: datetime, arrivals: Arrivals, put: Callable[[int], None]) -> None:
    """Put the messages as their time comes, one alarm at a time."""

    def arrive(arrival: Arrival) -> None:
        put(arrival.messages)
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
