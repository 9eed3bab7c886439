"""Providers of the OpenTelemetry SDK for the two ways out of the process. They are the app's own, not the process's."""

from __future__ import annotations

import socket
import uuid
from importlib import import_module

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from ebb.telemetry import context_log
from ebb.telemetry.cycle_trace import own_ids
from ebb.telemetry.host_lines import HostLines
from ebb.telemetry.recorder import SCOPE, Recorder

OTLP = "opentelemetry.exporter.otlp.proto.http"
_INSTANCE = str(uuid.uuid4())  # of this process; the semantic conventions of `service.instance.id` ask for a UUID


class CycleIds(RandomIdGenerator):
    """Random ids, but those of a cycle for the cycle's own span."""

    def generate_span_id(self) -> int:
        own = own_ids()
        return super().generate_span_id() if own is None else own.span_id

    def generate_trace_id(self) -> int:
        own = own_ids()
        return super().generate_trace_id() if own is None else own.trace_id


def to_host(service: str, interval: float) -> Recorder:
    """Metrics as log lines each `interval` seconds; the host itself traces orchestrations and activities."""
    context_log.install()
    return _recorder(HostLines(), TracerProvider(resource=_resource(service)), service, interval)


def to_otlp(service: str, interval: float) -> Recorder:
    """Metrics and spans over OTLP; the exporters read the standard variables (OTEL_EXPORTER_OTLP_ENDPOINT, ...).

    Raises:
        ModuleNotFoundError: the exporters' package is not installed.
    """
    metrics, spans = import_module(f"{OTLP}.metric_exporter"), import_module(f"{OTLP}.trace_exporter")
    context_log.install()
    tracers = TracerProvider(resource=_resource(service), id_generator=CycleIds())
    tracers.add_span_processor(BatchSpanProcessor(spans.OTLPSpanExporter()))
    return _recorder(metrics.OTLPMetricExporter(), tracers, service, interval)


def _recorder(exporter: MetricExporter, tracers: TracerProvider, service: str, interval: float) -> Recorder:
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=interval * 1000)
    meters = MeterProvider(resource=_resource(service), metric_readers=[reader])
    return Recorder(meters.get_meter(SCOPE), tracers.get_tracer(SCOPE), times_messages=True)


def _resource(service: str) -> Resource:
    """Which host records: executions of one cycle run on several."""
    host = {"host.name": socket.gethostname(), "service.instance.id": _INSTANCE}
    return Resource.create({"service.name": service, **host})
