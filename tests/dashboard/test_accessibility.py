"""Every page by axe-core's rules, light and dark, wide and narrow; and by the keyboard alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.azurite import Azurite
from tests.dashboard.looking import row_of
from tests.dashboard.test_pages import poison
from tests.e2e.harness import App, wait_for

AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FOCUSED = "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"
# Longer texts than this app has: an error of a source has some 300 letters.
LENGTHEN = (
    """text => document.querySelectorAll("p, dd, td .short, .trouble").forEach(each => each.append(text.repeat(9)))"""
)
MEASURE = """() => {
  const em = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const wide = each => {
    const text = document.createRange();
    text.selectNodeContents(each);
    return Math.max(0, ...[...text.getClientRects()].map(line => line.width));
  };
  const main = document.querySelector("main");
  return {
    over: document.documentElement.scrollWidth - innerWidth,
    used: main.getBoundingClientRect().width / innerWidth,
    letters: em,
    longest: Math.max(...[...main.querySelectorAll("p, dd, .short")].map(wide)) / em,
    cut: [...main.querySelectorAll(".setting, .facts > div")]
      .filter(each => each.scrollWidth > each.clientWidth + 1).map(each => each.textContent.slice(0, 40)),
  };
}"""
PLACES = {
    "overview": "#/",
    "schedule": "#/schedules/parity?range=15min",
    "cycle": "#/schedules/parity/cycles/{cycle}",
    "poison": "#/schedules/parity/poison",
    "settings": "#/schedules/parity/settings",
    "events": "#/schedules/parity/events",
}


@pytest.fixture(scope="module")
def busy(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app that has worked, with a change of settings and poison messages."""
    app = App(tmp_path_factory.mktemp("busy"), azurite, {"pollingInterval": 0.5, "maxPollingInterval": 1})
    app.start()
    app.put(range(1_700_000_000, 1_700_000_080))
    app.call("PATCH", "schedules/parity/settings", {"maxExecutions": 3})
    app.call("POST", "schedules/parity/start", {"reason": "x"})
    wait_for(lambda: app.schedule()["totals"]["processed"] == 80, 30, lambda: str(app.schedule()))
    poison(azurite, app, '{"order": 1}', "plain").close()
    yield app
    app.stop()
    app.queue.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390, 360])
def test_no_page_breaks_a_rule_or_is_wider_than_the_window(
    busy: App, open_page: Callable[..., Page], scheme: Any, width: int
) -> None:
    number = busy.cycles()[0]["cycle"]
    page = open_page(busy.url, viewport={"width": width, "height": 800}, color_scheme=scheme)
    script = AXE.read_text()
    for name, place in PLACES.items():
        page.goto(f"{busy.url}/api/dashboard/{place.format(cycle=number)}")
        expect(page.get_by_role("heading", level=1)).to_be_focused()
        page.wait_for_load_state("networkidle")
        _settled(page, name)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, f"{name} is too wide"
        assert _violations(page, script) == [], name


def test_screen_of_4k_is_used_and_its_lines_can_be_read(busy: App, open_page: Callable[..., Page]) -> None:
    number = busy.cycles()[0]["cycle"]
    page = open_page(busy.url, viewport={"width": 3840, "height": 2160})
    for name, place in PLACES.items():
        page.goto(f"{busy.url}/api/dashboard/{place.format(cycle=number)}")
        _settled(page, name)
        page.evaluate(LENGTHEN, "a sentence that goes on and on ")
        found = page.evaluate(MEASURE)
        assert found["over"] <= 0, f"{name} is too wide"
        assert found["used"] >= 0.85, f"{name} leaves the sides of the screen empty"
        assert found["letters"] >= 20, f"the letters of {name} are small"
        assert found["longest"] <= 64, f"a line of {name} is hard to follow: {found}"
        assert found["cut"] == [], name


def test_dialog_and_door_break_no_rule(busy: App, open_page: Callable[..., Page]) -> None:
    page = open_page(busy.url)
    row_of(page, "parity").get_by_role("checkbox").check()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert _violations(page, AXE.read_text()) == []
    page.keyboard.press("Escape")
    page.route("**/api/schedules", lambda route: route.fulfill(status=401))
    page.reload()
    expect(page.get_by_label("Function key")).to_be_visible()
    assert _violations(page, AXE.read_text()) == []


def test_schedule_is_paused_by_keys_alone(busy: App, open_page: Callable[..., Page]) -> None:
    page = open_page(busy.url)
    expect(row_of(page, "parity")).to_be_visible()
    _tab_to(page, "choose parity")
    page.keyboard.press("Space")
    _shift_tab_to(page, "Pause …")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_label("Reason")).to_be_focused()
    page.keyboard.type("by keys")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(row_of(page, "parity")).to_contain_text("paused")
    assert busy.schedule()["reason"] == "by keys"
    busy.call("POST", "schedules/parity/resume", {"reason": "x"})


def test_strip_of_decisions_is_one_stop_with_arrows_within(busy: App, open_page: Callable[..., Page]) -> None:
    page = open_page(busy.url, "#/schedules/parity?range=15min")
    marks = page.get_by_role("group", name="Decisions").get_by_role("button")
    expect(marks.first).to_be_visible()
    assert [mark.get_attribute("tabindex") for mark in marks.all()].count("0") == 1
    marks.last.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".sentence")).to_contain_text("messages at 16 each want")


def _settled(page: Page, name: str) -> None:
    ready = {"schedule": ".plot canvas", "cycle": ".gantt svg", "poison": "li.message", "settings": ".recorded"}
    page.locator(ready.get(name, "tbody tr")).first.wait_for()


def _violations(page: Page, script: str) -> list[str]:
    """What axe-core finds, with the element of each."""
    page.evaluate(script)  # as the inspector runs it, which the page's policy leaves alone
    options = {"runOnly": {"type": "tag", "values": RULES}}
    found = page.evaluate("options => axe.run(document, options).then(result => result.violations)", options)
    return [f"{each['id']}: {node['html'][:160]}" for each in found for node in each["nodes"]]


def _tab_to(page: Page, name: str, key: str = "Tab") -> None:
    for _ in range(40):
        page.keyboard.press(key)
        focused = page.evaluate(
            "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"
        )
        if focused == name:
            return
    raise AssertionError(f"{name} is not reached by {key}")


def _shift_tab_to(page: Page, name: str) -> None:
    _tab_to(page, name, "Shift+Tab")
