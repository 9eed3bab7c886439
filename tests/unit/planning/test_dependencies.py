"""Schedules that run after others: the decision, what is remembered, and circles that are refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ebb.core.carry import Carry
from ebb.core.errors import SettingsError
from ebb.core.planning.agenda import Count, Now, after_measuring, before_measuring
from ebb.core.planning.dependencies import Other, circle, has_drained, held_by_others
from ebb.core.settings.schedules import load_schedules
from ebb.core.settings.validation import validate_settings

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
LOAD: Any = {"source": {"type": "tick"}, "handler": "h:f", "after": "extract", "pollingInterval": 15}


def held(*others: Other, carry: Carry | None = None, triggered: bool = False) -> str | None:
    wait = held_by_others(validate_settings(LOAD), carry or Carry(), others, triggered)
    return wait.reason if wait else None


def test_turn_comes_with_each_drain_once() -> None:
    ran_for_7 = Carry(followed={"extract": 7})
    assert held(Other("extract", 7), carry=ran_for_7) == "waits until extract has drained; looking again in 15 s"
    assert held(Other("extract", 8), carry=ran_for_7) is None
    assert held(Other("extract", 0)) is not None, "it has never drained"
    assert held(Other("extract", 3)) is None, "the first time, a drain of before counts"


def test_all_others_must_have_drained_and_be_at_rest() -> None:
    carry = Carry(followed={"extract": 1, "clean": 1})
    told = held(Other("extract", 2, is_working=True), Other("clean", 1, intent="stopped"), carry=carry)
    assert told == (
        "waits until extract has drained (it is at work), clean has drained (it is stopped); looking again in 15 s"
    )
    assert held(Other("extract", 2), Other("clean", 5), carry=carry) is None


def test_work_of_its_own_and_a_trigger_need_not_wait() -> None:
    assert held(Other("extract", 0), carry=Carry(continues=True)) is None
    assert held(Other("extract", 0), triggered=True) is None


def test_agenda_holds_and_remembers_what_it_ran_for() -> None:
    settings, now = validate_settings(LOAD), Now(NOON, others=(Other("extract", 4),))
    waiting = before_measuring(settings, Carry(followed={"extract": 4}), now)
    assert waiting is not None
    decision = waiting.decision
    assert (decision.code, decision.limited_by, decision.executions) == ("afterOthers", "after", 0)
    assert (waiting.wait.seconds, waiting.carry.followed) == (15, {"extract": 4})
    assert before_measuring(settings, Carry(), now) is None
    ran = after_measuring(settings, Carry(), now, [Count(1, periodic=True)])
    assert (ran.decision.executions, ran.carry.followed) == (1, {"extract": 4})
    assert Carry.from_json(ran.carry.to_json()).followed == {"extract": 4}
    assert Carry.from_json({"followed": "odd"}).followed is None


@pytest.mark.parametrize(
    ("code", "outcome", "received", "drained"),
    [
        ("drained", "succeeded", 3, True),
        ("afterCompletion", "partlyFailed", 3, True),
        ("backlogRemains", "succeeded", 3, False),
        ("drained", "failed", 3, False),
        ("drained", "stopped", 3, False),
        ("idle", "succeeded", 0, False),
    ],
)
def test_what_counts_as_drained(code: str, outcome: str, received: int, drained: bool) -> None:
    assert has_drained(code, outcome, received) is drained


def test_circles_are_found() -> None:
    assert circle({"a": ["b"], "b": ["c"], "c": []}) is None
    assert circle({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}) is None
    assert circle({"a": ["a"]}) == ["a", "a"]
    assert circle({"x": ["a"], "a": ["b"], "b": ["c"], "c": ["a"]}) == ["a", "b", "c", "a"]


def text(**after: str) -> str:
    entry = "  {}: {{source: {{type: tick}}, handler: 'h:f', after: {}}}"
    return "schedules:\n" + "\n".join(entry.format(name, names) for name, names in after.items())


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (
            text(a="b", b="[c]", c="a"),
            "schedules.yaml:2: schedules.a.after: 'b' closes a circle: a after b after c after a; none would ever run",
        ),
        (
            text(a="[]", b="aa"),
            "schedules.yaml:3: schedules.b.after: 'aa' is not a schedule of this app (did you mean \"a\"?)",
        ),
        (text(a="a"), "schedules.yaml:2: schedules.a.after: 'a' closes a circle: a after a; none would ever run"),
    ],
)
def test_circles_and_unknown_names_stop_the_start(written: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_schedules(written, "schedules.yaml", {})
    assert str(caught.value) == said


def test_app_setting_may_name_several() -> None:
    known = load_schedules(text(a="[]", b="[]", c="[]"), "schedules.yaml", {"Ebb__c__after": "a, b"})
    assert known["c"].after == ("a", "b")
    with pytest.raises(SettingsError, match="after: 'extract' is for waitMode afterCompletion"):
        validate_settings({**LOAD, "waitMode": "fixedRate"})
