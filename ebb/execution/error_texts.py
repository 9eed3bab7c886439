"""Errors of handlers as operators read them: their type and their text, short and without secrets."""

from __future__ import annotations

import traceback

from ebb.core.contract.handler import IsolatedHandlerError
from ebb.core.secrets import hide_secrets

ERROR_LENGTH = 500  # characters of an error that are kept


def kind_of(error: BaseException) -> str:
    """The type of an error, as errors are counted by it; of an isolated handler the type that it raised."""
    return str(error).partition(":")[0] if isinstance(error, IsolatedHandlerError) else type(error).__name__


def describe(error: BaseException | None) -> str:
    """What kind of error it is and what it says, without secrets, at most ERROR_LENGTH characters."""
    if error is None:
        return "it ended"
    try:
        text = str(error).strip()
    except Exception:  # noqa: BLE001 - user code again: its __str__
        text = "(its text cannot be read)"
    if isinstance(error, IsolatedHandlerError):
        return text[:ERROR_LENGTH]  # it says its type
    return hide_secrets(f"{type(error).__name__}: {text}")[:ERROR_LENGTH] if text else type(error).__name__


def with_traceback(text: str, error: BaseException) -> str:
    """`text` and the traceback of `error`, without secrets."""
    return hide_secrets(f"{text}\n{''.join(traceback.format_exception(error)).rstrip()}")
