"""Fixtures of the dashboard's tests: a real browser, and the real app that it looks at."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.dashboard.looking import Looking
from tests.e2e.harness import App

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
# A browser that touches nothing but the pages of the tests.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")  # Playwright holds this thread's event loop, which other modules' tests need
def browser() -> Iterator[Browser]:
    """The system's Chromium, without a window; Playwright gives it a profile of its own."""
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        assert "CI" not in os.environ, "no Chromium: .ci/run installs it"
        pytest.skip("no Chromium here; install it: apt-get install chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens pages with a profile of their own; a script that failed, or met the page's own policy, fails the test."""
    looking = Looking(browser)
    yield looking.open
    looking.close()
    assert looking.faults == []


@pytest.fixture
def app(make_app: Callable[..., App]) -> App:
    """The app with the sample schedule, which looks at its queue twice a second."""
    return make_app(pollingInterval=0.5, maxPollingInterval=1).start()
