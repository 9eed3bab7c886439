"""What the two versions of the Durable SDK tell differently is the same behind the adapter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from ebb.control.durable_sdk import updated_at

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        (NOON, NOON),
        (datetime(2026, 1, 1, 12), NOON),  # noqa: DTZ001 - SDK 2.x tells it so
        (NOON.astimezone(timezone(timedelta(hours=2))), NOON),
        (None, None),
    ],
)
def test_time_of_an_instance_has_a_zone(told: datetime | None, meant: datetime | None) -> None:
    found = updated_at(SimpleNamespace(last_updated_time=told))
    assert found == meant
    assert found is None or found.tzinfo is not None
