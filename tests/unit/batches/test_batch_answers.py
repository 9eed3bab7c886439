"""What the answer of a batch handler says about each of its messages."""

from __future__ import annotations

from typing import Any

import pytest

from ebb import PoisonMessage, RetryAfter
from ebb.core.batch_answers import BatchAnswerError, outcomes_of
from ebb.core.errors import SettingsError
from ebb.core.settings.validation import validate_settings
from ebb.core.settings.warnings import warnings_of

IDS = ["a", "b", "c"]


def kinds(answer: object) -> list[str | None]:
    return [None if outcome is None else type(outcome).__name__ for outcome in outcomes_of(answer, IDS)]


def test_nothing_said_means_that_all_are_done() -> None:
    assert kinds(None) == [None, None, None]


def test_one_outcome_for_each_in_their_order() -> None:
    assert kinds(["done", "retry", "poison"]) == [None, "AnsweredRetry", "PoisonMessage"]
    assert kinds((None, RetryAfter(3), ValueError("odd"))) == [None, "RetryAfter", "ValueError"]


def test_mapping_names_those_that_are_not_done() -> None:
    why = PoisonMessage("no customer")
    assert outcomes_of({"b": why}, IDS) == [None, why, None]
    assert kinds({}) == [None, None, None]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (["done"], "answered 1 outcomes for 3 messages"),
        ({"d": "retry"}, "answered for message 'd', which was not in its batch"),
        (["done", "done", "well"], "'well' is not an outcome"),
        ("done", "answered str"),
        (3, "answered int"),
        ([True, True, False], "True is not an outcome"),
    ],
)
def test_answer_that_cannot_be_read_is_an_error(answer: object, said: str) -> None:
    with pytest.raises(BatchAnswerError, match=said):
        outcomes_of(answer, IDS)


def settings(**more: Any) -> Any:
    return validate_settings({"source": {"type": "memory"}, "handler": "h:f", "batch": {"size": 10}, **more})


def test_settings_of_batches() -> None:
    known = settings()
    assert (known.batch.wait, known.concurrency, known.in_flight) == (1, 4, 40)
    assert settings(concurrency=2).in_flight == 20
    assert any("batch.size 10 is above queueLength 5" in text for text in warnings_of(known))
    refused: list[tuple[dict[str, Any], str]] = [
        ({"isolation": "process"}, "isolation: 'process' hands one message to a child process"),
        ({"batch": {"size": 2, "wait": 300}}, r"batch.wait: 300 must be below handlerTimeout \(270\)"),
        ({"batch": {}}, "batch.size: is required"),
        ({"batch": {"size": 2, "weit": 3}}, 'batch.weit: 3 is not a setting .did you mean "wait"'),
        ({"handler": None, "command": ["true"]}, "batch: 10 is for handlers"),
    ]
    for wrong, said in refused:
        with pytest.raises(SettingsError, match=said):
            settings(**wrong)
