"""`perKey` in the settings: what is read, and what is refused with the way out."""

from __future__ import annotations

from typing import Any

import pytest

from ebb.core.errors import SettingsError
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.schedules import load_schedules
from ebb.core.settings.validation import merge_settings, validate_settings

KAFKA = {"type": "kafka", "bootstrapServers": "b:1", "topic": "t", "consumerGroup": "g"}
SESSIONS = {"type": "serviceBus", "queueName": "orders", "sessions": True}


def settings(per_key: object, source: dict[str, Any] | None = None, **more: Any) -> ScheduleSettings:
    given = {"source": source or {"type": "memory"}, "handler": "a:b", **more}
    return validate_settings({**given, "perKey": per_key})


def test_limits_of_a_key_are_read() -> None:
    per_key = settings({"key": "customer", "concurrency": 2, "rate": "30/min", "weights": {"vip": 4}}).per_key
    assert per_key is not None
    assert (per_key.key, per_key.concurrency, per_key.rate, per_key.weights) == ("customer", 2, 0.5, {"vip": 4})


def test_source_with_keys_of_its_own_needs_no_name_and_holds_back_what_follows() -> None:
    assert settings({}, KAFKA).messages_of_a_key == 1
    assert settings({"concurrency": 3}, KAFKA).messages_of_a_key == 3
    assert settings({"key": "customer"}, KAFKA).messages_of_a_key is None
    assert settings(None, KAFKA).messages_of_a_key is None
    assert settings({}, SESSIONS).messages_of_a_key == 1


@pytest.mark.parametrize(
    ("given", "source", "expected"),
    [
        ({}, {"type": "memory"}, "perKey.key: is required: memory as it is set knows no keys; name a property, or a"),
        ({}, {**SESSIONS, "sessions": False}, "perKey.key: is required: serviceBus as it is set knows no keys"),
        ({"key": "c"}, SESSIONS, "serviceBus as it is set does not; leave it out: it has keys of its own"),
        ({"key": "c"}, {"type": "tick"}, "which tick as it is set does not; leave perKey out"),
        ({"concurrency": 2}, SESSIONS, "perKey.concurrency: 2 must be 1: serviceBus as it is set gives one message"),
        ({"key": "c", "rate": "often"}, {"type": "memory"}, "perKey.rate: 'often' must be a rate: 10/s, 300/min"),
        ({"key": "c", "rate": 0}, {"type": "memory"}, "perKey.rate: 0"),
        ({"key": "c", "weights": {"vip": 0}}, {"type": "memory"}, "perKey.weights.vip: 0"),
        ({"keys": "c"}, {"type": "memory"}, "perKey.keys"),
        ("customer", {"type": "memory"}, "perKey"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_way_out(given: Any, source: dict[str, Any], expected: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(given, source)
    assert expected in str(caught.value)


def test_program_that_takes_messages_itself_has_no_keys() -> None:
    with pytest.raises(SettingsError, match="this program takes its own"):
        validate_settings(
            {"source": {"type": "memory"}, "command": ["true"], "commandPer": "execution", "perKey": {"key": "c"}}
        )


def test_near_miss_is_named() -> None:
    with pytest.raises(SettingsError, match="concurrency"):
        settings({"key": "c", "concurency": 2})


def test_app_settings_and_overrides_change_a_field() -> None:
    text = """\
schedules:
  orders:
    source: {type: memory}
    handler: handlers.noop:handle
    perKey: {key: customer, rate: 10/s}
"""
    found = load_schedules(text, "schedules.yaml", {"Ebb__orders__perKey__concurrency": "3"})
    assert found["orders"].per_key is not None
    assert (found["orders"].per_key.rate, found["orders"].per_key.concurrency) == (10, 3)
    changed = merge_settings(found.given("orders"), {"perKey": {"rate": "1/s"}})
    assert changed["perKey"] == {"key": "customer", "rate": "1/s", "concurrency": "3"}
