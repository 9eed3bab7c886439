"""Measuring several sources: all at once, a failure is one source's, and only all failures are the cycle's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from ebb.core.carry import Carry
from ebb.core.contract.source import Source
from ebb.core.errors import SettingsError, SourceUnavailableError
from ebb.core.planning.agenda import Count, Now, after_measuring
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.validation import validate_settings
from ebb.sources.combined import measure_all
from ebb.sources.memory.source import MemoryBroker, MemorySource

SETTINGS = validate_settings(
    {"handler": "a:b", "sources": [{"type": "memory", "queueName": "a"}, {"type": "memory", "queueName": "b"}]}
)


class Queues:
    def __init__(self) -> None:
        self.broker = MemoryBroker()
        for _ in range(3):
            self.broker.put("a", "")
        self.broker.put("b", "")

    def fail(self, *names: str) -> None:
        for name in names:
            self.broker.create(name).fault = SourceUnavailableError(f"{name} is away")

    @asynccontextmanager
    async def open(self, settings: ScheduleSettings) -> AsyncIterator[Source]:
        assert settings.source is not None
        yield MemorySource(self.broker, settings.source.label())


async def test_every_source_is_counted_in_the_order_of_the_settings() -> None:
    assert await measure_all(SETTINGS, Queues().open) == [Count(3), Count(1)]


async def test_source_that_fails_is_left_out() -> None:
    queues = Queues()
    queues.fail("a")
    assert await measure_all(SETTINGS, queues.open) == [Count(0, error="a is away"), Count(1)]


async def test_no_source_at_all_is_an_error() -> None:
    queues = Queues()
    queues.fail("a", "b")
    with pytest.raises(SourceUnavailableError, match="a is away"):
        await measure_all(SETTINGS, queues.open)


async def test_connection_that_is_not_configured_is_an_error_even_of_one() -> None:
    queues = Queues()

    @asynccontextmanager
    async def open_source(settings: ScheduleSettings) -> AsyncIterator[Source]:
        assert settings.source is not None
        if settings.source.label() == "b":
            raise SettingsError("app setting Storage is not set")
        async with queues.open(settings) as source:
            yield source

    with pytest.raises(SettingsError, match="Storage is not set"):
        await measure_all(SETTINGS, open_source)


def test_backlog_that_is_known_in_part_teaches_nothing() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    known = after_measuring(SETTINGS, Carry(), Now(noon), [Count(50), Count(50)]).carry
    partly = [Count(0, error="away"), Count(50)]
    after = after_measuring(SETTINGS, known, Now(noon + timedelta(seconds=10)), partly).carry
    assert (after.backlog, after.arrivals) == (100, None)
