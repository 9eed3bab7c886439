"""Times as the Durable extension writes them: UTC, seven fractional digits, a trailing Z."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from importlib import import_module
from typing import Any

from dateutil.parser import parse as dateutil_parse

_READERS = (
    "azure.durable_functions.models.history.HistoryEvent",
    "azure.durable_functions.models.DurableOrchestrationStatus",
)
_LENGTH = len("2026-01-01T00:00:00.0000000Z")


def stamp(moment: datetime) -> str:
    """Write an aware datetime as `2026-01-01T00:00:00.0000000Z` (one digit more than Python keeps, as .NET does)."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "0Z"


def seconds_only(text: str | None) -> str | None:
    """Cut a stamp to whole seconds, the form of the management API."""
    return None if text is None else text[:19] + "Z"


def read(text: str) -> datetime:
    """Read any ISO 8601 time; a time without zone is taken as UTC.

    Raises:
        ValueError: the text is not an ISO 8601 time.
    """
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


@lru_cache(maxsize=1)
def _zone_of_z() -> tzinfo | None:
    """Return what dateutil gives to a trailing Z: tzutc(), or tzlocal() where the local zone is named UTC."""
    return dateutil_parse("2026-01-01T00:00:00.0000000Z").tzinfo


@lru_cache(maxsize=4096)
def _parse_stamp(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=_zone_of_z())


def parse_like_dateutil(text: Any, *args: Any, **kwargs: Any) -> datetime:
    """Give what `dateutil.parser.parse` gives, at a small part of its cost for the stamps of this host."""
    if not args and not kwargs and isinstance(text, str) and len(text) == _LENGTH and text[-1] == "Z":
        with contextlib.suppress(ValueError):  # as long as a stamp, but of another form
            return _parse_stamp(text)
    return dateutil_parse(text, *args, **kwargs)


def speed_up_sdk() -> None:
    """Let the SDK read history timestamps with `parse_like_dateutil`.

    Most of the time of a replay is spent in dateutil otherwise; the values are equal, tzinfo included.
    """
    for name in _READERS:
        import_module(name).dt_parse = parse_like_dateutil  # pyright: ignore[reportAttributeAccessIssue]  (SDK global)
