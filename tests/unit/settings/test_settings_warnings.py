"""What is allowed but probably not meant is said; ordinary settings are left in peace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ebb.core.settings.schedules import load_schedules
from ebb.core.settings.validation import validate_settings
from ebb.core.settings.warnings import warnings_of


def warned(**more: Any) -> str:
    return "; ".join(warnings_of(validate_settings({"source": {"type": "memory"}, "handler": "a:b", **more})))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"scalingStrategy": "custom"}, "customScalingQueueLengthDeduction is ignored, as in KEDA"),
        ({"scalingStrategy": "accurate"}, "differs from default only while executions run"),
        ({"customScalingQueueLengthDeduction": 2}, "have no effect with scalingStrategy default"),
        ({"maxExecutions": 101}, "maxExecutions 101: beyond 100 at once"),
        ({"queueLength": 0.5}, "queueLength 0.5 wants more executions than there are messages"),
        ({"activationQueueLength": 4}, "memory: up to 4 messages may wait for ever"),
        ({"minExecutions": 1}, "minExecutions 1: its handler is called for each message, so on an empty backlog"),
        (
            {"minExecutions": 2, "handler": None, "command": ["a"]},
            "minExecutions 2: its command runs for each message, so on an empty backlog",
        ),
        ({"source": {"type": "tick"}, "minExecutions": 2}, "executions beyond the first have nothing to do"),
        ({"batchSize": 16, "concurrency": 1}, "batchSize 16 with concurrency 1"),
        (
            {
                "source": None,
                "sources": [{"type": "memory", "queueName": each} for each in "ab"],
                "lanes": "strict",
                "queueLengthStrategy": "all",
            },
            "messages that wait for their next try keep executions from the lanes below",
        ),
        ({"waitMode": "cron", "cron": "0 2 * * *", "pollingInterval": 60}, "pollingInterval is for errors alone"),
        ({"scalingStrategy": "drainTime", "drainTarget": 10}, "executionSlice 30 s is longer than drainTarget 10 s"),
    ],
)
def test_trap_is_said(more: dict[str, Any], expected: str) -> None:
    assert expected in warned(**more)


@pytest.mark.parametrize(
    "more",
    [
        {"source": {"type": "tick"}, "minExecutions": 1},
        {"minExecutions": 1, "handler": None, "command": ["a"], "commandPer": "execution"},
    ],
)
def test_minimum_of_executions_that_need_no_message_is_left_in_peace(more: dict[str, Any]) -> None:
    assert "minExecutions" not in warned(**more)


@pytest.mark.parametrize("more", [{}, {"waitMode": "cron", "cron": "0 2 * * *"}, {"scalingStrategy": "drainTime"}])
def test_ordinary_settings_are_left_in_peace(more: dict[str, Any]) -> None:
    assert warned(**more) == ""


def test_sample_of_the_repository_gives_no_warning() -> None:
    text = (Path(__file__).parents[3] / "schedules.yaml").read_text(encoding="utf-8")
    assert [warnings_of(settings) for settings in load_schedules(text, "schedules.yaml", {}).values()] == [[]]
