"""Pages of the dashboard in a browser, as tests look at them."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

POLICY = re.compile(r"Content.Security.Policy|Refused to", re.IGNORECASE)
expect.set_options(timeout=15_000)


class Looking:
    """Opens pages, and notes what goes wrong in them that nobody sees."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.faults: list[str] = []

    def open(self, url: str, place: str = "", **options: Any) -> Page:
        """The dashboard of the app at `url`, at the part of the address behind its `#`."""
        context = self._browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        self._contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self._listen)
        page.goto(f"{url}/api/dashboard/{place}")
        return page

    def close(self) -> None:
        """Close everything that was opened."""
        for context in self._contexts:
            context.close()

    def _listen(self, message: ConsoleMessage) -> None:
        if POLICY.search(message.text):
            self.faults.append(message.text)


def row_of(page: Page, name: str) -> Locator:
    """The row of schedule `name` on the overview."""
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def answer(page: Page, reason: str, button: str) -> None:
    """Give the open question its reason, and press its button."""
    page.get_by_role("dialog").get_by_label("Reason").fill(reason)
    page.get_by_role("dialog").get_by_role("button", name=button, exact=True).click()
