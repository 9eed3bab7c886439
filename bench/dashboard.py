"""How fast the dashboard comes, and whether its pages grow while they are left open for an hour of real polling.

    .venv/bin/python -m bench.dashboard --minutes 60 --schedules 100

The app runs on the local host with storage in Azurite. First no schedule runs: the list is opened five times, and the
processor time of the host is what an open page costs. Then all run, and one of them gets messages all the time. Two
pages are open in Chromium, the list and that schedule, and poll every 2 s as for a person. Memory is what JavaScript
holds after a forced collection of garbage, with the nodes of the document and its event listeners.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import yaml
from playwright.sync_api import Browser, Page, sync_playwright

from tests.azurite import Azurite
from tests.dashboard.conftest import ARGUMENTS, CHROMIUM
from tests.e2e.harness import App, call

SETTINGS = {"pollingInterval": 30, "maxPollingInterval": 60}
PLACES = {"list": ("#/", "tbody tr"), "schedule": ("#/schedules/parity?range=15min", ".plot canvas")}
WARM_UP = 60  # seconds, until caches are full and code is compiled
BETWEEN_MESSAGES = 10  # seconds
FIRST_VIEW = """new Promise(done => {
  const look = () => document.querySelector("tbody tr") ? done(performance.now()) : requestAnimationFrame(look);
  look();
})"""
OPEN_SECONDS = 20
MEASURED = ("JSHeapUsedSize", "Nodes", "JSEventListeners")


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description="Measure the memory of pages that poll.")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--every", type=float, default=10, help="minutes between two lines")
    parser.add_argument("--schedules", type=int, default=100)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    with Azurite() as azurite:
        app = App(folder, azurite, SETTINGS)
        try:
            names = _serve(app, arguments.schedules)
            with sync_playwright() as playwright:
                program = next(filter(None, map(shutil.which, CHROMIUM)))
                browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
                _first_view(app, browser)
                _start(app, names)
                pages = {name: browser.new_context().new_page() for name in PLACES}
                _watch(app, pages, 60 * arguments.minutes, 60 * arguments.every)
                browser.close()
        finally:
            app.stop()
            app.queue.close()
            shutil.rmtree(folder)


def _serve(app: App, count: int) -> list[str]:
    """The app with that many schedules, none of them started; the queues of all but `parity` are empty."""
    file = app.root / "schedules.yaml"
    document: dict[str, Any] = yaml.safe_load(file.read_text())
    parity = document["schedules"]["parity"]
    for number in range(1, count):
        source = {**parity["source"], "queueName": f"{app.name}-{number}", "createQueue": True}
        document["schedules"][f"job-{number:03}"] = {**parity, "source": source}
    file.write_text(yaml.safe_dump(document))
    app.put(range(0))
    app.start()
    return list(document["schedules"])


def _first_view(app: App, browser: Browser) -> None:
    times: list[float] = []
    for _ in range(5):
        page = browser.new_context().new_page()
        page.goto(f"{app.url}/api/dashboard/")
        times.append(page.evaluate(FIRST_VIEW))
        page.context.close()
    page = browser.new_context().new_page()
    page.goto(f"{app.url}/api/dashboard/")
    page.locator("tbody tr").first.wait_for()
    before, began = _processor_seconds(app), time.monotonic()
    page.wait_for_timeout(1000 * OPEN_SECONDS)
    share = (_processor_seconds(app) - before) / (time.monotonic() - began)
    page.context.close()
    print(
        f"first view: best {min(times):.0f} ms, median {sorted(times)[2]:.0f} ms; one open page: {share:.2%} of a core"
    )


def _processor_seconds(app: App) -> float:
    assert app.process is not None
    process = psutil.Process(app.process.pid)
    return sum(sum(each.cpu_times()[:2]) for each in [process, *process.children(recursive=True)])


def _start(app: App, names: list[str]) -> None:
    for name in names:
        status, answer = app.call("POST", f"schedules/{name}/start", {"reason": "measured"})
        assert status in (200, 202), answer


def _watch(app: App, pages: dict[str, Page], seconds: float, every: float) -> None:
    polls: Counter[str] = Counter()
    for name, page in pages.items():
        page.on("response", lambda _, name=name: polls.update([name]))
        place, ready = PLACES[name]
        page.goto(f"{app.url}/api/dashboard/{place}")
        page.locator(ready).first.wait_for()
    _feed_and_wait(app, pages, WARM_UP)
    polls.clear()
    began = time.monotonic()
    print(f"{'minute':>6}  {'page':8} {'answers':>8} {'heap KB':>9} {'nodes':>7} {'listeners':>9}")
    while True:
        for name, page in pages.items():
            heap, nodes, listeners = _memory(page)
            minute = (time.monotonic() - began) / 60
            print(
                f"{minute:6.1f}  {name:8} {polls[name]:8} {heap / 1000:9.0f} {nodes:7.0f} {listeners:9.0f}",
                flush=True,
            )
        left = seconds - (time.monotonic() - began)
        if left <= 1:
            break
        _feed_and_wait(app, pages, min(every, left))
    _, document = call("GET", f"{app.url}/api/schedules/parity")
    print(f"parity: {document['totals']}, load of this machine {os.getloadavg()[0]:.1f}")


def _feed_and_wait(app: App, pages: dict[str, Page], seconds: float) -> None:
    """Let the pages poll for so long, with a message every few seconds."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        with contextlib.suppress(Exception):  # an emulator under load; the next one comes soon
            app.queue.send_message(str(1_700_000_000 + round(end - left) % 1000))
        next(iter(pages.values())).wait_for_timeout(1000 * min(BETWEEN_MESSAGES, left))


def _memory(page: Page) -> tuple[float, ...]:
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.enable")
    for _ in range(2):  # what finalisers hold is let go in the second
        session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    found = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    session.detach()
    return tuple(found[name] for name in MEASURED)


if __name__ == "__main__":
    main()
