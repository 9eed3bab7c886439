"""The sample that takes events as batches."""

from __future__ import annotations

import logging

import pytest

from ebb import Message
from ebb.core.batch_answers import outcomes_of
from handlers.events import total_by_customer


def test_amounts_add_up_and_what_is_no_event_is_poison(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bodies = [
        b'{"customer": "Ada", "amount": 7}',
        b"no JSON",
        b'{"customer": "Bo"}',
        b'{"customer": "Ada", "amount": 5}',
    ]
    messages = [Message(str(number), body) for number, body in enumerate(bodies)]
    outcomes = outcomes_of(total_by_customer(messages), [message.id for message in messages])
    assert [outcome is None for outcome in outcomes] == [True, False, False, True]
    assert "not an event with customer and amount" in str(outcomes[1])
    assert caplog.messages == ["customer Ada: 12"]
