"""Log lines that say what they belong to: schedule, cycle and execution as JSON behind the message.

The Python worker hands the host the text of a record and drops its other fields, so they go into the text:
`execution ended: succeeded, 16 processed {"schedule": "parity", "cycle": 4, "execution": 0}`.
"""

from __future__ import annotations

import json
import logging

from ebb.core.log_context import log_fields

FIELDS = ("schedule", "cycle", "execution")


class ContextFormatter(logging.Formatter):
    """What `inner` makes of a record, and the fields that the record carries, or the execution that writes it has."""

    def __init__(self, inner: logging.Formatter | None = None) -> None:
        super().__init__()
        self.inner = inner or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        """One line, or several with a traceback: the fields stand at the end of the first."""
        text = self.inner.format(record)
        here = log_fields()
        known = ((name, getattr(record, name, here.get(name))) for name in FIELDS)
        fields = {name: value for name, value in known if value is not None}
        if not fields:
            return text
        first, newline, rest = text.partition("\n")
        return f"{first} {json.dumps(fields)}{newline}{rest}"


def install(logger: logging.Logger | None = None) -> None:
    """Let every handler of `logger` (the root without it) write the fields. Doing it again changes nothing."""
    for handler in (logger or logging.getLogger()).handlers:
        if not isinstance(handler.formatter, ContextFormatter):
            handler.setFormatter(ContextFormatter(handler.formatter))
