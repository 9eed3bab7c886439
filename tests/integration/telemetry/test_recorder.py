"""What is measured when cycles open, work and close: real activities on twins, the SDK's readers in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, SpanKind, StatusCode, TraceFlags

from activities import measure_backlog
from ebb import Message, PoisonMessage
from ebb.control.closing import close
from ebb.core.clock import rfc3339
from ebb.core.contract.store import update
from ebb.core.cycle import CycleState, Opening, Verdict
from ebb.core.row.schedule_row import Intent
from ebb.core.settings.schedules import Schedules
from ebb.execution.process import execute
from ebb.services import Services
from ebb.sources.memory.source import MemoryBroker, MemorySource
from ebb.store.memory import MemoryStore
from ebb.telemetry.names import METRICS
from ebb.telemetry.providers import CycleIds
from ebb.telemetry.recorder import Recorder
from tests.clocks import SteppedClock

MINE = CycleState("job", "hub", owner="hub/ebb-job/1")
SETTINGS = {
    "source": {"type": "memory", "queueName": "work"},
    "handler": "tests.integration.telemetry.test_recorder:handle",
    "queueLength": 5,
    "maxExecutions": 3,
    "maxDequeueCount": 3,
}


def handle(message: Message) -> None:
    """Fails for messages that say so."""
    if message.text == "poison":
        raise PoisonMessage("said so")
    if message.text == "fail":
        raise ValueError("said so")


class Lab:
    """Services whose recorder writes into memory."""

    def __init__(self) -> None:
        self.reader, self.spans = InMemoryMetricReader(), InMemorySpanExporter()
        tracers = TracerProvider(id_generator=CycleIds())
        tracers.add_span_processor(SimpleSpanProcessor(self.spans))
        meter = MeterProvider(metric_readers=[self.reader]).get_meter("ebb")
        self.clock = clock = SteppedClock()
        self.broker = MemoryBroker(clock)
        self.services = Services(
            Schedules({"job": SETTINGS}),
            MemoryStore(),
            clock=clock,
            environment={},
            open_source=lambda *_, **__: MemorySource(self.broker, "work"),
            telemetry=Recorder(meter, tracers.get_tracer("ebb"), times_messages=True),
        )

    def put(self, *texts: str) -> None:
        for text in texts:
            self.broker.put("work", text)

    async def open(self, state: CycleState = MINE) -> Opening:
        app = df.DFApp()
        app.register_functions(measure_backlog.blueprint(self.services))
        activity: Any = app.get_functions()[0].get_user_function()
        return Opening.from_json(await activity(state.to_json()))

    async def work(self, opening: Opening) -> dict[str, Any]:
        order = {
            "schedule": "job",
            "cycle": opening.cycle,
            "index": 0,
            "owner": MINE.owner,
            "settings": opening.settings,
        }
        return await execute(self.services, order)

    def named(self, name: str) -> list[ReadableSpan]:
        """The spans that have ended, by name."""
        return [span for span in self.spans.get_finished_spans() if span.name == name]

    def points(self, name: str) -> dict[str, Any]:
        """Values of a metric by their attributes without `ebb.schedule`, which is asserted."""
        data = self.reader.get_metrics_data()
        found: dict[str, Any] = {}
        for resource in data.resource_metrics if data else ():
            for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
                for point in metric.data.data_points if metric.name == name else ():
                    attributes: Mapping[str, Any] = dict(point.attributes or {})
                    assert attributes["ebb.schedule"] == "job"
                    labels = "/".join(str(value) for key, value in attributes.items() if key != "ebb.schedule")
                    found[labels] = point
        return found


@pytest.fixture
async def lab() -> Lab:
    made = Lab()
    await update(made.services.store, "job", lambda row: replace(row, intent=Intent.RUNNING))
    return made


async def test_opening_records_backlog_and_decision(lab: Lab) -> None:
    lab.put(*["ok"] * 40)
    opening = await lab.open()
    assert opening.decision.executions == 3
    assert lab.points("ebb.schedule.backlog")[""].value == 40
    ((limit, point),) = lab.points("ebb.cycle.executions").items()
    assert (limit, point.sum) == (opening.decision.limited_by, 3)


async def test_opening_that_may_not_act_records_nothing(lab: Lab) -> None:
    await update(lab.services.store, "job", lambda row: replace(row, intent=Intent.STOPPED))
    assert (await lab.open()).verdict is Verdict.END
    assert lab.points("ebb.schedule.backlog") == {}
    assert lab.points("ebb.cycle.executions") == {}


async def test_execution_records_messages_durations_and_a_span(lab: Lab) -> None:
    lab.put("ok", "ok", "poison", "fail")
    document = await lab.work(await lab.open())
    assert document["received"] == 4
    results = {result: point.value for result, point in lab.points("ebb.messages").items()}
    assert results == {"processed": 2, "poisoned": 1, "failed": 1}
    assert lab.points("ebb.message.duration")[""].count == 4
    assert lab.points("ebb.execution.duration")["partlyFailed"].count == 1
    assert lab.points("ebb.message.age")[""].count == 1
    (span,) = lab.named("process work")
    assert span.kind is SpanKind.CONSUMER
    attributes = dict(span.attributes or {})
    assert attributes["messaging.system"] == "memory"
    assert attributes["messaging.batch.message_count"] == 4
    assert (attributes["ebb.cycle"], attributes["ebb.execution"]) == (1, 0)
    assert span.status.status_code is StatusCode.ERROR
    assert "ValueError" in str(span.status.description) or "PoisonMessage" in str(span.status.description)


def closing(opening: Opening, error: str | None = None) -> dict[str, Any]:
    cycle = {
        "cycle": opening.cycle, "startedAt": "2026-01-01T00:00:00.000Z", "endedAt": "2026-01-01T00:00:02.500Z",
        "backlog": None, "decision": opening.decision.to_json(), "executions": [], "processed": 0, "failed": 0,
        "poisoned": 0, "outcome": "failed" if error else "succeeded", "error": error,
    }  # fmt: skip
    return {"state": MINE.to_json(), "settings": opening.settings, "received": 0, "cycle": cycle}


async def test_close_records_the_cycle_with_its_error(lab: Lab) -> None:
    opening = await lab.open()
    await close(lab.services, closing(opening, "the queue is gone"))
    assert lab.points("ebb.cycle.duration")["failed"].sum == 2.5
    (span,) = lab.named("cycle job")
    assert span.status.description == "the queue is gone"


async def test_close_lies_within_the_span_of_its_cycle(lab: Lab) -> None:
    """A viewer draws the close, which begins when the cycle's last execution has ended, inside its parent."""
    opening = await lab.open()
    began = lab.services.clock.now()
    document = closing(opening)
    document["cycle"] |= {"startedAt": rfc3339(began), "endedAt": rfc3339(began + timedelta(seconds=2))}
    lab.clock.step(5)
    await close(lab.services, document)
    (cycle,), (step,) = lab.named("cycle job"), lab.named("close job")
    assert (cycle.start_time or 0) < (step.start_time or 0) <= (step.end_time or 0) <= (cycle.end_time or 0)
    (duration,) = lab.points("ebb.cycle.duration").values()
    assert duration.sum == 2


