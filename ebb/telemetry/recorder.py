"""The instruments, and the moments at which they are used.

Names and units follow OpenTelemetry's conventions (https://opentelemetry.io/docs/specs/semconv/general/metrics/ and
.../messaging/): dots, units in braces for counted things, seconds for durations. Without a provider in the process
every call is one of the API's own that does nothing.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from opentelemetry import metrics, trace
from opentelemetry.metrics import Meter
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer

from ebb.core.clock import parse_rfc3339
from ebb.telemetry.names import METRICS

H = TypeVar("H")
SCOPE = "ebb"
NANOSECONDS = 1_000_000_000


class Recorder:
    """Records what happens. One for a process; a test makes its own with the meter and tracer of its own provider."""

    def __init__(self, meter: Meter | None = None, tracer: Tracer | None = None, times_messages: bool = False) -> None:
        """Without meter and tracer: those of whatever provider the process has, or will have.

        Args:
            times_messages: record the duration of each message too; costs a call for each.
        """
        meter = meter or metrics.get_meter(SCOPE)
        self._tracer = tracer or trace.get_tracer(SCOPE)
        self._times_messages = times_messages
        self._instruments: dict[str, Any] = {
            name: getattr(meter, f"create_{kind}")(name, unit=unit, description=description)
            for name, (kind, unit, description) in METRICS.items()
        }

    def cycle_opened(self, schedule: str, backlog: int | None, executions: int, limited_by: str | None) -> None:
        """A cycle has measured (`backlog` is None where it has not) and decided."""
        attributes = {"ebb.schedule": schedule}
        if backlog is not None:
            self._instruments["ebb.schedule.backlog"].set(backlog, attributes)
        self._instruments["ebb.cycle.executions"].record(
            executions, {**attributes, "ebb.limited_by": limited_by or "none"}
        )

    def cycle_closed(self, schedule: str, cycle: Mapping[str, Any]) -> None:
        """A cycle with work or an error has ended; `cycle` is its Cycle document."""
        begun, ended = _nanoseconds(cycle["startedAt"]), _nanoseconds(cycle["endedAt"])
        attributes = {"ebb.schedule": schedule, "ebb.outcome": str(cycle["outcome"])}
        self._instruments["ebb.cycle.duration"].record((ended - begun) / NANOSECONDS, attributes)
        span = self._tracer.start_span(
            f"cycle {schedule}", start_time=begun, attributes={**attributes, "ebb.cycle": int(cycle["cycle"])}
        )
        if cycle.get("error"):
            span.set_status(Status(StatusCode.ERROR, str(cycle["error"])[:200]))
        span.end(ended)

    def execution_ended(
        self, where: Mapping[str, Any], execution: Mapping[str, Any], system: str, destination: str
    ) -> None:
        """An execution has ended.

        Args:
            where: `schedule`, `cycle` and `execution`.
            execution: its Execution document.
            system, destination: kind and name of the source, as `messaging.system` and `messaging.destination.name`.
        """
        schedule, outcome = str(where["schedule"]), str(execution["outcome"])
        begun, ended = _nanoseconds(execution["startedAt"]), _nanoseconds(execution["endedAt"])
        attributes = {"ebb.schedule": schedule, "ebb.outcome": outcome}
        self._instruments["ebb.execution.duration"].record((ended - begun) / NANOSECONDS, attributes)
        for result in ("processed", "failed", "poisoned"):
            if execution.get(result):
                labels = {"ebb.schedule": schedule, "ebb.result": result}
                self._instruments["ebb.messages"].add(int(execution[result]), labels)
        if execution.get("oldestMessageAge") is not None:
            self._instruments["ebb.message.age"].record(
                float(execution["oldestMessageAge"]), {"ebb.schedule": schedule}
            )
        span = self._tracer.start_span(
            f"process {destination}",
            kind=SpanKind.CONSUMER,
            start_time=begun,
            attributes={
                **attributes,
                "ebb.cycle": int(where["cycle"]),
                "ebb.execution": int(where["execution"]),
                "messaging.system": system,
                "messaging.operation.type": "process",
                "messaging.destination.name": destination,
                "messaging.batch.message_count": int(execution.get("received") or 0),
            },
        )
        if execution.get("error"):
            span.set_status(Status(StatusCode.ERROR, str(execution["error"])[:200]))
        span.end(ended)

    def fence_changed(self, schedule: str, change: str) -> None:
        """The fence was `taken` by another instance than before, `refused` to one, or `lost` while a cycle worked."""
        self._instruments["ebb.fence.changes"].add(1, {"ebb.schedule": schedule, "ebb.change": change})

    def incident(self, schedule: str, action: str) -> None:
        """The watchdog found a schedule wanting and acted."""
        self._instruments["ebb.watchdog.incidents"].add(1, {"ebb.schedule": schedule, "ebb.action": action})

    def timed(self, schedule: str, handler: H) -> H:
        """`handler`, its calls timed; unchanged where messages are not timed. Stays sync or async as it is."""
        if not self._times_messages:
            return handler
        call, record = cast("Any", handler), self._instruments["ebb.message.duration"].record
        attributes = {"ebb.schedule": schedule}

        async def later(message: object) -> object:
            begun = time.perf_counter()
            try:
                return await call(message)
            finally:
                record(time.perf_counter() - begun, attributes)

        def now(message: object) -> object:
            begun = time.perf_counter()
            try:
                return call(message)
            finally:
                record(time.perf_counter() - begun, attributes)

        return cast("H", later if inspect.iscoroutinefunction(call) else now)


def _nanoseconds(text: str) -> int:
    return int(parse_rfc3339(text).timestamp() * NANOSECONDS)
