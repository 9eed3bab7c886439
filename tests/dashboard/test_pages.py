"""What people do with the dashboard, in a real browser on the real app."""

from __future__ import annotations

import base64
import contextlib
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime

from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import QueueClient
from playwright.sync_api import Page, expect

from tests.azurite import Azurite
from tests.dashboard.history import cycle_document, write_cycles
from tests.dashboard.looking import answer, row_of
from tests.e2e.harness import App, wait_for

Open = Callable[..., Page]


def poison(azurite: Azurite, app: App, *bodies: str) -> QueueClient:
    """Messages in the app's poison queue, as its executions put them there."""
    queue = QueueClient.from_connection_string(azurite.connection_string, f"{app.name}-poison")
    with contextlib.suppress(ResourceExistsError):
        queue.create_queue()
    for number, body in enumerate(bodies):
        envelope = {"id": f"first-{number}", "reason": f"reason {number}", "body": body, "bodyEncoding": "text"}
        queue.send_message(json.dumps(envelope))
    return queue


def test_drain_is_watched_live(make_app: Callable[..., App], open_page: Open) -> None:
    slow = {"handler": "tests.integration.control.work:handle", "concurrency": 1, "executionSlice": 5}
    app = make_app(pollingInterval=0.5, maxPollingInterval=1, maxExecutions=2, **slow).start()
    page = open_page(app.url)
    expect(row_of(page, "parity")).to_contain_text("stopped")
    app.put(range(0))  # makes the queue
    for _ in range(60):
        app.queue.send_message("0.25")
    app.call("POST", "schedules/parity/start", {"reason": "watched"})
    expect(row_of(page, "parity")).to_contain_text("running processing")
    expect(row_of(page, "parity").get_by_text("2 of 2")).to_be_visible()
    page.get_by_role("link", name="parity", exact=True).click()
    expect(page.get_by_role("heading", name="parity", exact=True)).to_be_focused()
    expect(page.locator("rect.bar.now")).to_have_count(2)
    expect(page.get_by_role("region", name="executions at work").get_by_role("row")).to_have_count(3)
    expect(page.locator("dl")).to_contain_text("60 messages at 16 each want 4 executions, held to 2 by maxExecutions")
    expect(page.locator("dl")).to_contain_text("60 processed, 0 failed", timeout=60_000)
    expect(page.locator("rect.bar.succeeded").first).to_be_attached()
    expect(page.locator("rect.bar.planned").first).to_be_attached()
    expect(page.locator(".plot canvas")).to_be_visible()


def test_list_says_when_it_counted_what_may_be_gone_by_now(make_app: Callable[..., App], open_page: Open) -> None:
    app = make_app(pollingInterval=300, maxPollingInterval=300, activationQueueLength=10).start()
    app.put(range(3))
    app.call("POST", "schedules/parity/start", {"reason": "too few to act on"})
    wait_for(lambda: (app.schedule()["backlog"] or {}).get("count") == 3, 30, lambda: str(app.schedule()))
    page = open_page(app.url)
    backlog = row_of(page, "parity").locator(".backlog")
    expect(backlog).to_contain_text("3")
    expect(backlog).to_contain_text("counted", timeout=20_000)


def test_decision_on_the_strip_says_its_sentence_and_leads_to_its_cycle(app: App, open_page: Open) -> None:
    app.put(range(1_700_000_000, 1_700_000_040))
    app.call("POST", "schedules/parity/start", {"reason": "x"})
    wait_for(lambda: app.schedule()["totals"]["processed"] == 40, 30, lambda: str(app.schedule()))
    page = open_page(app.url, "#/schedules/parity?range=15min")
    strip = page.get_by_role("group", name="Decisions")
    strip.get_by_role("button").last.focus()
    page.keyboard.press("Enter")
    cycle = app.cycles()[0]
    expect(page.locator(".sentence")).to_contain_text(cycle["decision"]["reason"])
    page.locator(".sentence").get_by_role("link").click()
    expect(page).to_have_url(re.compile(f"#/schedules/parity/cycles/{cycle['cycle']}$"))
    expect(page.get_by_role("row")).to_have_count(len(cycle["executions"]) + 1)
    expect(page.locator("dl")).to_contain_text(cycle["wait"]["reason"])


