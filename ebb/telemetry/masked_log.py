"""Log lines without secrets: what a handler or a library logs goes through the mask before it leaves the process."""

from __future__ import annotations

import logging

from ebb.core.secrets import hide_secrets


class MaskingFormatter(logging.Formatter):
    """What `inner` makes of a record, traceback included, without what looks like a secret."""

    def __init__(self, inner: logging.Formatter | None = None) -> None:
        super().__init__()
        self.inner = inner or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        """The text of the record."""
        return hide_secrets(self.inner.format(record))


def install(logger: logging.Logger | None = None) -> None:
    """Let every handler of `logger` (the root without it) hide secrets. Doing it again changes nothing."""
    for handler in (logger or logging.getLogger()).handlers:
        if not _masks(handler.formatter):
            handler.setFormatter(MaskingFormatter(handler.formatter))


def _masks(formatter: logging.Formatter | None) -> bool:
    while formatter is not None:
        if isinstance(formatter, MaskingFormatter):
            return True
        formatter = getattr(formatter, "inner", None)
    return False
