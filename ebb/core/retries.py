"""When a message whose handler failed is tried again. Pure: the same message and try give the same wait."""

from __future__ import annotations

from dataclasses import dataclass

from ebb.core.chance import drawn
from ebb.core.refusals import Refusal
from ebb.core.settings.retry import RetrySettings
from ebb.core.settings.schedule_settings import ScheduleSettings

_DEFAULTS = RetrySettings.model_validate({})


@dataclass(frozen=True, slots=True)
class NextTry:
    """In how many seconds a message comes again, and who says so."""

    seconds: float
    why: str


def next_try(settings: ScheduleSettings, tries: int, seed: str, refusal: Refusal | None = None) -> NextTry:
    """The wait after the `tries`-th try of a message failed, for a schedule of one source.

    Who knows best decides: a handler that raised RetryAfter; else a server that sent Retry-After, up to
    `retry.maximum`, and never earlier than it says; else `retry`; without it, `visibilityTimeout`. No wait is longer
    than the source can hide a message; a source that cannot delay gives it back at once.

    Args:
        seed: what jitter is drawn from: the message and its try.
    """
    can = settings.source.can if settings.source else None
    if can is not None and not can.delaying:
        return NextTry(0.0, "this source cannot delay a message")
    retry, chance = settings.retry or _DEFAULTS, drawn(seed)
    if refusal is not None and refusal.seconds is not None:
        wanted = refusal.seconds if refusal.status is None else min(refusal.seconds, retry.maximum)
        seconds, why = wanted * (1 + retry.jitter * chance), refusal.asker
    elif settings.retry is not None:
        seconds, why = backoff(retry, tries) * (1 - retry.jitter * chance), "retry"
    else:
        seconds, why = settings.visibility_timeout, "visibilityTimeout"
    longest = can.longest_lease if can is not None else None
    return NextTry(seconds if longest is None else min(seconds, longest), why)


def backoff(retry: RetrySettings, tries: int) -> float:
    """Seconds between try number `tries` and the next, before jitter."""
    seconds = min(retry.initial, retry.maximum)
    for _ in range(tries - 1):
        if seconds in (0.0, retry.maximum):
            break
        seconds = min(seconds * retry.factor, retry.maximum)
    return seconds
