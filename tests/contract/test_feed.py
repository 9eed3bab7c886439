"""The contract of `sources.feed.Feed`: what is put comes out of the source, for every kind that can be fed."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import pytest

from ebb.cli.operate.producer import produce, put_all, unix_times
from ebb.core.contract.source import Source
from ebb.core.errors import SourceUnavailableError
from ebb.core.settings.producer_rate import parse_producer_rate
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.sources.feed import Feed
from ebb.sources.registry import open_feed, open_source
from tests.kinds.registry import FED, TESTED


@dataclass
class Ends:
    """A feed and a source of the same place, which is not made yet."""

    settings: ScheduleSettings
    environment: Mapping[str, str]

    def feed(self) -> Feed:
        found = open_feed(self.settings, self.environment)
        assert found is not None
        return found

    def source(self) -> Source:
        return open_source(self.settings, self.environment)


@pytest.fixture(params=FED)
def ends(request: pytest.FixtureRequest) -> Ends:
    tested = TESTED[request.param]
    assert tested.place is not None
    server = tested.server and request.getfixturevalue(tested.server)
    place = tested.place(server, f"feed-{secrets.token_hex(6)}")
    return Ends(place.settings(request.param), place.environment)


async def test_what_is_put_comes_out_of_the_source(ends: Ends) -> None:
    feed, source = ends.feed(), ends.source()
    bodies = [*unix_times(40), "zażółć\n<&> 🐝".encode()]
    assert [feed.refusal(body) for body in bodies] == [None] * 41
    await put_all(feed, bodies)
    found: list[bytes] = []
    while batch := await source.receive(32, timedelta(seconds=30)):
        found += [message.body for message in batch]
    assert sorted(found) == sorted(bodies)
    assert feed.name
    assert ":" in feed.host
    await asyncio.gather(feed.close(), source.close())


async def test_producer_puts_one_after_the_other_until_it_is_told_to_end(ends: Ends) -> None:
    feed, source, numbers = ends.feed(), ends.source(), list[int]()
    await produce(feed, parse_producer_rate("uniform:0.001-0.002s"), None, 3, numbers.append)
    assert numbers == [1, 2, 3]
    six = asyncio.Event()

    def told(number: int) -> None:
        if number == 3:
            six.set()

    endless = asyncio.create_task(produce(feed, parse_producer_rate("uniform:0.001-0.002s"), None, None, told))
    await six.wait()
    endless.cancel()
    await asyncio.gather(endless, return_exceptions=True)
    batch = await source.receive(32, timedelta(seconds=30))
    assert len(batch) >= 6
    assert all(message.text.isdigit() for message in batch)
    await asyncio.gather(feed.close(), source.close())


@pytest.mark.parametrize("kind", FED)
async def test_place_that_is_away_is_told(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for constant, seconds in TESTED[kind].patience.items():
        monkeypatch.setattr(constant, seconds)
    nowhere = TESTED[kind].nowhere
    feed = Ends(nowhere.settings(kind), nowhere.environment).feed()
    with pytest.raises(SourceUnavailableError, match=r"127\.0\.0\.1:9"):
        await feed.put(b"1")
    await feed.close()
