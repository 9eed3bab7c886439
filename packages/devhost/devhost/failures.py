"""What an exception of the app looks like to others: its reason, and its traceback without the host's own frames."""

from __future__ import annotations

import asyncio
import concurrent.futures
import importlib
import traceback
from pathlib import Path
from types import TracebackType

import azure.durable_functions

_OWN = (Path(__file__), *(Path(str(one.__file__)) for one in (asyncio, concurrent.futures, importlib)))
_HOST_FOLDERS = tuple(f"{path.parent}/" for path in (*_OWN, Path(str(azure.durable_functions.__file__))))
_HOST_FILES = (*_HOST_FOLDERS, "<frozen importlib")


def reason_of(error: BaseException) -> str:
    """Say `ExceptionType: message`, as the language worker does; an exception that cannot say its message is named."""
    return f"{type(error).__name__}: {message_of(error)}"


def message_of(error: BaseException) -> str:
    """The text of an exception, whatever its `__str__` does."""
    try:
        return str(error)
    except BaseException as second:  # noqa: BLE001  (code of the app, which may raise anything)
        return f"<its text cannot be made: {type(second).__name__}>"


def account_of(error: BaseException) -> str:
    """The reason of a failure, then its traceback, if that has anything to say.

    An app can tell its author everything by the text alone: it hides its frames as for pytest, with a variable
    `__tracebackhide__` that is true. An exception of which no other frame is left is told by its reason, and the
    traceback is that of its cause, unless it was raised `from None`.
    """
    shown: BaseException | None = error
    while shown is not None and _is_hidden(shown):
        shown = shown.__cause__ or (None if shown.__suppress_context__ else shown.__context__)
    return reason_of(error) if shown is None else f"{reason_of(error)}\n{traceback_of(shown)}"


def traceback_of(error: BaseException) -> str:
    """The traceback from the first frame of the app on: how the host got there is of no use to its author."""
    found = error.__traceback__
    while found is not None and (_is_of_host(found) or _hides(found)):
        found = found.tb_next
    return "".join(traceback.format_exception(type(error), error, found))


def _is_hidden(error: BaseException) -> bool:
    frames: list[TracebackType] = []
    found = error.__traceback__
    while found is not None:
        frames.append(found)
        found = found.tb_next
    return any(map(_hides, frames)) and all(_hides(frame) or _is_of_host(frame) for frame in frames)


def _hides(found: TracebackType) -> bool:
    return bool(found.tb_frame.f_locals.get("__tracebackhide__"))


def _is_of_host(found: TracebackType) -> bool:
    return found.tb_frame.f_code.co_filename.startswith(_HOST_FILES)
