"""When a message whose handler failed is tried again: the decision, its settings, and what an execution makes of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebb import Message, Permanent, RetryAfter
from ebb.core.errors import SettingsError
from ebb.core.refusals import Refusal
from ebb.core.retries import backoff, next_try
from ebb.core.settings.retry import RetrySettings
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.schedules import load_schedules
from ebb.core.settings.validation import merge_settings, validate_settings
from ebb.core.settings.warnings import warnings_of
from tests.executions import Execution, assert_adds_up
from tests.unit.retries.test_refusals import of_urllib

STEADY = {"initial": 5, "factor": 3, "maximum": 100, "jitter": 0}


def settings(**more: Any) -> ScheduleSettings:
    return validate_settings({"source": {"type": "memory"}, "handler": "handlers.noop:handle", **more})


def test_waits_grow_by_the_factor_up_to_the_maximum() -> None:
    known = settings(retry=STEADY)
    assert [next_try(known, tries, "m").seconds for tries in range(1, 6)] == [5, 15, 45, 100, 100]


def test_without_retry_each_wait_is_the_lease() -> None:
    assert [next_try(settings(visibilityTimeout=42), tries, "m").seconds for tries in (1, 4)] == [42, 42]


@given(st.floats(0, 100), st.floats(1, 100), st.integers(1, 1000), st.floats(0, 1), st.text(max_size=5))
def test_waits_never_shrink_and_never_pass_the_maximum(
    initial: float, factor: float, tries: int, jitter: float, seed: str
) -> None:
    retry = RetrySettings(initial=initial, factor=factor, maximum=100, jitter=jitter, attempts=None)
    assert backoff(retry, tries) <= backoff(retry, tries + 1) <= 100
    wait = next_try(settings(retry=retry.model_dump()), tries, seed).seconds
    assert backoff(retry, tries) * (1 - jitter) <= wait <= backoff(retry, tries)


def test_jitter_differs_between_messages_and_repeats_for_one() -> None:
    known = settings(retry={**STEADY, "jitter": 0.5})
    waits = {next_try(known, 1, f"message-{number}/1").seconds for number in range(20)}
    assert len(waits) == 20
    assert next_try(known, 1, "message-3/1") == next_try(known, 1, "message-3/1")


def test_handler_that_knows_better_decides() -> None:
    known = settings(retry=STEADY)
    assert next_try(known, 4, "m", Refusal(2)).seconds == 2
    assert next_try(known, 1, "m", Refusal(5000)).seconds == 5000
    assert next_try(known, 1, "m", Refusal(30, 429)).seconds == 30
    assert next_try(known, 1, "m", Refusal(5000, 503)).seconds == 100, "a server may ask for `maximum` at most"
    assert next_try(known, 1, "m", Refusal(None, 429)).seconds == 5, "it does not say for how long"


def test_what_a_server_asked_for_is_never_undercut_by_jitter() -> None:
    known = settings(retry={**STEADY, "jitter": 1})
    assert all(20 <= next_try(known, 1, str(seed), Refusal(20, 429)).seconds <= 40 for seed in range(50))


def test_no_wait_is_longer_than_the_source_can_hide_a_message() -> None:
    queue = settings(source={"type": "storageQueue", "queueName": "work"})
    assert next_try(queue, 1, "m", Refusal(10**9)).seconds == 7 * 86_400


def test_source_that_cannot_delay_says_so() -> None:
    job = settings(source={"type": "tick"}, retry=STEADY)
    assert (next_try(job, 1, "m").seconds, next_try(job, 1, "m").why) == (0, "this source cannot delay a message")
    assert "tick: retry has no effect, tick sources cannot delay a message" in warnings_of(job)


def test_attempts_stand_in_the_place_of_max_dequeue_count() -> None:
    assert settings(retry={"attempts": 9}).max_dequeue_count == 9
    assert settings(retry={"initial": 1}).max_dequeue_count == 5
    with pytest.raises(SettingsError, match=r"retry.attempts: 9 stands beside maxDequeueCount \(3\)"):
        settings(retry={"attempts": 9}, maxDequeueCount=3)
    assert settings(**settings(retry={"attempts": 9}).to_document()).max_dequeue_count == 9


@pytest.mark.parametrize(
    ("retry", "fault"),
    [
        ({"inital": 5}, 'retry.inital: 5 is not a setting (did you mean "initial"?)'),
        ({"factor": 0.5}, "retry.factor: 0.5 must be greater than or equal to 1"),
        ({"initial": "2h", "maximum": "1h"}, "retry.initial: 7200 must be at most maximum (3600)"),
        ({"jitter": 2}, "retry.jitter: 2 must be less than or equal to 1"),
    ],
)
def test_faults_name_the_field(retry: dict[str, Any], fault: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(retry=retry)
    assert str(caught.value).startswith(fault)


def test_layers_change_a_part_of_retry() -> None:
    assert merge_settings({"retry": {"initial": 5, "factor": 3}}, {"retry": {"factor": 4}})["retry"] == {
        "initial": 5,
        "factor": 4,
    }
    text = "schedules: {a: {source: {type: memory}, handler: 'h:f', retry: {initial: 30s}}}"
    found = load_schedules(text, "schedules.yaml", {"Ebb__a__retry__MAXIMUM": "5m"})["a"].retry
    assert found is not None
    assert (found.initial, found.maximum) == (30, 300)


async def test_failing_handler_comes_back_later_each_time_and_the_report_says_when() -> None:
    execution = Execution(retry={**STEADY, "attempts": 3})
    execution.put("one")

    def handler(message: Message) -> None:
        raise ValueError("not yet")

    for wait in (5, 15):
        report = await execution.start(handler)
        assert report.failed == 1
        assert report.next_try == execution.clock.now() + timedelta(seconds=wait)
        (stored,) = execution.queue.messages.values()
        assert stored.visible_at == report.next_try
        execution.clock.step(wait)
    report = await execution.start(handler)
    assert (report.poisoned, report.next_try) == (1, None)
    assert execution.queue.poisoned[0].reason == "failed 3 times (maxDequeueCount 3), at last with ValueError: not yet"


async def test_handlers_say_when_and_never(caplog: pytest.LogCaptureFixture) -> None:
    execution = Execution(retry={"initial": 60, "jitter": 0})
    execution.put("later", "throttled", "never")

    async def handler(message: Message) -> None:
        if message.text == "later":
            raise RetryAfter(90, "the file is not complete")
        if message.text == "throttled":
            raise of_urllib(429, {"Retry-After": "20"})
        raise Permanent("no such customer")

    report = await execution.start(handler)
    assert_adds_up(report)
    assert (report.failed, report.poisoned) == (2, 1)
    assert [poison.reason for poison in execution.queue.poisoned] == ["no such customer"]
    now = execution.clock.now()
    waits = {stored.body: (stored.visible_at - now).total_seconds() for stored in execution.queue.messages.values()}
    assert waits == {b"later": 90, b"throttled": 20}
    assert report.next_try == now + timedelta(seconds=20)
    assert "try 1: RetryAfter: the file is not complete; again in 90 s (the handler)" in caplog.text
    assert "try 1: HTTPError: HTTP Error 429: no; again in 20 s (a server that answered 429)" in caplog.text
