"""Retries of activities and sub-orchestrations: the host runs them, and the SDK counts their numbers along.

A failed attempt takes the next task number for a timer; when that timer fires, the next number is the next attempt.
After the last failed attempt one more timer is taken and fires at once; only then does the SDK raise the failure.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from devhost.errors import ReplyError
from devhost.instance import Instance, OpenWork
from devhost.timestamps import stamp

LARGEST_OPTION = 10**13
"""In milliseconds some 317 years; the end of the pause must be a date."""


def retry_state(action: dict[str, Any]) -> dict[str, Any] | None:
    """Read the retry options of an action into the state that travels with its work; None when it has none.

    Raises:
        ReplyError: the options hold something else than numbers, or an interval beyond the calendar.
    """
    options = action.get("retryOptions")
    if options is None:
        return None
    for key in ("maxNumberOfAttempts", "firstRetryIntervalInMilliseconds"):
        if not isinstance(options[key], int | float) or options[key] > LARGEST_OPTION:
            raise ReplyError(f"retry option {key} must be a number up to {LARGEST_OPTION}, got {options[key]!r}")
    return {
        "attempt": 1,
        "attempts": options["maxNumberOfAttempts"],
        "milliseconds": options["firstRetryIntervalInMilliseconds"],
    }


def takes_number(work: OpenWork, failed: bool) -> bool:
    """Whether the end of this work makes the SDK take a number before the orchestrator's code goes on."""
    state = work.body.get("retry")
    if state is None:
        return False
    return failed if work.kind != "timer" else state["attempt"] < state["attempts"]


def follow_up(instance: Instance, work: OpenWork, failed: bool, now: datetime) -> OpenWork | None:
    """Open what comes after a failed attempt or a fired retry timer; None when nothing does."""
    if not takes_number(work, failed):
        return None
    state = work.body["retry"]
    if work.kind != "timer":
        is_last = state["attempt"] >= state["attempts"]
        pause = timedelta(0) if is_last else timedelta(milliseconds=state["milliseconds"])
        again = {"kind": work.kind, "name": work.name, "body": work.body}
        body = {"fireAt": stamp(now + pause), "retry": state, "again": again}
        following = OpenWork(instance.take_number(), "timer", "", body)
    else:
        again = work.body["again"]
        body = {**again["body"], "retry": {**state, "attempt": state["attempt"] + 1}}
        following = OpenWork(instance.take_number(), again["kind"], again["name"], body)
    instance.open(following)
    return following
