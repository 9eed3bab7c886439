"""The trace of a cycle: every process that works for the cycle knows its ids, without having been told them.

An orchestrator is replayed and records nothing, and its activities run on any host. So the ids of the trace and of the
span that stands for the orchestration's turn follow from the cycle itself. Where the Functions host records a span of
its own and hands it to the worker (`PYTHON_ENABLE_OPENTELEMETRY`), that one is the parent instead.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from ebb.core.cycle_id import CycleId

_own: ContextVar[SpanContext | None] = ContextVar("ebb_own_ids", default=None)


def parent_of(cycle: CycleId) -> Context:
    """Under what an activity of the cycle records: the span of the host if it records one, the cycle's otherwise."""
    if _host_records():
        return Context(trace.set_span_in_context(trace.get_current_span()))
    return trace.set_span_in_context(NonRecordingSpan(_span_context(cycle)), Context())


@contextmanager
def as_cycle(cycle: CycleId) -> Generator[Context]:
    """The context in which the span that is started next is the cycle's own: the root of its trace, with its ids.

    Where the host records, it is a child of the host's span like all others.
    """
    if _host_records():
        yield parent_of(cycle)
        return
    token = _own.set(_span_context(cycle))
    try:
        yield Context()
    finally:
        _own.reset(token)


def own_ids() -> SpanContext | None:
    """The ids that the span to be started has to have; None outside of `as_cycle`."""
    return _own.get()


def _span_context(cycle: CycleId) -> SpanContext:
    """The ids of the cycle's own span; anybody who knows the cycle knows them."""
    digest = hashlib.sha256(f"{cycle.schedule}\n{cycle.owner}\n{cycle.cycle}".encode()).digest()
    trace_id, span_id = int.from_bytes(digest[:16]), int.from_bytes(digest[16:24])
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _host_records() -> bool:
    """Whether the host has handed over a span that it records; one with another flag leads nowhere."""
    found = trace.get_current_span().get_span_context()
    return found.is_valid and found.trace_flags.sampled
