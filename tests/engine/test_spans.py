"""The spans of a cycle, exported over OTLP by real hosts: one trace, whose root is the orchestration's turn."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator

import pytest

from ebb.cli.local.engines import Engine
from tests.e2e.harness import wait_for
from tests.engine.deployment import TIMES, Deploy, Deployment
from tests.engine.otlp import ReceivedSpan, Receiver

EXPORTER = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
QUICK = {"OTEL_BSP_SCHEDULE_DELAY": "200", "EbbTelemetrySeconds": "1"}  # spans leave the process at once
COUNT = 20


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture(autouse=True)
def _exporter_is_there(engine: Engine) -> None:
    tried = subprocess.run([engine.python, "-c", f"import {EXPORTER}"], capture_output=True, timeout=60, check=False)
    if tried.returncode:
        pytest.skip(f"{engine.python} has no opentelemetry-exporter-otlp-proto-http")


def _traced(app: Deployment, receiver: Receiver, hosts: int = 1) -> Deployment:
    app.variables |= {"EbbTelemetry": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, **QUICK}
    for _ in range(hosts):
        app.add_host().start()
    return app


def _work(app: Deployment, receiver: Receiver, count: int) -> list[ReceivedSpan]:
    """Handle so many messages; the spans, once all of them have come."""
    put = app.put(range(1_700_000_000, 1_700_000_000 + count))
    app.call("POST", "schedules/parity/start", {})
    app.wait_all_right(put, 60)
    app.wait_rests()
    closed = len(app.cycles())

    def all_came() -> bool:
        names = Counter(span.name for span in receiver.spans())
        return names["handle parity"] >= count and names["close parity"] == names["cycle parity"] == closed

    wait_for(all_came, 20, lambda: f"{closed} cycles; {Counter(span.name for span in receiver.spans())}")
    return receiver.spans()


def test_cycle_is_one_trace_from_the_orchestration_to_its_handlers(deploy: Deploy, receiver: Receiver) -> None:
    app = _traced(deploy(**TIMES), receiver)
    spans = _work(app, receiver, COUNT)
    by_id = {span.id: span for span in spans}
    cycles = [span for span in spans if span.name == "cycle parity"]
    assert len({span.trace for span in cycles}) == len(cycles) == len(app.cycles())
    under = {
        "cycle parity": None,
        "measure parity": "cycle parity",
        f"process {app.name}": "cycle parity",
        "close parity": "cycle parity",
        "handle parity": f"process {app.name}",
    }
    for span in spans:
        parent = by_id.get(span.parent)
        assert (parent.name if parent else None) == under[span.name], span
        assert parent is None or (parent.trace == span.trace and _lies_within(span, parent)), (span, parent)
    for cycle in cycles:
        mine = [span for span in spans if span.trace == cycle.trace]
        document = next(each for each in app.cycles() if each["cycle"] == cycle.attributes["ebb.cycle"])
        names = Counter(span.name for span in mine)
        assert names["measure parity"] == names["close parity"] == 1
        assert names[f"process {app.name}"] == len(document["executions"])
        assert names["handle parity"] == document["processed"]
    assert sum(span.name == "handle parity" for span in spans) == COUNT
    assert "Overriding of current" not in app.host.log()


def _lies_within(span: ReceivedSpan, parent: ReceivedSpan) -> bool:
    """Executions and cycles are written down in whole milliseconds."""
    begun, ended = parent.begun - 0.002, parent.begun + parent.seconds + 0.002
    return begun <= span.begun <= span.begun + span.seconds <= ended


@pytest.mark.real_engine
def test_hosts_that_share_a_cycle_share_its_trace(deploy: Deploy, receiver: Receiver, several_hosts: None) -> None:
    slow = {**TIMES, "handler": "slow:classify", "maxExecutions": 4, "concurrency": 2, "batchSize": 4}
    app = _traced(deploy(host_json={"maxConcurrentActivityFunctions": 2}, **slow), receiver, hosts=2)
    spans = _work(app, receiver, 200)
    hosts_of = Counter[str]()
    for cycle in (span for span in spans if span.name == "cycle parity"):
        hosts_of[cycle.trace] = len({span.host for span in spans if span.trace == cycle.trace})
    assert max(hosts_of.values()) == 2, "no cycle was shared"
