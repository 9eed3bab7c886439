"""The errors of Ebb, sorted by who must act.

EbbError
├── SettingsError            the operator: a setting is wrong; retrying changes nothing
├── HandlerError             the author of a handler
│   ├── HandlerNotFoundError     it cannot be imported
│   ├── HandlerTimeoutError      one call took longer than handlerTimeout
│   ├── PoisonMessage            raised by a handler: this message can never succeed
│   │   └── Permanent                the same, for a failure that no further try changes
│   └── RetryAfter               raised by a handler: not now, but so many seconds later
├── SourceError              the source of messages
│   ├── SourceUnavailableError   unreachable or throttled; comes right by itself or by its operator
│   ├── SourceNotFoundError      the queue does not exist, or the connection is not set
│   └── LeaseLostError           another receiver may have the message now: neither complete nor release it
├── RequestRefusedError      the caller: what is asked cannot be done now; `code` tells programs why
└── StoreError               the intent and history store
    ├── StoreUnavailableError    unreachable or throttled
    └── ConflictError            somebody else changed the row first: read again, decide again
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Any

from ebb.core.secrets import hide_secrets, holds_secret
from ebb.core.wording import clipped

_EXACT = 1e15  # above it a number is shorter with its exponent
_LONGEST = 200  # characters of a value in a message


class EbbError(Exception):
    """Root of all errors that Ebb raises on purpose; its text can be shown to an operator (no secrets)."""

    def __str__(self) -> str:
        return hide_secrets(super().__str__())


@dataclass(frozen=True)
class FieldError:
    """One setting that cannot be used: its path (`source.queueName`), the value given, and what is allowed."""

    field: str
    value: Any
    message: str
    line: int | None = None

    def __post_init__(self) -> None:
        """Hide what looks like a secret, and keep the value one that JSON can hold: it is shown and logged."""
        object.__setattr__(self, "field", hide_secrets(self.field))
        if isinstance(self.value, float) and not math.isfinite(self.value):
            object.__setattr__(self, "value", str(self.value))
        elif holds_secret(str(self.value)):
            object.__setattr__(self, "value", "(hidden: it looks like a secret)")

    def __str__(self) -> str:
        return f"{self.field}: {_as_written(self.value)}{self.message}"


def _as_written(value: Any) -> str:
    """The value as YAML and JSON write it, and a space; nothing where there is none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true " if value else "false "
    if isinstance(value, date):
        return f"{value} "
    whole = isinstance(value, float) and value.is_integer() and abs(value) < _EXACT
    return f"{clipped(repr(int(value) if whole else value), _LONGEST)} "


class SettingsError(EbbError, ValueError):
    """Settings that cannot be used; `fields` has one entry for each fault."""

    def __init__(self, message: str, fields: tuple[FieldError, ...] = ()) -> None:
        super().__init__(hide_secrets(message))
        self.fields = fields


class HandlerError(EbbError):
    """Something about the user's handler."""


class HandlerNotFoundError(HandlerError, LookupError):
    """The handler named in the settings cannot be imported or is not a function."""


class PoisonMessage(HandlerError):  # noqa: N818 - handlers raise it; it names the message, not a fault of theirs
    """Raise it in a handler to send the message to the poison queue at once, with this text as the reason."""


class Permanent(PoisonMessage):
    """Raise it in a handler for a failure that no further try changes: the same as PoisonMessage."""


class RetryAfter(HandlerError):  # noqa: N818 - handlers raise it; it says what to do
    """Raise it in a handler to have the message again no earlier than `seconds` from now. The try counts as a try."""

    def __init__(self, seconds: float, why: str = "") -> None:
        """Ask for another try.

        Args:
            seconds: at least 0; the source's longest delay where that is shorter.
            why: for the log and the status.

        Raises:
            ValueError: `seconds` is not such a number.
        """
        if not 0 <= seconds < math.inf:
            raise ValueError(f"RetryAfter: seconds must be at least 0, not {seconds!r}")
        super().__init__(why or f"to be tried again in {seconds:g} s")
        self.seconds, self.why = float(seconds), why

    def __reduce__(self) -> tuple[type[RetryAfter], tuple[float, str]]:
        """How it crosses to another process: with its seconds, not with its text alone."""
        return type(self), (self.seconds, self.why)


class HandlerTimeoutError(HandlerError):
    """A call of a handler took longer than `handlerTimeout`."""


class RequestRefusedError(EbbError):
    """A request that cannot be served now: a stable code for programs, and the detail of this occurrence."""

    def __init__(self, code: str, detail: str, **members: Any) -> None:
        """Describe the refusal.

        Args:
            code: one of those in `ebb/api/problems.py`, which gives it its HTTP status.
            detail: what stands against it, and the way out.
            members: what a program may want to know besides.
        """
        super().__init__(detail)
        self.code, self.detail, self.members = code, detail, members


class SourceError(EbbError):
    """A source could not do what was asked."""


class SourceUnavailableError(SourceError):
    """The source cannot be reached or refuses for now."""


class SourceNotFoundError(SourceError, LookupError):
    """The queue does not exist, or its connection is not configured."""


class LeaseLostError(SourceError):
    """The message is no longer held by this receiver."""


class StoreError(EbbError):
    """The store could not do what was asked."""


class StoreUnavailableError(StoreError):
    """The store cannot be reached or refuses for now."""


class ConflictError(StoreError):
    """A compare-and-swap lost: the row has changed since it was read."""