def test_counts_that_a_killed_host_left_low_are_lower_bounds(app: App, azurite: Azurite, open_page: Open) -> None:
    cycle = {**cycle_document(3, datetime.now(UTC)), "atLeast": True}
    write_cycles(azurite.connection_string, app.name, {"parity": [cycle]})
    page = open_page(app.url, "#/schedules/parity/cycles/3")
    expect(page.locator("dl")).to_contain_text("≥ 64 processed, ≥ 0 failed")
    expect(page.locator("dl")).to_contain_text("at least so many: a run of an execution ended without a word")


def test_failing_schedule_is_found_and_paused_with_its_reason(make_app: Callable[..., App], open_page: Open) -> None:
    app = make_app(source={"type": "storageQueue", "queueName": "no-such-queue"}).start()
    app.call("POST", "schedules/parity/start", {"reason": "x"})
    page = open_page(app.url)
    expect(row_of(page, "parity")).to_contain_text("no-such-queue")
    page.get_by_role("searchbox").fill("such-queue")
    expect(page.get_by_text("1 of 1 schedule")).to_be_visible()
    page.get_by_label("choose parity").check()
    page.get_by_role("button", name="Pause").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Pause", exact=True)).to_be_disabled()
    dialog.get_by_label("Reason").fill("ask Ann's team")
    expect(dialog.locator("pre")).to_have_text("ebb pause parity --reason 'ask Ann'\\''s team'")
    answer(page, "the queue is missing", "Pause")
    expect(dialog).to_be_hidden()  # what lies behind an open dialog takes no text
    page.get_by_role("searchbox").fill("")
    expect(row_of(page, "parity")).to_contain_text("paused")
    assert app.schedule()["reason"] == "the queue is missing"
    expect(page.get_by_role("status").filter(has_text="Pause: parity")).to_be_visible()


def test_settings_are_tried_before_they_are_set(app: App, open_page: Open) -> None:
    app.put(range(1_700_000_000, 1_700_000_100))
    page = open_page(app.url, "#/schedules/parity/settings")
    tried = page.get_by_role("region", name="As it is set now")
    expect(tried).to_contain_text("7 executions in the next cycle")
    page.get_by_label("maxExecutions", exact=True).fill("0")
    expect(page.locator(".setting").filter(has_text="executions of one cycle at most")).to_contain_text("greater than")
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    page.get_by_label("maxExecutions", exact=True).fill("3")
    expect(page.get_by_role("region", name="What if")).to_contain_text("held to 3 by maxExecutions")
    assert app.schedule()["overrides"] == {}
    page.get_by_role("button", name="Save 1 change").click()
    expect(page.get_by_role("dialog").locator("pre")).to_have_text(
        "ebb set parity maxExecutions=3 --reason …".replace("…", "'…'")
    )
    answer(page, "too many at once", "Save")
    expect(page.get_by_text("overridden")).to_be_visible()
    assert app.schedule()["overrides"] == {"maxExecutions": 3}
    _, events = app.call("GET", "schedules/parity/events")
    assert events["value"][0]["reason"] == "too many at once"
    page.get_by_role("link", name="Events").click()
    expect(page.get_by_role("row").nth(1)).to_contain_text("maxExecutions: deployed → 3")


def test_conflict_shows_what_both_want(app: App, open_page: Open) -> None:
    page = open_page(app.url, "#/schedules/parity/settings")
    page.get_by_label("maxExecutions", exact=True).fill("3")
    app.call("PATCH", "schedules/parity/settings", {"maxExecutions": 7, "queueLength": 2})
    page.get_by_role("button", name="Save 1 change").click()
    answer(page, "mine", "Save")
    conflict = page.get_by_role("alert").filter(has_text="Somebody else changed this schedule")
    expect(conflict.get_by_role("row", name="maxExecutions")).to_have_text("maxExecutions1073")
    expect(conflict.get_by_role("row", name="queueLength")).to_have_text("queueLength162nothing")
    assert app.schedule()["overrides"] == {"maxExecutions": 7, "queueLength": 2}
    conflict.get_by_role("button", name="Save mine over it").click()
    answer(page, "mine all the same", "Save")
    expect(conflict).to_be_hidden()
    assert app.schedule()["overrides"] == {"maxExecutions": 3, "queueLength": 2}


