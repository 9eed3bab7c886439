"""The context of log lines: the schedule, cycle and execution in which code is at work."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar


class LogContext:
    """What log lines name, and what each thread has printed of a line that is not complete yet."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        self.fields = dict(fields)
        self.begun: dict[int, str] = {}


present_log_context: ContextVar[LogContext | None] = ContextVar("ebb_log_context", default=None)


def log_fields() -> Mapping[str, object]:
    """`schedule`, `cycle` and `execution` of the code that asks; nothing outside an execution."""
    context = present_log_context.get()
    return context.fields if context is not None else {}
