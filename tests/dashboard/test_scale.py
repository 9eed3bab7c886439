"""The dashboard of a large app: 200 schedules, each with a history, a long one among them, and polling for long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from playwright.sync_api import Page, Route, expect

from tests.azurite import Azurite
from tests.dashboard.history import cycle_document, write_history
from tests.dashboard.looking import row_of
from tests.e2e.harness import App

Open = Callable[..., Page]
SCHEDULES, LONG = 200, "job-150"
CYCLES, LONG_CYCLES = 20, 500
POLLS = 200  # some seven minutes of them
GROWTH = 450_000  # bytes of the heap that may come and go, twice what was seen to: 2.2 KB a poll would be too much


def many(app: App, count: int) -> list[str]:
    """Lay out `count` more schedules in the app, which is not started yet; the names of all."""
    file = app.root / "schedules.yaml"
    document: dict[str, Any] = yaml.safe_load(file.read_text())
    parity = document["schedules"]["parity"]
    for number in range(count):
        source = {**parity["source"], "queueName": f"{app.name}-{number}"}
        document["schedules"][f"job-{number:03}"] = {**parity, "source": source}
    file.write_text(yaml.safe_dump(document))
    return list(document["schedules"])


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with Azurite() as azurite:  # of its own: it looks at every entity of a table for each query
        app = App(tmp_path_factory.mktemp("large"), azurite)
        names = many(app, SCHEDULES - 1)
        write_history(azurite.connection_string, app.name, [name for name in names if name != LONG], CYCLES)
        write_history(azurite.connection_string, app.name, [LONG], LONG_CYCLES)
        app.start()
        yield app
        app.stop()
        app.queue.close()


@pytest.mark.timeout(600)
def test_two_hundred_schedules_are_listed_found_and_paused_together(large: App, open_page: Open) -> None:
    for number in range(3):
        large.call("POST", f"schedules/job-{number:03}/start", {"reason": "x"})
    page = open_page(large.url)
    expect(page.get_by_text("200 of 200 schedules")).to_be_visible(timeout=30_000)
    expect(page.locator("tbody tr")).to_have_count(SCHEDULES)
    page.get_by_label("State").select_option("running")
    expect(page.locator("tbody tr")).to_have_count(3)
    page.get_by_label("choose all shown").check()
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("maintenance")
    expect(page.get_by_role("dialog").locator("pre")).to_contain_text("ebb pause job-002 --reason maintenance")
    page.get_by_role("dialog").get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_text("No schedule fits the filter.")).to_be_visible()
    assert {large.call("GET", f"schedules/job-00{number}")[1]["reason"] for number in range(3)} == {"maintenance"}


@pytest.mark.timeout(600)
def test_long_history_is_drawn_and_leafed_through(large: App, open_page: Open) -> None:
    page = open_page(large.url, f"#/schedules/{LONG}?range=24h")
    expect(page.locator(".plot canvas")).to_be_visible(timeout=30_000)
    expect(page.locator("rect.bar.succeeded").nth(300)).to_be_attached(timeout=30_000)
    rows = page.get_by_role("region", name="Cycles that did something").get_by_role("row")
    expect(rows).to_have_count(51)
    page.get_by_role("button", name="15min").click()
    expect(rows).not_to_have_count(51)
    assert rows.count() <= 16
    page.goto(f"{large.url}/api/dashboard/#/schedules/{LONG}/cycles/1")
    expect(page.locator("dl")).to_contain_text("32 messages at 16 each want 2 executions")


@pytest.mark.timeout(120)
def test_first_view_of_a_hundred_schedules_and_each_poll_are_one_request_for_all_of_them(
    make_app: Callable[..., App], open_page: Open
) -> None:
    """How long they take is for bench/dashboard.py; a page that asks for each schedule would show here."""
    app = make_app()
    many(app, 99)
    app.start()
    page = open_page(app.url)
    expect(page.locator("tbody tr")).to_have_count(100)
    names: list[str] = page.evaluate("performance.getEntriesByType('resource').map(each => each.name)")
    assert sorted(asked_of_the_api(names)) == ["access", "schedules"]
    polls: list[str] = []
    page.on("request", lambda request: polls.append(request.url))
    with page.expect_request("**/api/schedules*", timeout=30_000):
        page.wait_for_timeout(5_000)
    assert set(asked_of_the_api(polls)) == {"schedules"}
    assert len(polls) <= 4, "one each two seconds"


def asked_of_the_api(urls: list[str]) -> list[str]:
    """The part of each address behind /api/, less those of the page's own files."""
    asked = [url.split("/api/")[1].split("?")[0] for url in urls if "/api/" in url]
    return [path for path in asked if not path.startswith("dashboard/")]


@pytest.mark.timeout(300)
def test_polling_for_long_leaves_nothing_behind(make_app: Callable[..., App], open_page: Open) -> None:
    app = make_app(pollingInterval=0.5, maxPollingInterval=0.5).start()
    app.call("POST", "schedules/parity/start", {"reason": "x"})
    page = open_page(app.url)
    expect(row_of(page, "parity")).to_contain_text("running")
    page.clock.install()
    page.goto(f"{app.url}/api/dashboard/#/schedules/parity")
    page.reload()
    expect(page.locator(".plot canvas")).to_be_visible()
    polls: list[str] = []
    page.on("response", lambda response: polls.append(response.url) if response.url.endswith("/parity") else None)
    _run_polls(page, polls, 100)  # until caches are full and code is compiled
    before = _metric(page, "JSHeapUsedSize")
    _run_polls(page, polls, 100 + POLLS)
    after = _metric(page, "JSHeapUsedSize")
    assert after - before <= GROWTH


@pytest.mark.timeout(300)
def test_cycles_that_come_and_go_leave_nothing_behind(make_app: Callable[..., App], open_page: Open) -> None:
    app = make_app().start()
    page = open_page(app.url)
    page.clock.install()
    answers = 0

    def next_cycles(route: Route) -> None:
        nonlocal answers
        answers += 1
        ended = [datetime.now(UTC) - timedelta(seconds=10 * back) for back in range(30)]
        found = [cycle_document(answers + 30 - back, each) for back, each in enumerate(ended)]
        route.fulfill(json={"value": found})

    page.route("**/cycles?*", next_cycles)
    page.goto(f"{app.url}/api/dashboard/#/schedules/parity?range=15min")
    page.reload()
    expect(page.get_by_role("region", name="Cycles that did something").get_by_role("row")).to_have_count(31)

    def look(times: int) -> float:
        deadline, before = time.monotonic() + 120, answers
        while answers < before + times:
            page.clock.run_for(15_000)  # after which the page asks again for what may have changed
            page.wait_for_timeout(1)
            assert time.monotonic() < deadline, f"{answers - before} of {times} looks"
        return _metric(page, "Nodes")

    before = look(30)
    assert look(60) - before <= 600, "a row of the table has some 25 nodes: those of 60 cycles are still there"


def _run_polls(page: Page, polls: list[str], count: int) -> None:
    """Move the page's clock on, two seconds at a time, until it has asked so often."""
    deadline = time.monotonic() + 200
    while len(polls) < count:
        page.clock.run_for(2000)
        page.wait_for_timeout(1)
        assert time.monotonic() < deadline, f"{len(polls)} of {count} polls"


def _metric(page: Page, name: str) -> float:
    """What the browser counts of the page, such as "Nodes", once what nobody holds is gone."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    session.detach()
    return metrics[name]
