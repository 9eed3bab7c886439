"""What a plan tells of a budget and of the schedules that come before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ebb.core.budget import BudgetState, Slots, accepted, refused
from ebb.core.carry import Carry
from ebb.core.planning.budgets import budget_now
from ebb.core.planning.dependencies import Other, those_before
from ebb.core.settings.budget import BudgetSettings

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
CRM = BudgetSettings.model_validate({"name": "crm", "rate": "10/s", "concurrency": 4})


def test_budget_that_nobody_refused_is_whole() -> None:
    assert budget_now(None, None, NOW) is None
    living = Slots(2, NOW + timedelta(seconds=9))
    state = BudgetState(slots={"a": living, "dead": Slots(4, NOW - timedelta(seconds=1))})
    told = budget_now(CRM, state, NOW)
    assert told is not None
    assert told.to_document() == {
        "name": "crm",
        "breaker": "closed",
        "openUntil": None,
        "refusals": 0,
        "rate": 10.0,
        "rateNow": 10.0,
        "concurrency": 4,
        "concurrencyNow": 4,
        "inUse": 2,
    }


def test_budget_after_a_refusal_tells_its_way_back() -> None:
    told = [
        budget_now(CRM, state, NOW + timedelta(seconds=after))
        for state, after in (
            (refused(BudgetState(), NOW, None), 0),
            (refused(BudgetState(), NOW, 30), 1),
            (refused(BudgetState(), NOW, 30), 31),
            (accepted(refused(BudgetState(), NOW, 30)), 10),
        )
    ]
    shown = [(each.breaker, each.open_until, each.rate_now, each.concurrency_now) for each in told if each]
    assert shown == [
        ("closed", None, 5.0, 2),
        ("open", "2026-11-26T12:00:30.000Z", 0.0, 0),
        ("halfOpen", None, 0.0, 0),
        ("closed", None, 7.0, 2),
    ]


def test_budget_of_one_limit_tells_nothing_of_the_other() -> None:
    rate = BudgetSettings.model_validate({"name": "crm", "rate": 0.5})
    document = budget_now(rate, BudgetState(), NOW)
    assert document is not None
    assert (document.rate_now, document.concurrency, document.concurrency_now) == (0.5, None, None)
    one = BudgetSettings.model_validate({"name": "crm", "concurrency": 1})
    document = budget_now(one, refused(BudgetState(), NOW, None), NOW)
    assert document is not None
    assert (document.rate, document.rate_now, document.concurrency_now) == (None, None, 1)


def test_schedules_that_come_before_tell_whether_they_have_drained_since() -> None:
    others = [Other("extract", 7), Other("load", 9, is_working=True), Other("clean", 3, intent="paused")]
    carry = Carry(followed={"extract": 6, "load": 2, "clean": 3})
    told = those_before(carry, others)
    assert [each.has_drained for each in told] == [True, False, False]
    assert told[1].to_document() == {"name": "load", "hasDrained": False, "isWorking": True, "intent": "running"}
    assert told[2].intent == "paused"
    assert those_before(Carry(), ()) == ()