def test_poison_is_looked_at_searched_and_put_back(app: App, azurite: Azurite, open_page: Open) -> None:
    with poison(azurite, app, '{"order": 1}', '{"order": 2}', "<b>Müller</b>"):
        page = open_page(app.url, "#/schedules/parity/poison")
        expect(page.get_by_role("listitem")).to_have_count(3)
        expect(page.get_by_text("<b>Müller</b>")).to_be_visible()
        first, last = page.get_by_role("listitem").first, page.get_by_role("listitem").last
        last.get_by_role("button", name="hex").click()
        expect(last.locator("pre")).to_contain_text("3c 62 3e 4d c3 bc 6c 6c")
        last.get_by_role("button", name="JSON").click()
        expect(last.locator("pre")).to_contain_text("This is not JSON")
        first.get_by_role("button", name="JSON").click()
        expect(first.locator("pre")).to_contain_text('"order": ')
        page.get_by_role("searchbox").fill("ORDER")
        page.keyboard.press("Enter")
        expect(page.get_by_role("listitem")).to_have_count(2)
        page.get_by_role("button", name="Requeue all with “ORDER”").click()
        expect(page.get_by_role("dialog").locator("pre")).to_contain_text("ebb poison requeue parity --text ORDER")
        answer(page, "the handler is fixed", "Requeue")
        expect(page.get_by_role("status").filter(has_text="2 messages requeued, 1 remaining")).to_be_visible()
        assert sorted(str(message.content) for message in app.queue.peek_messages(8)) == [
            '{"order": 1}',
            '{"order": 2}',
        ]
        page.get_by_role("searchbox").fill("")
        page.keyboard.press("Enter")
        page.get_by_role("checkbox").check()
        page.get_by_role("button", name="Purge 1 chosen").click()
        answer(page, "not ours", "Purge")
        expect(page.get_by_text("No message is here.")).to_be_visible()
        _, events = app.call("GET", "schedules/parity/events")
        told = [(event["action"], event["reason"], event.get("text")) for event in events["value"]]
        assert told == [("purgePoison", "not ours", None), ("requeuePoison", "the handler is fixed", "ORDER")]


def test_app_is_killed_and_comes_back(app: App, open_page: Open) -> None:
    port = app.url.rsplit(":", 1)[1]
    page = open_page(app.url)
    expect(row_of(page, "parity")).to_contain_text("stopped")
    app.kill()
    expect(page.get_by_role("alert")).to_contain_text("The app does not answer")
    expect(row_of(page, "parity")).to_contain_text("stopped")
    app.start(port)
    expect(page.get_by_role("alert")).to_be_hidden()
    app.call("POST", "schedules/parity/start", {"reason": "back"})
    expect(row_of(page, "parity")).to_contain_text("running")


def test_nothing_is_asked_while_nobody_looks(app: App, open_page: Open) -> None:
    page = open_page(app.url)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    expect(row_of(page, "parity")).to_be_visible()
    page.wait_for_timeout(4500)
    assert len(asked) >= 2, "it polls while it is seen"
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => true, configurable: true})")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(2500)
    asked.clear()
    page.wait_for_timeout(4500)
    assert asked == []
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => false, configurable: true})")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(500)
    assert len(asked) == 1


def test_state_of_a_page_is_in_its_address(app: App, open_page: Open) -> None:
    page = open_page(app.url, "#/?q=par&state=stopped&sort=-name")
    expect(page.get_by_role("searchbox")).to_have_value("par")
    expect(page.get_by_label("State")).to_have_value("stopped")
    expect(page.get_by_role("columnheader", name="Schedule")).to_have_attribute("aria-sort", "descending")
    page.get_by_role("searchbox").fill("nothing like it")
    expect(page.get_by_text("No schedule fits the filter.")).to_be_visible()
    page.reload()
    expect(page.get_by_text("No schedule fits the filter.")).to_be_visible()
    open_page(app.url, "#/schedules/nosuch").get_by_text("no schedule 'nosuch'; known are parity").wait_for()


def test_body_of_a_message_is_never_markup(app: App, azurite: Azurite, open_page: Open) -> None:
    evil = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
    with poison(azurite, app, evil, base64.b64encode(bytes(range(256))).decode()):
        app.call("POST", "schedules/parity/start", {"reason": evil})
        for place in ("#/", "#/schedules/parity", "#/schedules/parity/poison", "#/schedules/parity/events"):
            page = open_page(app.url, place)
            expect(page.get_by_text("onerror=").first).to_be_attached()
            assert page.title() not in ("1", "2")
            assert page.locator("img").count() == 0
