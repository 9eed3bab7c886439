"""The instruments, and the moments at which they are used.

Names and units follow OpenTelemetry's conventions (https://opentelemetry.io/docs/specs/semconv/general/metrics/ and
.../messaging/): dots, units in braces for counted things, seconds for durations. Without a provider in the process
every call is one of the API's own that does nothing.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar, cast

from opentelemetry import metrics, trace
from opentelemetry.metrics import Meter
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer

from ebb.core.clock import parse_rfc3339
from ebb.core.cycle_id import CycleId
from ebb.core.documents import Cycle, Execution
from ebb.core.secrets import hide_secrets
from ebb.telemetry.cycle_trace import as_cycle, parent_of
from ebb.telemetry.names import METRICS

H = TypeVar("H")
SCOPE = "ebb"
NANOSECONDS = 1_000_000_000
ERROR_LENGTH = 200  # characters of an error that a span keeps


class Recorder:
    """Records what happens. One for a process; a test makes its own with the meter and tracer of its own provider."""

    def __init__(self, meter: Meter | None = None, tracer: Tracer | None = None, times_messages: bool = False) -> None:
        """Without meter and tracer: those of whatever provider the process has, or will have.

        Args:
            times_messages: record the duration of each message too, and a span; costs some calls for each.
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

    def step(self, name: str, cycle: CycleId, begun: datetime, ended: datetime) -> None:
        """An activity of a cycle besides its executions has ended: `measure` or `close`."""
        attributes = {"ebb.schedule": cycle.schedule, "ebb.cycle": int(cycle.cycle or 0)}
        span = self._tracer.start_span(
            f"{name} {cycle.schedule}", parent_of(cycle), start_time=_nanoseconds(begun), attributes=attributes
        )
        span.end(_nanoseconds(ended))

    def cycle_closed(
        self, schedule: str, cycle: Cycle, owner: str | None = None, written: datetime | None = None
    ) -> None:
        """A cycle with work or an error has ended; `owner` is who opened it.

        `written` is when it was in the books: its span lasts until then, to have the close within it.
        """
        begun, ended = _nanoseconds(str(cycle.started_at)), _nanoseconds(str(cycle.ended_at))
        attributes = {"ebb.schedule": schedule, "ebb.outcome": cycle.outcome}
        self._instruments["ebb.cycle.duration"].record((ended - begun) / NANOSECONDS, attributes)
        with as_cycle(CycleId(schedule, owner, cycle.cycle)) as context:
            span = self._tracer.start_span(
                f"cycle {schedule}", context, start_time=begun, attributes={**attributes, "ebb.cycle": cycle.cycle}
            )
        _mark(span, cycle.error)
        span.end(ended if written is None else max(ended, _nanoseconds(written)))

    @contextmanager
    def execution(
        self, where: Mapping[str, Any], owner: str | None, system: str, destination: str, begun: datetime
    ) -> Generator[Span]:
        """The span of an execution, to be ended by `execution_ended`; what its handlers record lies under it.

        Args:
            where: `schedule`, `cycle` and `execution`.
            owner: who opened the cycle.
            system, destination: kind and name of the source, as `messaging.system` and `messaging.destination.name`.
        """
        key = CycleId(str(where["schedule"]), owner, int(where["cycle"]))
        attributes = {
            "ebb.schedule": key.schedule,
            "ebb.cycle": int(where["cycle"]),
            "ebb.execution": int(where["execution"]),
            "messaging.system": system,
            "messaging.operation.type": "process",
            "messaging.destination.name": destination,
        }
        span = self._tracer.start_span(
            f"process {destination}",
            parent_of(key),
            kind=SpanKind.CONSUMER,
            start_time=_nanoseconds(begun),
            attributes=attributes,
        )
        with trace.use_span(span, record_exception=False, set_status_on_exception=False):
            yield span

    def execution_ended(self, span: Span, schedule: str, execution: Execution) -> None:
        """An execution has ended."""
        outcome = str(execution.outcome)
        begun, ended = _nanoseconds(execution.started_at), _nanoseconds(str(execution.ended_at))
        attributes = {"ebb.schedule": schedule, "ebb.outcome": outcome}
        self._instruments["ebb.execution.duration"].record((ended - begun) / NANOSECONDS, attributes)
        counts = {"processed": execution.processed, "failed": execution.failed, "poisoned": execution.poisoned}
        for result, count in counts.items():
            if count:
                self._instruments["ebb.messages"].add(count, {"ebb.schedule": schedule, "ebb.result": result})
        if execution.oldest_message_age is not None:
            self._instruments["ebb.message.age"].record(execution.oldest_message_age, {"ebb.schedule": schedule})
        span.set_attribute("ebb.outcome", outcome)
        span.set_attribute("messaging.batch.message_count", execution.received)
        _mark(span, execution.error)
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
        call = cast("Any", handler)

        async def later(message: object) -> object:
            with self._message(schedule, message):
                return await call(message)

        def now(message: object) -> object:
            with self._message(schedule, message):
                return call(message)

        return cast("H", later if inspect.iscoroutinefunction(call) else now)

    @contextmanager
    def _message(self, schedule: str, message: object) -> Generator[None]:
        """One call of a handler: its duration, and its span under that of the execution."""
        attributes = {"ebb.schedule": schedule}
        begun = time.perf_counter()
        with self._tracer.start_as_current_span(
            f"handle {schedule}",
            attributes={**attributes, "messaging.message.id": str(getattr(message, "id", ""))},
            record_exception=False,  # its text may hold a secret
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except BaseException as error:  # whatever ends a handler is told of its span, and raised again
                _mark(span, f"{type(error).__name__}: {error}")
                raise
            finally:
                self._instruments["ebb.message.duration"].record(time.perf_counter() - begun, attributes)


def _mark(span: Span, error: object) -> None:
    """Let the span say what went wrong, if anything did."""
    if error:
        span.set_status(Status(StatusCode.ERROR, hide_secrets(str(error))[:ERROR_LENGTH]))


def _nanoseconds(moment: datetime | str) -> int:
    return int((parse_rfc3339(moment) if isinstance(moment, str) else moment).timestamp() * NANOSECONDS)
