"""Which message begins next, where keys have limits: orders, counts and times on a clock of its own."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from ebb.core.key_line import KeyLine

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
SOON = NOW + timedelta(seconds=30)


def line_of(line: KeyLine[str], messages: str) -> KeyLine[str]:
    """`line` with messages such as "a1 b1 a2": the letter is the key."""
    for message in messages.split():
        line.add(message[0], message)
    return line


def begun(line: KeyLine[str], now: datetime = NOW) -> list[str]:
    """What begins now, in its order."""
    found: list[str] = []
    while (message := line.next(now)) is not None:
        line.begin(now)
        found.append(message)
    return found


def test_each_key_has_one_message_at_work_and_keeps_its_order() -> None:
    line = line_of(KeyLine(), "a1 a2 b1 a3 b2")
    assert begun(line) == ["a1", "b1"]
    line.done("a", NOW)
    assert begun(line) == ["a2"]
    line.done("b", NOW)
    line.done("a", NOW)
    assert begun(line) == ["b2", "a3"]
    assert len(line) == 0


def test_concurrency_of_a_key() -> None:
    line = line_of(KeyLine(2), "a1 a2 a3 b1")
    assert begun(line) == ["a1", "b1", "a2"]
    line.done("a", NOW)
    assert begun(line) == ["a3"]


def test_messages_without_a_key_have_no_limits() -> None:
    line = KeyLine[str](1, 0.1)
    for number in range(3):
        line.add(None, f"{number}")
    assert begun(line) == ["0", "1", "2"]
    line.done(None, NOW)


def test_first_goes_before_the_others_of_its_key() -> None:
    line = line_of(KeyLine(), "a1 b1")
    line.add("a", "a0", first=True)
    assert begun(line) == ["a0", "b1"]


def test_rate_sets_beginnings_of_a_key_apart_and_no_others() -> None:
    line = line_of(KeyLine(5, 2.0), "a1 a2 a3 b1")
    assert begun(line) == ["a1", "b1"]
    assert line.due == NOW + timedelta(seconds=0.5)
    assert begun(line, NOW + timedelta(seconds=0.4)) == []
    assert begun(line, NOW + timedelta(seconds=0.5)) == ["a2"]
    assert begun(line, NOW + timedelta(seconds=9)) == ["a3"]  # what was not used is not made up for
    line_of(line, "a4")
    assert line.due == NOW + timedelta(seconds=9.5)


def test_rate_holds_although_nothing_of_the_key_is_in_hand_meanwhile() -> None:
    line = line_of(KeyLine(1, 1.0), "a1")
    assert begun(line) == ["a1"]
    line.done("a", NOW)
    line_of(line, "a2")
    assert begun(line) == []
    assert begun(line, NOW + timedelta(seconds=1)) == ["a2"]


def test_claimed_key_begins_once_it_is_open_and_not_beyond_its_claim() -> None:
    line = line_of(KeyLine(claimed=True), "a1 a2 b1")
    line.add(None, "free")
    assert (begun(line), line.closed) == (["free"], ["a", "b"])
    line.open("a", SOON)
    assert (begun(line), line.closed) == (["a1"], ["b"])
    line.done("a", NOW)
    assert begun(line, SOON) == []
    assert line.closed == ["a", "b"]
    line.open("a", SOON + timedelta(seconds=30), NOW + timedelta(seconds=40))
    assert begun(line, SOON) == []
    assert line.due_of("a") == NOW + timedelta(seconds=40)
    assert begun(line, NOW + timedelta(seconds=40)) == ["a2"]


def test_extended_key_begins_for_longer_unless_it_is_closed() -> None:
    line = line_of(KeyLine(claimed=True), "a1 b1")
    line.open("a", SOON)
    line.open("b", SOON)
    line.close("b")
    for key in ("a", "b", "unknown"):
        line.extend(key, SOON + timedelta(seconds=30))
    assert begun(line, SOON) == ["a1"]


def test_cut_takes_the_newest_beyond_what_is_to_stay() -> None:
    line = line_of(KeyLine(), "a1 a2 a3 b1")
    assert line.cut("a", 1) == ["a2", "a3"]
    assert line.cut("a", 1) == line.cut("c", 0) == []
    assert (begun(line), len(line)) == (["a1", "b1"], 0)
    line = line_of(KeyLine(), "a1 b1")
    assert line.cut("a", 0) == ["a1"]
    assert begun(line) == ["b1"]


def test_all_can_be_taken_out_and_the_line_goes_on() -> None:
    line = line_of(KeyLine(), "a1 a2 b1")
    assert line.next(NOW) == "a1"
    line.begin(NOW)
    assert sorted(line.take_all()) == ["a2", "b1"]
    assert begun(line) == []
    assert (line.is_idle("a"), line.is_idle("b")) == (False, True)
    line.done("a", NOW)
    line.forget("a")
    assert begun(line_of(line, "a4")) == ["a4"]


def test_flooding_key_delays_another_by_one_message_of_each_key() -> None:
    line = line_of(KeyLine(1000), " ".join([*(f"f{number}" for number in range(500)), "a1 b1 a2 b2"]))
    order = begun(line)
    assert order[:6] == ["f0", "a1", "b1", "f1", "a2", "b2"]
    line = line_of(KeyLine(1000), " ".join(f"f{number}" for number in range(500)))
    for _ in range(200):
        line.begin(NOW) if line.next(NOW) else None
    line_of(line, "n1 n2 n3")
    assert [each[0] for each in begun(line)][:6] == ["n", "f", "n", "f", "n", "f"]


def test_weights_share_what_begins() -> None:
    line = line_of(KeyLine(1000, None, {"v": 4.0}), " ".join(f"v{n} a{n} b{n}" for n in range(400)))
    shares = Counter(message[0] for message in begun(line)[:300])
    assert shares["v"] == pytest.approx(200, abs=2)
    assert shares["a"] == pytest.approx(50, abs=2)
    line = line_of(KeyLine(1, None, {"v": 4.0}), " ".join(f"v{n} a{n} b{n}" for n in range(400)))
    order: list[str] = []
    for _ in range(300):  # one handler, one message of a key at once
        message = line.next(NOW)
        assert message is not None
        line.begin(NOW)
        line.done(message[0], NOW)
        order.append(message[0])
    assert Counter(order)["v"] == pytest.approx(200, abs=2)


@pytest.mark.parametrize("rate", [None, 100.0])
@pytest.mark.parametrize("waits", [True, False])  # whether a message of another key waits all the time
def test_keys_that_never_come_again_are_forgotten(rate: float | None, waits: bool) -> None:
    line, now = KeyLine[str](1, rate), NOW
    if waits:
        line.add("long", "l1")
        assert line.next(now) == "l1"
        line.begin(now)
        line.add("long", "l2")
    for number in range(10_000):
        now += timedelta(seconds=0.01)
        line.add(f"{number}", "once")
        assert line.next(now) == "once"
        line.begin(now)
        line.done(f"{number}", now)
    assert line.known < 5000
    if waits:
        line.done("long", now)
        assert line.next(now) == "l2"


@pytest.mark.parametrize("seed", range(30))
def test_promises_hold_whatever_happens(seed: int) -> None:
    chance = random.Random(seed)
    concurrency, rate = chance.randint(1, 3), chance.choice([None, 0.5, 4.0])
    weights = {"c": chance.choice([0.5, 2.0, 5.0])}
    line, now = KeyLine[str](concurrency, rate, weights), NOW
    added, begins = defaultdict[str, list[str]](list), defaultdict[str, list[tuple[datetime, str]]](list)
    at_work = Counter[str]()
    numbers = Counter[str]()
    for _ in range(600):
        now += timedelta(seconds=chance.choice([0, 0, 0.1, 1]))
        for _ in range(chance.randint(0, 4)):
            key = chance.choice("aaaabcd")
            numbers[key] += 1
            line.add(key, f"{key}{numbers[key]}")
            added[key].append(f"{key}{numbers[key]}")
        for _ in range(chance.randint(0, 3)):
            if (message := line.next(now)) is not None:
                line.begin(now)
                begins[message[0]].append((now, message))
                at_work[message[0]] += 1
                assert at_work[message[0]] <= concurrency
        for key in [key for key, number in at_work.items() if number and chance.random() < 0.4]:
            at_work[key] -= 1
            line.done(key, now)
    for key, found in begins.items():
        assert [message for _, message in found] == added[key][: len(found)]
        if rate is not None:
            times = [moment for moment, _ in found]
            gaps = [(after - before).total_seconds() for before, after in pairwise(times)]
            assert min(gaps, default=1 / rate) >= 1 / rate - 1e-6
    assert len(line) == sum(map(len, added.values())) - sum(map(len, begins.values()))


@pytest.mark.parametrize("seed", range(30))
def test_key_that_may_begin_waits_for_a_bounded_number_of_others(seed: int) -> None:
    chance = random.Random(seed)
    weights = {key: chance.choice([1.0, 2.0, 4.0]) for key in "abcdef"}
    line = KeyLine[str](10_000, None, weights)
    waited: dict[str, Counter[str]] = {}  # since a key may begin: what began of the others
    fresh: set[str] = set()
    in_line = Counter[str]()
    for step in range(2000):
        key = chance.choice("aaaaaaaabcdef")
        if not in_line[key]:
            fresh |= {key} - waited.keys()
            waited[key] = Counter()
        line.add(key, f"{key}{step}")
        in_line[key] += 1
        if chance.random() < 0.8:
            message = line.next(NOW)
            assert message is not None
            line.begin(NOW)
            one = message[0]
            for other, count in waited[one].items():
                most = 1 if one in fresh else weights[other] / weights[one] + 1
                assert count <= most + 1e-9, (one, other)
            in_line[one] -= 1
            for other in waited:
                if other != one and in_line[other]:
                    waited[other][one] += 1
            waited[one] = Counter()
            fresh.discard(one)