async def test_cycle_that_its_successor_closes_has_the_trace_of_its_executions(lab: Lab) -> None:
    lab.put("ok")
    opening = await lab.open()
    await lab.work(opening)
    until = lab.services.clock.now() - timedelta(hours=1)
    await update(
        lab.services.store, "job",
        lambda row: replace(row, owner_until=until, working_until=None),
    )  # fmt: skip
    assert (await lab.open(replace(MINE, owner="hub/ebb-job/2"))).verdict is Verdict.GO
    (cycle,), (work,) = lab.named("cycle job"), lab.named("process work")
    assert work.parent is not None
    assert (cycle.context.trace_id, cycle.context.span_id) == (work.context.trace_id, work.parent.span_id)


async def test_fence_records_taken_refused_and_lost(lab: Lab) -> None:
    opening = await lab.open()
    await lab.open(replace(MINE, cycle=opening.cycle))
    assert lab.points("ebb.fence.changes") == {}  # the owner itself changes nothing
    assert (await lab.open(replace(MINE, owner="other/ebb-job/2"))).verdict is Verdict.END
    until = lab.services.clock.now() - timedelta(hours=1)
    await update(
        lab.services.store, "job",
        lambda row: replace(row, owner="other/ebb-job/2", owner_until=until, working_until=None),
    )  # fmt: skip
    await close(lab.services, closing(opening))
    assert (await lab.open()).verdict is Verdict.GO
    changes = {change: point.value for change, point in lab.points("ebb.fence.changes").items()}
    assert changes == {"refused": 1, "lost": 1, "taken": 1}


