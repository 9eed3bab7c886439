"""What a killed host held when it died: in Azure it stays invisible to others until its time-out is over.

The queues of the Azure Storage back end show a message again `workItemQueueVisibilityTimeout` (activities) or
`controlQueueVisibilityTimeout` (what orchestrations receive) after the last sign of life of the host that had taken it.
Here the time runs from the next start.
"""

from __future__ import annotations

from collections.abc import Callable

from devhost.clock import Clock
from devhost.instance import Instance, Message, OpenWork
from devhost.settings import HostSettings


class HeldWork:
    """Decides what the dead host had in hand, and lets it go when its time is over."""

    def __init__(self, settings: HostSettings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._activities = settings.max_concurrent_activities  # a host takes no more than it can run

    def hold_work(self, work: OpenWork, begin: Callable[[], None]) -> bool:
        """Hold an activity (or HTTP call) that the dead host was running; false when it can begin now."""
        if not self._settings.hold_dead_work or work.kind not in ("activity", "http") or self._activities == 0:
            return False
        self._activities -= 1
        self._clock.call_at(self._clock.now() + self._settings.work_item_visibility, begin)
        return True

    def hold_messages(self, instance: Instance, give_back: Callable[[list[Message], str], None]) -> bool:
        """Hold the messages that wait for an instance, its start among them; false when they can be let in now."""
        if not self._settings.hold_dead_work:
            return False
        messages, execution_id = list(instance.inbox), instance.execution_id
        instance.inbox.clear()
        due = self._clock.now() + self._settings.control_queue_visibility
        self._clock.call_at(due, lambda: give_back(messages, execution_id))
        return True
