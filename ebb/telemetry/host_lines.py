"""Metrics as log lines: the Python worker hands logs to the Functions host, and nothing else."""

from __future__ import annotations

import json
import logging
from typing import Any

from opentelemetry.sdk.metrics import Counter, Histogram
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    HistogramDataPoint,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
)

PREFIX = "metric "  # what the queries in infra/queries look for
_log = logging.getLogger("ebb.metrics")


class HostLines(MetricExporter):
    """Writes `metric {...}` for each series that has something new: values since the line before."""

    def __init__(self) -> None:
        deltas = {Counter: AggregationTemporality.DELTA, Histogram: AggregationTemporality.DELTA}
        super().__init__(preferred_temporality=deltas)

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **_: Any) -> MetricExportResult:
        """Write the lines; never fails."""
        for resource in metrics_data.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in metric.data.data_points:
                        _log.info("%s%s", PREFIX, json.dumps(_line(metric.name, metric.unit, point)))
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Nothing is held back."""
        return True

    def shutdown(self, timeout_millis: float = 30_000, **_: Any) -> None:
        """Nothing is open."""


def _line(name: str, unit: str | None, point: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "unit": unit, **dict(point.attributes or {})}
    if isinstance(point, HistogramDataPoint):
        return {**found, "count": point.count, "sum": point.sum, "min": point.min, "max": point.max}
    return {**found, "value": point.value if isinstance(point, NumberDataPoint) else None}
