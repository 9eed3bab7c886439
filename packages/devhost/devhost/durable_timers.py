"""Armed timers of orchestrations: each leaves a TimerFired message when it is due."""

from __future__ import annotations

from collections.abc import Callable

from devhost.clock import Alarm, Clock
from devhost.events import EventType, event
from devhost.instance import Event, Instance, OpenWork
from devhost.timestamps import read


class DurableTimers:
    """The timers of all unfinished instances of one host; they are armed again after a restart."""

    def __init__(self, clock: Clock, deliver: Callable[[str, Event, str], None]) -> None:
        self._clock, self._deliver = clock, deliver
        self._alarms: dict[tuple[str, int], Alarm] = {}

    def arm(self, instance: Instance, work: OpenWork) -> None:
        """Have the timer fire at its time, or at once when that is past."""
        key, execution_id = (instance.instance_id, work.number), instance.execution_id
        fired = event(EventType.TimerFired, TimerId=work.number, FireAt=work.body["fireAt"])

        def fire() -> None:
            self._alarms.pop(key, None)
            self._deliver(instance.instance_id, fired, execution_id)

        self._alarms[key] = self._clock.call_at(read(work.body["fireAt"]), fire)

    def disarm(self, instance: Instance, number: int) -> None:
        """Call the timer off, if it is one and still armed."""
        alarm = self._alarms.pop((instance.instance_id, number), None)
        if alarm is not None:
            alarm.cancel()

    def close(self) -> None:
        """Call off all timers."""
        for alarm in self._alarms.values():
            alarm.cancel()
        self._alarms.clear()
