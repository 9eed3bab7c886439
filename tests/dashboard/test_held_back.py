"""What holds a schedule back, on its page; and a replay of poison messages from theirs."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from ebb.core.clock import rfc3339
from ebb.core.replay import Replay, Seen, next_step
from tests.azurite import Azurite
from tests.dashboard.looking import answer
from tests.dashboard.test_accessibility import AXE, violations
from tests.dashboard.test_pages import poison
from tests.e2e.harness import App

Open = Callable[..., Page]
OPEN = {
    "name": "crm",
    "breaker": "open",
    "refusals": 6,
    "rate": 10.0,
    "rateNow": 0.0,
    "concurrency": 4,
    "concurrencyNow": 0,
    "inUse": 0,
}


def with_more(route: Route, more: dict[str, Any]) -> None:
    """The app's own answer, always the whole of it, with members that a test says."""
    headers = {name: value for name, value in route.request.headers.items() if name != "if-none-match"}
    answered = route.fetch(headers=headers)
    route.fulfill(response=answered, json={**answered.json(), **more})


def test_page_says_what_a_schedule_waits_for_and_breaks_no_rule(app: App, open_page: Open) -> None:
    later = rfc3339(datetime.now(UTC) + timedelta(hours=1))
    before = [
        {"name": "extract", "hasDrained": False, "isWorking": True, "intent": "running"},
        {"name": "load", "hasDrained": False, "isWorking": False, "intent": "paused"},
    ]
    held = {"budget": {**OPEN, "openUntil": later}, "after": before}
    failed = {"cycle": 7, "failed": 3, "nextTryAt": later, "outcome": "partlyFailed"}
    working = {"index": 0, "cycle": 1, "startedAt": rfc3339(datetime.now(UTC)), "endedAt": None, "received": 16}
    working |= {"processed": 8, "failed": 0, "poisoned": 0, "currentMessageAge": 2.5, "progress": "row 400 of 800"}
    settings = {**app.schedule()["settings"], "batch": {"size": 8, "wait": 1.0}}
    page = open_page(app.url, "#/", viewport={"width": 390, "height": 800})
    page.route("**/api/schedules/parity/plan", lambda route: with_more(route, held))
    more = {"lastCycle": failed, "settings": settings, "executions": [working]}
    page.route("**/api/schedules/parity", lambda route: with_more(route, more))
    page.goto(f"{app.url}/api/dashboard/#/schedules/parity?range=15min")
    facts = page.locator(".facts")
    expect(facts).to_contain_text(
        re.compile(r"crm: breaker open ?the downstream refuses; a try in \d+ min ?6 refusals in a row")
    )
    expect(facts).to_contain_text("extract is at work")
    expect(facts).to_contain_text("load has not drained since, it is paused")
    expect(facts).to_contain_text("the first of 3 messages of cycle 7")
    expect(facts).to_contain_text("get up to 8 messages each")
    expect(page.get_by_role("region", name="executions at work").get_by_role("row").last).to_contain_text("8, 2.5 s")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert violations(page, AXE.read_text()) == [], scheme
    held["budget"] = {**OPEN, "breaker": "closed", "openUntil": None, "rateNow": 2.5, "concurrencyNow": 1, "inUse": 1}
    page.reload()
    expect(facts).to_contain_text("2.5 of 10 messages/s, 1 of 1 at once in use (4 at best)")


