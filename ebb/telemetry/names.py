"""Every metric: name, kind of instrument, unit, what it says. `docs/telemetry.md` and the queries use these names."""

from __future__ import annotations

METRICS: dict[str, tuple[str, str, str]] = {
    "ebb.schedule.backlog": ("gauge", "{message}", "messages that wait, as the latest cycle counted them"),
    "ebb.cycle.executions": ("histogram", "{execution}", "executions that a cycle decided on"),
    "ebb.cycle.duration": ("histogram", "s", "from the opening of a cycle with work to its close"),
    "ebb.execution.duration": ("histogram", "s", "from the first receive of an execution to its end"),
    "ebb.messages": ("counter", "{message}", "messages by result: processed, failed (will be tried again), poisoned"),
    "ebb.message.duration": ("histogram", "s", "time of one message in its handler"),
    "ebb.message.age": ("histogram", "s", "age of the oldest message of an execution when it was received"),
    "ebb.fence.changes": ("counter", "{change}", "changes of the fence: taken, refused, lost"),
    "ebb.watchdog.incidents": ("counter", "{incident}", "schedules that the watchdog had to start again"),
}
