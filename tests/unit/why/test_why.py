"""Why a schedule did not run at 10:00: each cause with its sentence, and which of two causes is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ebb.core.clock import rfc3339
from ebb.core.row.looks import Look
from ebb.core.settings.validation import validate_settings
from ebb.core.why import Ahead, IntentThen, Past, intent_at, settings_then, why

DAY = datetime(2026, 11, 26, tzinfo=UTC)
TEN = DAY.replace(hour=10)
RUNNING = IntentThen(intent="running", since=DAY - timedelta(days=2), by="ann")


def time(text: str) -> datetime:
    """A time of that day: `9:30`, `9:30:05`."""
    return DAY + timedelta(**dict(zip(("hours", "minutes", "seconds"), map(int, text.split(":")), strict=False)))


def cycle(number: int, began: str, ended: str | None, **members: Any) -> dict[str, Any]:
    return {
        "cycle": number,
        "startedAt": rfc3339(time(began)),
        "endedAt": rfc3339(time(ended)) if ended else None,
        "outcome": "succeeded" if ended else None,
        "decision": {"executions": 2, "reason": "20 messages at 10 each want 2 executions", "code": "asWanted"},
        "processed": 20,
        "wait": {"seconds": 30, "reason": "no message waits any more; polling in 30 s", "code": "drained"},
        **members,
    }


def look(at: str, backlog: int, executions: int = 0) -> Look:
    return Look(int(time(at).timestamp()), backlog, executions, 0, 0)


def past(settings: dict[str, Any] | None = None, **members: Any) -> Past:
    source = {"type": "memory", "queueName": "q"}
    longest = 60 if "pollingInterval" not in (settings or {}) else 3600
    found = validate_settings({"source": source, "handler": "m:f", "maxPollingInterval": longest, **(settings or {})})
    given = {"name": "parity", "at": TEN, "now": time("12:00"), "settings": found, "intent": RUNNING}
    return Past(**{**given, **members})


CRON = {"waitMode": "cron", "cron": "0 10 * * *"}
FIXED = {"waitMode": "fixedRate", "pollingInterval": 3600}
NOT_MEASURED = {"code": "notMeasured", "reason": "not measured: x"}
FAILED = {"decision": NOT_MEASURED, "outcome": "failed", "error": "no queue 'q'"}
LOADING = Ahead(name="loader", drained=time("8:00"), working=cycle(3, "9:40", "10:30"))
AFTER_ERROR = {"seconds": 240, "code": "afterError", "reason": "4 cycles in a row failed; trying again in 4 min"}
HOURLY = {"seconds": 3600, "code": "drained", "reason": "no message waits any more; polling in 1 h"}
LIVE = {"state": "running", "phase": "waiting", "nextCycleReason": "3 idle cycles in a row", "backlog": {"count": 0}}
PAUSED = IntentThen(intent="paused", since=time("9:12"), by="bob", reason="the database moves")
STOPPED = IntentThen(intent="stopped", since=time("9:12"), by="bob", reason="deploying")

CAUSES: dict[str, tuple[Past, str, str]] = {
    "it ran": (
        past(cycles=[cycle(7, "10:00:01", "10:05")]),
        "ran",
        "It did run: cycle 7 began at 10:00:01 and had 2 executions (20 processed, 0 failed).",
    ),
    "it ran, and its host was killed": (
        past(cycles=[cycle(7, "10:00:01", "10:05", processed=0, atLeast=True)]),
        "ran",
        "It did run: cycle 7 began at 10:00:01 and had 2 executions (at least 0 processed, 0 failed).",
    ),
    "it runs": (
        past(cycles=[cycle(7, "10:00:01", None, outcome="running")], now=time("10:00:30")),
        "ran",
        "It did run: cycle 7 began at 10:00:01 and is still at work with 2 executions.",
    ),
    "handlers failed": (
        past(cycles=[cycle(7, "10:00", "10:01", outcome="partlyFailed", failed=3, error="KeyError: 'id'")]),
        "failed",
        "It began and failed: cycle 7 of 10:00:00 ended as partlyFailed (20 processed, 3 failed): KeyError: 'id'.",
    ),
    "its source was away": (
        past(cycles=[cycle(7, "10:00", "10:00:01", **FAILED)]),
        "failed",
        "It began and failed: cycle 7 of 10:00:00 could not count its backlog: no queue 'q'.",
    ),
    "never started": (
        past(intent=IntentThen(intent="stopped"), live={"state": "stopped"}),
        "neverStarted",
        "It had never been started. It is stopped still: `ebb start parity`.",
    ),
    "stopped": (
        past(intent=STOPPED, live={"state": "running"}),
        "stopped",
        "It was stopped since 09:12:00 by bob: deploying. It is running now.",
    ),
    "paused": (
        past(intent=PAUSED, live={"state": "paused"}),
        "paused",
        "It was paused since 09:12:00 by bob: the database moves. It is paused still: `ebb resume parity`.",
    ),
    "window closed": (
        past({"windows": [{"days": "daily", "start": "12:00", "end": "18:00"}]}),
        "windowClosed",
        "Its windows were closed at 10:00:00; the next one opens at 12:00:00.",
    ),
    "the run before was not done": (
        past(FIXED, began=time("0:00"), cycles=[cycle(6, "9:00", "10:20")]),
        "atWork",
        (
            "It was at work: cycle 6 began at 09:00:00 and ended at 10:20:00 (80 min). A cycle never begins "
            "beside another; "
            "what was due meanwhile was skipped."
        ),
    ),
    "no tick": (
        past({**CRON, "cron": "0 11 * * *"}),
        "noTick",
        (
            "No tick falls on 10:00:00: cron 0 11 * * * in UTC has the one before at Nov 25 11:00:00 and the "
            "next one at "
            "11:00:00."
        ),
    ),
    "another time zone": (
        past({**CRON, "timeZone": "Europe/Berlin"}),
        "noTick",
        (
            "No tick falls on 10:00:00 (Thu 2026-11-26 11:00 Europe/Berlin): cron 0 10 * * * in Europe/Berlin "
            "has the one "
            "before at 09:00:00 and the next one at Nov 27 09:00:00."
        ),
    ),
    "it comes after one that works": (
        past({"after": "loader"}, ahead=[LOADING]),
        "afterOthers",
        "It comes after loader, which was at work since 09:40:00 until 10:30:00.",
    ),
    "it comes after one that has not drained again": (
        past({"after": "loader"}, ahead=[replace(LOADING, working=None)], cycles=[cycle(6, "9:00", "9:10")]),
        "afterOthers",
        "It comes after loader, which had not drained again since 08:00:00.",
    ),
    "it backs off after errors": (
        past(cycles=[cycle(6, "9:58", "9:58:01", **FAILED, wait=AFTER_ERROR)]),
        "afterError",
        (
            "It waited until 10:02:01: cycle 6 could not count its backlog: no queue 'q', at 09:58:01; 4 cycles "
            "in a row "
            "failed; trying again in 4 min."
        ),
    ),
    "an hour after completion": (
        past({"pollingInterval": 3600}, cycles=[cycle(6, "9:00", "9:30", wait=HOURLY)]),
        "waiting",
        "It waited until 10:30:00: cycle 6 ended at 09:30:00; no message waits any more; polling in 1 h.",
    ),
    "nothing waited": (
        past(looks=[look("9:59:10", 0), look("10:01:20", 0)]),
        "nothingToDo",
        "It looked at 09:59:10 and had nothing to do: it counted 0 messages. While idle it looks every 30 s to 60 s.",
    ),
    "too few waited": (
        past({"activationQueueLength": 5}, looks=[look("9:59:10", 3), look("10:01:20", 3)]),
        "nothingToDo",
        (
            "It looked at 09:59:10 and had nothing to do: it counted 3 messages, and it acts on more than 5 "
            "(activationQueueLength). While idle it looks every 30 s to 60 s."
        ),
    ),
    "nothing waited at its tick": (
        past(CRON, looks=[look("10:00:00", 0)]),
        "nothingToDo",
        "It looked at 10:00:00 and had nothing to do: it counted 0 messages.",
    ),
    "its budget was used up": (
        past({"budget": {"name": "crm", "rate": "10/s"}}, looks=[look("9:59:10", 40), look("10:01:20", 40)]),
        "heldBack",
        (
            "It looked at 09:59:10, counted 40 messages and began no execution: its budget crm gave nothing out, "
            "or handlers "
            "of earlier executions held all of maxExecutions (10). The log of that time has the sentence: `ebb "
            "logs parity`."
        ),
    ),
    "well, and nothing to do": (
        past(cycles=[cycle(6, "9:58:30", "9:59")], looks=[look("9:58:30", 20, 2), look("10:00:40", 0)]),
        "nothingToDo",
        "It looked at 10:00:40 and had nothing to do: it counted 0 messages. While idle it looks every 30 s to 60 s.",
    ),
    "the host was down": (
        past(looks=[look("9:40", 0), look("10:07:12", 0)]),
        "silent",
        (
            "There is no sign of it from 09:40:00 until 10:07:12, although it should have looked: the app did "
            "not run then "
            "(its host was down, restarted, or had no replica), or could not reach its store."
        ),
    ),
    "the host was down at its tick": (
        past(CRON, cycles=[cycle(7, "10:07:12", "10:08")]),
        "silent",
        (
            "There is no sign of it until 10:07:12, although a cycle was due: the app did not run then (its host "
            "was down, "
            "restarted, or had no replica), or could not reach its store. What was due at 10:00:00 began at "
            "10:07:12 or was "
            "skipped."
        ),
    ),
    "it waits now": (
        past(now=time("10:00:20"), live={**LIVE, "nextCycleAt": rfc3339(time("10:01"))}),
        "waiting",
        "It waits until 10:01:00: 3 idle cycles in a row. It counted 0 messages last.",
    ),
    "it failed, and waits now": (
        past(now=time("10:00:20"), live={**LIVE, "error": "KeyError: 'id'", "nextCycleAt": rfc3339(time("10:01"))}),
        "afterError",
        (
            "It waits until 10:01:00: 3 idle cycles in a row. It counted 0 messages last. Its last cycle failed: "
            "KeyError: 'id'."
        ),
    ),
    "it should have gone on by now": (
        past(now=time("10:00:20"), live={**LIVE, "nextCycleAt": rfc3339(time("9:50"))}, looks=[look("9:40", 0)]),
        "silent",
        (
            "There is no sign of it from 09:40:00 until now, although it should have looked: the app did not run "
            "then (its "
            "host was down, restarted, or had no replica), or could not reach its store."
        ),
    ),
    "it is still to come": (
        past(CRON, now=time("9:00")),
        "future",
        "10:00:00 has not come yet, and a cycle is due then (cron 0 10 * * * in UTC).",
    ),
    "it will not come": (
        past(CRON, now=time("9:30"), intent=PAUSED, live={"state": "paused"}),
        "future",
        (
            "10:00:00 has not come yet, and as things stand it will not run. It was paused since 09:12:00 by bob: the "
            "database moves. It is paused still: `ebb resume parity`."
        ),
    ),
    "before the history": (
        past(intent=None),
        "notKept",
        (
            "The history does not reach back to 10:00:00: cycles, events and looks are kept as historyLimit and "
            "historyMaxAge say."
        ),
    ),
    "a cycle that is not kept any more": (
        past(looks=[look("10:00:00", 12, 3)]),
        "ran",
        "It did run: at 10:00:00 it counted 12 messages and began 3 executions; that cycle is not kept any more.",
    ),
}


@pytest.mark.parametrize("case", CAUSES)
def test_cause_is_told(case: str) -> None:
    given, code, text = CAUSES[case]
    answer = why(given)
    assert (answer.code, answer.text) == (code, text)


def test_pause_that_had_ended_is_no_cause() -> None:
    over = IntentThen(intent="paused", since=time("9:00"), until=time("9:30"))
    assert why(past(intent=over, cycles=[cycle(7, "10:00:01", "10:05")])).code == "ran"
    assert why(past(intent=over, looks=[look("9:59:10", 0), look("10:01", 0)])).code == "nothingToDo"


def test_what_was_wanted_comes_before_what_was_met() -> None:
    busy = [cycle(6, "9:00", "10:20")]
    assert why(past(intent=PAUSED, cycles=busy)).code == "paused"
    assert why(past({**FIXED, "cron": None}, began=time("0:30"), cycles=busy)).code == "atWork"


def test_ticks_of_fixed_rate_count_from_the_start() -> None:
    answer = why(past(FIXED, began=time("0:12")))
    assert answer.code == "noTick"
    assert (
        "fixedRate, every 60 min since 00:12:00 has the one before at 09:12:00 and the next one at 10:12:00"
        in answer.text
    )
    assert why(past(FIXED, began=time("1:00"))).code == "silent"
    assert why(past(FIXED)).code == "silent", "without its start nothing can be said of ticks"


def test_change_of_the_clocks_between_two_ticks_is_told() -> None:
    gap = {"waitMode": "cron", "cron": "0 30 2 * * *", "timeZone": "Europe/Berlin"}  # six fields run an hour later then
    asked = datetime(2026, 3, 29, 3, tzinfo=timezone(timedelta(hours=2)))
    answer = why(
        past(gap, at=asked, now=asked + timedelta(hours=8), intent=replace(RUNNING, since=asked - timedelta(days=9)))
    )
    assert answer.code == "noTick"
    assert "the next one at 03:30:00; between them the clocks go forward by 60 min, to UTC+02:00." in answer.text


def test_tick_that_the_clocks_skipped_runs_after_the_gap() -> None:
    gap = {"waitMode": "cron", "cron": "30 2 * * *", "timeZone": "Europe/Berlin"}
    asked = datetime(2026, 3, 29, 3, tzinfo=timezone(timedelta(hours=2)))
    given = past(
        gap, at=asked, now=asked + timedelta(hours=8), intent=replace(RUNNING, since=asked - timedelta(days=9))
    )
    began = {"startedAt": rfc3339(asked + timedelta(seconds=1)), "endedAt": rfc3339(asked + timedelta(minutes=1))}
    assert why(replace(given, cycles=[cycle(7, "10:00", "10:05", **began)])).code == "ran"
    assert why(given).code == "silent", "it was due"


def test_answer_speaks_in_the_zone_of_the_question() -> None:
    berlin = time("9:00").astimezone(ZoneInfo("Europe/Berlin"))
    given = past({**CRON, "timeZone": "Europe/Berlin"}, at=berlin, cycles=[cycle(7, "9:00:01", "9:05")])
    assert "began at 10:00:01" in why(given).text


def test_evidence_has_its_times_and_the_watchdog() -> None:
    incident = {"at": rfc3339(time("10:06")), "action": "start", "cause": "the instance was gone"}
    answer = why(past(looks=[look("9:40", 0), look("10:07:12", 0)], incidents=[incident]))
    assert [(each.at, each.text) for each in answer.evidence] == [
        (time("9:40"), "the last sign before"),
        (time("10:07:12"), "the first sign after"),
        (time("10:06"), "incident start: the instance was gone"),
    ]
    document = answer.told("job", time("10:06")).to_document()
    assert document["evidence"][0] == {"at": "2026-11-26T09:40:00.000Z", "text": "the last sign before"}


def test_later_change_of_settings_is_told_beside_the_cause() -> None:
    changed = {
        "at": rfc3339(time("11:00")),
        "by": "ann",
        "before": {"cron": "0 10 * * *"},
        "after": {"cron": "0 11 * * *"},
    }
    answer = why(past(CRON, retuned=changed, looks=[look("10:00", 0)]))
    assert answer.evidence[-1].text == "settings were changed later by ann: cron 0 10 * * * -> 0 11 * * *"


def test_intent_is_that_of_the_last_command_before() -> None:
    def event(at: str, action: str, **members: Any) -> dict[str, Any]:
        return {"at": rfc3339(time(at)), "kind": "audit", "action": action, "by": "ann", "reason": None, **members}

    events = [
        event("11:00", "resume"),
        event("9:00", "pause", until=rfc3339(time("9:30"))),
        event("8:00", "start"),
        event("9:30", "trigger"),
        {**event("9:40", "start"), "kind": "incident"},
    ]
    found = intent_at(events, TEN)
    assert found is not None
    assert (found.intent, found.since, found.until) == ("paused", time("9:00"), time("9:30"))
    assert intent_at(events, time("7:00")) is None


def test_settings_then_are_those_before_the_first_later_change() -> None:
    first = {"at": rfc3339(time("10:30")), "action": "changeSettings", "before": {"maxExecutions": 3}, "after": {}}
    later = {"at": rfc3339(time("11:30")), "action": "changeSettings", "before": {}, "after": {"maxExecutions": 5}}
    sooner = {"at": rfc3339(time("9:30")), "action": "changeSettings", "before": {}, "after": {"maxExecutions": 3}}
    assert settings_then([later, first, sooner], TEN) is first
    assert settings_then([sooner], TEN) is None
