"""What tests know of a kind of source that its own code does not say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.validation import validate_settings
from tests.kinds.bench import Bench


@dataclass(frozen=True)
class Place:
    """Where messages of a kind wait: the settings of its source, without the type, and the app settings."""

    source: Mapping[str, Any]
    environment: Mapping[str, str] = field(default_factory=dict[str, str])

    def settings(self, kind: str) -> ScheduleSettings:
        """Those of a schedule that drains it."""
        source = {"type": kind, **self.source}
        return validate_settings({"source": source, "handler": "handlers.noop:handle"})


@dataclass(frozen=True)
class Cut:
    """A place with the way to its server, which goes away under messages in hand, and comes back."""

    place: Place
    away: Callable[[], Awaitable[object]]
    back: Callable[[], Awaitable[object]]


PARTS = ("contract", "table", "poison", "feed", "hints", "server")


@dataclass(frozen=True)
class Tested:
    """One kind under test. `server` is what the fixture of that name gives.

    Args:
        nowhere: the settings that it must have, of a place where nothing listens.
        server: the fixture of its server, in its module or `tests/conftest.py`; None where it has none.
        bench: makes the source of a run of the contract on its server, a variant given.
        variants: a run of the whole contract for each.
        encodings: more variants, which differ in bodies alone: a run of the contract's tests of bodies for each.
        place: one of this name on its server, for what feeds it.
        cut: one whose server goes away and comes back.
        killed_in: in place of `cut`, the test that it has of its own: `file::name`.
        patience: constants that say how long it looks for a server, by their place, and what they are in tests.
        without: why it has none of these PARTS.
    """

    nowhere: Place
    server: str | None = None
    bench: Callable[[Any, str], AsyncIterator[Bench]] | None = None
    variants: tuple[str, ...] = ()
    encodings: tuple[str, ...] = ()
    place: Callable[[Any, str], Place] | None = None
    cut: Callable[[Any], AbstractAsyncContextManager[Cut]] | None = None
    killed_in: str | None = None
    patience: Mapping[str, float] = field(default_factory=dict[str, float])
    without: Mapping[str, str] = field(default_factory=dict[str, str])