async def test_incident_is_counted_by_action(lab: Lab) -> None:
    lab.services.telemetry.incident("job", "start")
    lab.services.telemetry.incident("job", "start")
    assert lab.points("ebb.watchdog.incidents")["start"].value == 2


async def test_handler_stays_sync_or_async_when_timed(lab: Lab) -> None:
    async def later(message: object) -> str:
        return "later"

    recorder = lab.services.telemetry
    assert await recorder.timed("job", later)(None) == "later"
    assert recorder.timed("job", lambda message: "now")(None) == "now"
    assert lab.points("ebb.message.duration")[""].count == 2


def test_handler_is_not_touched_while_messages_are_not_timed() -> None:
    assert Recorder().timed("job", handle) is handle


async def test_without_a_provider_nothing_is_recorded_and_nothing_fails() -> None:
    lab = Lab()
    lab.services.telemetry = Recorder()
    await update(lab.services.store, "job", lambda row: replace(row, intent=Intent.RUNNING))
    lab.put("ok")
    opening = await lab.open()
    document = await lab.work(opening)
    assert document["processed"] == 1
    assert lab.points("ebb.messages") == {}


def test_metric_names_units_and_words_follow_the_conventions() -> None:
    for name, (kind, unit, description) in METRICS.items():
        assert name.startswith("ebb.")
        assert name == name.lower()
        assert kind in ("counter", "gauge", "histogram")
        assert unit == "s" or (unit.startswith("{") and unit.endswith("}"))
        assert len(description) > 10


HOST_SPAN = SpanContext(0xABC, 0xDEF, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))


@pytest.mark.parametrize("is_sampled", [True, False])
async def test_span_of_the_host_is_the_parent_where_it_is_recorded(lab: Lab, is_sampled: bool) -> None:
    """The Functions worker makes the host's span current, also one that is not recorded and leads nowhere."""
    given = HOST_SPAN if is_sampled else SpanContext(HOST_SPAN.trace_id, HOST_SPAN.span_id, is_remote=True)
    lab.put("ok")
    with trace.use_span(trace.NonRecordingSpan(given)):
        opening = await lab.open()
        await lab.work(opening)
        await close(lab.services, {**closing(opening), "cycle": {**closing(opening)["cycle"], "error": "it is told"}})
    (cycle,), (work,), (handler,) = lab.named("cycle job"), lab.named("process work"), lab.named("handle job")
    assert handler.parent is not None
    assert handler.parent.span_id == work.context.span_id
    for span in (cycle, work, *lab.named("measure job"), *lab.named("close job")):
        if is_sampled:
            assert span.parent == HOST_SPAN
        else:
            assert span.context.trace_id == cycle.context.trace_id != HOST_SPAN.trace_id
            assert (span.parent is None) is (span is cycle)


async def test_span_of_a_handler_says_what_went_wrong_without_its_secrets(lab: Lab) -> None:
    async def later(message: object) -> None:
        raise ValueError("AccountKey=c2VjcmV0c2VjcmV0c2VjcmV0; gone")

    with pytest.raises(ValueError, match="gone"):
        await lab.services.telemetry.timed("job", later)(None)
    (span,) = lab.named("handle job")
    assert span.status.status_code is StatusCode.ERROR
    assert "c2VjcmV0" not in str(span.status.description)
    assert not span.events
