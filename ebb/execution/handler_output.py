"""What a handler prints becomes log lines that say where they come from: schedule, cycle and execution.

`print` in a handler writes to the process's standard output, where lines of many executions mix and carry no time.
While an execution works, standard output is a stream that looks at the context it is called in: complete lines of a
handler go to the logger `ebb.handler`; the text of anything else goes on as it is.
"""

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO, cast

from ebb.core.log_context import LogContext, present_log_context

_log = logging.getLogger("ebb.handler")
LONGEST = 32_000  # characters of a line without an end that are kept back

_lock = threading.Lock()
_logging = threading.local()  # a log handler may write to standard output itself
_users = 0


@contextmanager
def logging_as(fields: Mapping[str, object]) -> Generator[None]:
    """Let all that begins in here, tasks and threads too, print and log with `fields`."""
    context = LogContext(fields)
    token = present_log_context.set(context)
    _use()
    try:
        yield
    finally:
        present_log_context.reset(token)
        for line in filter(None, context.begun.values()):
            _say(context, line)
        context.begun = {}
        _release()


class _Lines(io.TextIOBase):
    """Stands where standard output was."""

    def __init__(self, original: TextIO) -> None:
        self.original = original

    def write(self, text: str, /) -> int:
        context = present_log_context.get()
        if context is None or getattr(_logging, "on", False):
            return self.original.write(text)
        thread = threading.get_ident()
        *lines, rest = (context.begun.get(thread, "") + text).split("\n")
        if len(rest) > LONGEST:
            lines, rest = [*lines, rest], ""
        context.begun[thread] = rest
        for line in lines:
            _say(context, line)
        return len(text)

    def flush(self) -> None:
        self.original.flush()

    def isatty(self) -> bool:
        return self.original.isatty()

    def fileno(self) -> int:
        return self.original.fileno()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.original, name)


def _say(context: LogContext, line: str) -> None:
    _logging.on = True
    try:
        _log.info("%s", line, extra=context.fields)
    finally:
        _logging.on = False


def _use() -> None:
    global _users
    with _lock:
        _users += 1
        if not isinstance(sys.stdout, _Lines):
            sys.stdout = cast("TextIO", _Lines(sys.stdout))


def _release() -> None:
    global _users
    with _lock:
        _users -= 1
        stream = cast("Any", sys.stdout)
        if _users == 0 and isinstance(stream, _Lines):
            sys.stdout = stream.original
