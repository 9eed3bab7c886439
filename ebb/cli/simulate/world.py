"""What a scenario runs in: services on a clock that is moved by hand, and messages that arrive as it moves."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from devhost.clock import ManualClock
from ebb.cli.simulate.arrivals import Arrival, Arrivals, arrivals_of
from ebb.cli.simulate.arriving_keys import ArrivingKeys, keys_of
from ebb.cli.simulate.errors import SimulatedFailure, SimulationError
from ebb.cli.simulate.recording import Backlogs, RecordedSource, RecordedStore, Recording
from ebb.cli.simulate.scenario import Scenario, given_settings, names_of, simulated_settings
from ebb.cli.simulate.service_time import service_time_of
from ebb.core.contract.source import Source
from ebb.core.message import Message
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.schedules import Schedules
from ebb.services import Services
from ebb.sources.memory.source import MemoryBroker, MemorySource
from ebb.sources.tick.source import TickSource

SCHEDULE = "simulated"


@dataclass
class SimulatedServices(Services):
    """The app's services, with a handler that takes its time from a model."""

    handle: Callable[[Message], Awaitable[None]] = field(kw_only=True)

    def handler(self, settings: ScheduleSettings) -> Callable[[Message], Awaitable[None]]:
        return self.handle


def world_of(scenario: Scenario) -> tuple[ManualClock, Recording, Backlogs, SimulatedServices]:
    """What `scenario` runs in: messages will arrive as the clock is moved, and all that is done is recorded."""
    settings = simulated_settings(scenario.simulated)
    clock, recording = ManualClock(scenario.start), Recording(scenario.start, length=scenario.seconds)
    broker = MemoryBroker(clock)
    per_key, streams = settings.per_key, _streams(scenario, settings)
    backlogs = Backlogs(broker, clock, recording, per_key.key if per_key else None)
    store = RecordedStore(recording)
    services = _services(scenario, settings, clock, backlogs, broker, store, recording)
    if per_key is not None and all(keys.label is None for _, _, keys in streams):
        recording.warnings.append((0.0, "perKey limits nothing: no arrivals have keys; give them some, as in SPEC#100"))
    for queue, arrivals, keys in streams:
        _feed(clock, scenario.start, arrivals, lambda count, queue=queue, keys=keys: backlogs.put(queue, count, keys))
    for name, arrivals in _drains(scenario):
        store.drain(name, 0)
        _feed(clock, scenario.start, arrivals, lambda count, name=name: store.drain(name, count))
    return clock, recording, backlogs, services


def _services(
    scenario: Scenario,
    settings: ScheduleSettings,
    clock: ManualClock,
    backlogs: Backlogs,
    broker: MemoryBroker,
    store: RecordedStore,
    recording: Recording,
) -> SimulatedServices:
    service_time = service_time_of(scenario.service_time, scenario.seed)
    chance, several = random.Random(f"{scenario.seed}/failing"), len(settings.all_sources) > 1
    given = given_settings(scenario.settings)
    pairs = zip(names_of(given), given.all_sources, strict=True)
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
    return SimulatedServices(schedules, store, clock=clock, environment={}, open_source=open_source, handle=handle)


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


def _drains(scenario: Scenario) -> Iterator[tuple[str, Arrivals]]:
    """Name and times of each schedule of `after` of which the scenario says when it drains."""
    for given in scenario.drains:
        name, _, spec = given.partition("=")
        if name not in scenario.after:
            known = f"`after` names {', '.join(scenario.after)}" if scenario.after else "it has no `after`"
            raise SimulationError(
                f"drains {given!r}: write NAME=SPEC, with a schedule that this one runs after; {known}"
            )
        yield name, arrivals_of(spec, scenario.seconds, scenario.seed)


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
