"""What is promised of effects, budgets, batches and replays is found broken in ledgers that were broken by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chaos import books, promises
from tests.chaos.test_checker import broken, death, handled, kinds, poisoned, put, record

SKIP, AGAIN = "once-skip", "once-again"


def effect(number: int, at: float, unsure: str = "again", host: str = "h") -> dict[str, Any]:
    return {"event": "effect", "message": f"m{number}", "number": number, "unsure": unsure, "host": host, "at": at}


def found(*events: Any, settings: dict[str, Any] | None = None, hosts: int = 1) -> set[str]:
    budgets = {"crm": {"rate": 2.0}}
    return {each.kind for each in promises.check(record(*events), settings or {}, budgets, hosts)}


def begun(*times: float) -> list[list[dict[str, Any]]]:
    return [handled(number, at, at + 0.1) for number, at in enumerate(times, 1)]


@pytest.mark.parametrize("job", [SKIP, AGAIN])
def test_effect_that_happened_once_is_right_however_often_its_message_came(job: str) -> None:
    twice = [handled(1, 1), death(2), handled(1, 5, 6, tries=2, run="r2")]
    assert found(put(1, job=job), effect(1, 1.5, job.removeprefix("once-")), *twice) == set()


def test_effect_that_happened_twice_needs_a_death_between_and_never_may_with_skip() -> None:
    twice = [handled(1, 1), handled(1, 5, 6, tries=2, run="r2")]
    again = [put(1, job=AGAIN), effect(1, 1.5), effect(1, 5.5)]
    assert found(*again, *twice, death(2)) == set()
    assert found(*again, *twice, death(2, "other")) == {"effect twice"}
    assert found(*again, *twice, death(1.2)) == {"effect twice"}
    skip = [put(1, job=SKIP), effect(1, 1.5, "skip"), effect(1, 5.5, "skip")]
    assert found(*skip, *twice, death(2)) == {"effect twice"}


def test_effect_that_never_happened_is_lost_unless_it_may_be_skipped_after_a_death() -> None:
    died = [handled(1, 1), death(2), handled(1, 5, 6, tries=2, run="r2")]
    assert found(put(1, job=AGAIN), *died) == {"effect lost"}
    assert found(put(1, job=SKIP), *died) == set()
    assert found(put(1, job=SKIP), handled(1, 5, 6)) == {"effect lost"}
    assert found(put(1, job=SKIP), handled(1, 5, 6, "raised")) == set(), "it is not done yet"


def test_a_limit_that_ended_the_handler_explains_it_as_a_death_does() -> None:
    cut = [handled(1, 1, 2, "cancelled"), handled(1, 5, 6, tries=2, run="r2")]
    assert found(put(1, job=AGAIN), effect(1, 1.5), effect(1, 5.5), *cut) == set()
    assert found(put(1, job=AGAIN), effect(1, 2.5), effect(1, 5.5), *cut) == {"effect twice"}, "ended before the effect"
    assert found(put(1, job=SKIP), effect(1, 1.5, "skip"), effect(1, 5.5, "skip"), *cut) == {"effect twice"}
    assert found(put(1, job=SKIP), *cut) == set()
    assert found(put(1, job=AGAIN), *cut) == {"effect lost"}


def test_handlers_that_begin_faster_than_their_budget_are_found() -> None:
    held = {"budget": "crm"}
    steady = [each / 2 for each in range(40)]
    assert found(*begun(*steady), settings=held) == set()
    assert found(*begun(*steady, 5.1, 5.2), settings=held) == set(), "a portion, and one that came late"
    assert found(*begun(*steady, 5.1, 5.2, 5.3), settings=held) == {"over rate"}
    assert found(*begun(*steady, 5.1, 5.2, 5.3), settings=held, hosts=2) == set()
    assert found(*begun(*(each / 3 for each in range(40))), settings=held) == {"over rate"}, "half as much again"
    assert found(*begun(*(each / 3 for each in range(40)))) == set(), "there is no budget"


def test_batches_that_are_too_large_are_found() -> None:
    held = {"batch": {"size": 2}}
    batch = [handled(number, 1, 2, batch="b") for number in (1, 2)]
    assert found(*batch, handled(3, 1, 2, batch="c"), settings=held) == set()
    assert found(*batch, handled(3, 1, 2, batch="b"), settings=held) == {"over batch"}


def test_message_that_was_put_back_counts_as_the_one_that_was_put() -> None:
    refused = [put(1, job="mend"), handled(1, 1, 2, "refused"), {**poisoned(1), "at": 3.0, "number": 1}]
    back = handled(1, 5, 6, message="another id")
    assert kinds(*refused, broken("replay", 4, 7, doubles=False), back) == set()
    assert kinds(*refused, back) == {"duplicate"}, "nobody has put it back"
    done = [*refused, broken("replay", 4, 9, doubles=False), back]
    assert kinds(*done, handled(1, 7, 8, message="a third id")) == {"duplicate"}
    assert kinds(*done, death(6.5), handled(1, 7, 8, message="a third id")) == set()
    totals = {"processed": 1, "poisoned": 1}
    assert not books.wrong(books.counts_of(record(*done), "s", {"totals": totals}, [totals], 9.0), {"totals": totals})
    low = {"processed": 0, "poisoned": 1}
    assert books.wrong(books.counts_of(record(*done), "s", {"totals": low}, [low], 9.0), {"totals": low})