def test_poison_messages_are_replayed_and_the_audit_trail_has_it(app: App, azurite: Azurite, open_page: Open) -> None:
    with poison(azurite, app, *(str(1_700_000_000 + number) for number in range(6))):
        page = open_page(app.url, "#/schedules/parity/poison")
        page.get_by_role("button", name="Replay all …").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Messages that go first, alone").fill("2")
        command = "ebb poison replay parity --all --canary 2 --rate 10/s --stop-on-failures 3 --reason …"
        expect(dialog.locator("pre")).to_have_text(command.replace("…", "'…'"))
        assert violations(page, AXE.read_text()) == []
        answer(page, "the CRM is back", "Replay")
        expect(dialog.get_by_role("alert")).to_contain_text("parity is stopped: nobody would handle")
        app.call("POST", "schedules/parity/start", {"reason": "x"})
        answer(page, "the CRM is back", "Replay")
        replays = page.get_by_role("region", name="Replays")
        expect(replays).to_contain_text("6 put back, 6 handled, 0 failed, 0 remaining; nothing is left", timeout=60_000)
        expect(replays).to_contain_text("6 messages put back")
        assert violations(page, AXE.read_text()) == []
        _, events = app.call("GET", "schedules/parity/events?kind=audit")
        portions = [each for each in events["value"] if each.get("replay")]
        assert [portions[-1]["messages"], sum(each["messages"] for each in portions)] == [2, 6]
        assert {each["reason"] for each in portions} == {"the CRM is back"}
        assert app.schedule()["totals"]["processed"] == 6
        _steps_are_those_of_the_command(page)


def test_replay_that_fails_again_stops_and_is_resumed(app: App, azurite: Azurite, open_page: Open) -> None:
    with poison(azurite, app, *(f"no number {number}" for number in range(4))):
        app.call("POST", "schedules/parity/start", {"reason": "x"})
        page = open_page(app.url, "#/schedules/parity/poison?search=number")
        page.get_by_role("button", name="Replay all with “number” …").click()
        page.get_by_label("Messages that go first, alone").fill("1")
        page.get_by_label("Stop when so many failed").fill("1")
        answer(page, "perhaps", "Replay")
        replays = page.get_by_role("region", name="Replays")
        expect(replays).to_contain_text(
            "1 put back, 1 handled, 1 failed, 3 remaining; 1 failed since it began", timeout=60_000
        )
        expect(replays.locator("pre")).to_contain_text("ebb poison replay parity --resume replay-")
        replays.get_by_role("button", name="Resume").click()
        expect(page.get_by_role("dialog").locator("pre")).to_contain_text("--resume replay-")
        expect(page.get_by_label("Messages that go first, alone")).to_have_count(0)
        page.get_by_label("After them").fill("1/h")
        answer(page, "again", "Resume")
        replays.get_by_role("button", name="Stop").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.locator("pre")).to_contain_text("ebb poison replay parity --resume replay-")
        expect(dialog.get_by_role("button", name="Stop", exact=True)).to_be_disabled()
        assert violations(page, AXE.read_text()) == []
        answer(page, "not before Monday", "Stop")
        expect(replays).to_contain_text("stopped here: not before Monday")
        expect(replays.get_by_role("listitem").first).to_contain_text("not before Monday")
        _, events = app.call("GET", "schedules/parity/events?kind=audit")
        stop = next(each for each in events["value"] if each.get("replay"))
        assert (stop["messages"], stop["reason"], stop["text"]) == (0, "not before Monday", "number")


def _steps_are_those_of_the_command(page: Page) -> None:
    """The page's rules give what ebb/core/replay.py gives."""
    plan = Replay(canary=3, rate=2.5, stop_on_failures=2, patience=600.0)
    cases = [
        Seen(*each)
        for each in itertools.product(
            (0, 2, 9), (2, 9), (0, 2), (False, True), (None, 0.1, 4.3), (0, 20), (0.0, 100.0, 700.0), (0, 3), (1.0, 6.0)
        )
    ]
    given = [
        {
            "put": each.put_back,
            "settled": each.settled,
            "failures": each.failures,
            "exhausted": each.exhausted,
            "flowing": each.flowing_for,
            "flowed": each.flowed,
            "quiet": each.quiet_for,
            "hidden": each.hidden,
            "tried": each.tried_for,
        }
        for each in cases
    ]
    script = """async cases => {
        const { nextStep } = await import('./replay.js');
        return cases.map((one) => nextStep({canary: 3, rate: 2.5, most: 2}, one));
    }"""
    told = page.evaluate(script, given)
    expected = [next_step(plan, each) for each in cases]
    assert [each["act"] for each in told] == [step.act for step in expected]
    assert [each.get("messages", 0) for each in told] == [step.messages for step in expected]
    assert [each.get("seconds", 0) for each in told] == pytest.approx([step.seconds for step in expected])
