"""Makes the pictures of docs/dashboard.md: `.venv/bin/python -m tests.dashboard.screens`.

A real app on a storage emulator, with schedules in several states and an hour of history; each page is taken light and
dark, 1280 and 390 pixels wide.
"""

from __future__ import annotations

import io
import shutil
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from azure.storage.queue import QueueClient
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from ebb.core.clock import rfc3339
from tests.azurite import Azurite
from tests.dashboard.conftest import ARGUMENTS, CHROMIUM
from tests.dashboard.history import write_cycles
from tests.dashboard.test_pages import poison
from tests.e2e.harness import App

FOLDER = Path(__file__).parents[2] / "docs/dashboard"
PLACES = {
    "overview": ("#/", "tbody tr"),
    "schedule": ("#/schedules/parity?range=1h", ".plot canvas"),
    "cycle": ("#/schedules/parity/cycles/23", ".gantt svg"),
    "poison": ("#/schedules/parity/poison", "li.message"),
    "settings": ("#/schedules/parity/settings", ".recorded"),
    "events": ("#/schedules/parity/events", "tbody tr"),
}
OTHERS = ("invoices", "mails", "nightly-report", "thumbnails", "stock-sync", "webhooks")
SLOW = {"handler": "tests.integration.control.work:handle", "concurrency": 2, "maxExecutions": 6, "queueLength": 10}


def main() -> None:
    """Make all pictures."""
    folder = Path(tempfile.mkdtemp())
    with Azurite() as azurite:
        app = App(folder, azurite, {**SLOW, "pollingInterval": 5, "maxPollingInterval": 30})
        try:
            _fill(app, azurite)
            with sync_playwright() as playwright:
                program = next(filter(None, map(shutil.which, CHROMIUM)))
                browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
                for width in (1280, 390):
                    for scheme in ("light", "dark"):
                        _take(browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme), app)
                browser.close()
        finally:
            app.stop()
            app.queue.close()
            shutil.rmtree(folder)


def _take(page: Page, app: App) -> None:
    FOLDER.mkdir(exist_ok=True)
    width, dark = page.viewport_size, page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert width is not None
    for name, (place, ready) in PLACES.items():
        page.goto("about:blank")
        page.goto(f"{app.url}/api/dashboard/{place}")
        page.locator(ready).first.wait_for()
        if name == "settings":
            page.get_by_label("maxExecutions", exact=True).fill("3")
            page.locator(".beside p").filter(has_text="held to 3 by maxExecutions").wait_for()
        page.wait_for_timeout(800)
        picture = Image.open(io.BytesIO(page.screenshot(full_page=True)))
        picture = picture.crop((0, 0, picture.width, min(picture.height, 1500)))
        file = FOLDER / f"{name}-{width['width']}-{'dark' if dark else 'light'}.png"
        picture.convert("RGB").quantize(96).save(file, optimize=True)


def _fill(app: App, azurite: Azurite) -> None:
    file = app.root / "schedules.yaml"
    document: dict[str, Any] = yaml.safe_load(file.read_text())
    parity = document["schedules"]["parity"]
    for name in OTHERS:
        source = {**parity["source"], "queueName": f"{app.name}-{name}", "createQueue": name != "mails"}
        document["schedules"][name] = {**parity, "source": source}
    document["schedules"]["nightly-report"] |= {"waitMode": "cron", "cron": "30 2 * * *", "timeZone": "Europe/Berlin"}
    file.write_text(yaml.safe_dump(document))
    write_cycles(azurite.connection_string, app.name, {"parity": [_cycle(number) for number in range(1, 56)]})
    app.start()
    for name in ("parity", *OTHERS[:-2]):
        app.call("POST", f"schedules/{name}/start", {"reason": "release 2026.11"})
    app.call("PATCH", "schedules/parity/settings", {"visibilityTimeout": 120})
    app.call("POST", "schedules/invoices/pause", {"reason": "the database moves until noon; ask Ann"})
    poison(azurite, app, '{"order": 4711, "customer": "Müller & Söhne"}', "seventeen", "\x01\x02 raw").close()
    app.put(range(0))
    for _ in range(300):
        app.queue.send_message("8")
    with QueueClient.from_connection_string(azurite.connection_string, f"{app.name}-thumbnails") as queue:
        time.sleep(1)
        for _ in range(12):
            queue.send_message("0.2")
    app.call("POST", "schedules/thumbnails/trigger", {"reason": "x"})
    app.call("POST", "schedules/parity/trigger", {"reason": "the new orders should not wait"})
    time.sleep(4)


def _cycle(number: int) -> dict[str, Any]:
    """One cycle a minute; its backlog swells and ebbs, and some executions fail."""
    ended = datetime.now(UTC) - timedelta(minutes=56 - number)
    count = max(int(90 - abs(number - 25) * 4 + (number * 7) % 13), 4)
    wanted = -(-count // 10)
    executions = [_execution(number, index, ended) for index in range(min(wanted, 6))]
    reason = f"{count} messages at 10 each want {wanted} executions"
    held = wanted > 6
    failed = sum(each["failed"] for each in executions)
    return {
        "cycle": number,
        "startedAt": rfc3339(ended - timedelta(seconds=35)),
        "endedAt": rfc3339(ended),
        "backlog": {"count": count, "measuredAt": rfc3339(ended - timedelta(seconds=35))},
        "decision": {
            "executions": len(executions),
            "reason": f"{reason}, held to 6 by maxExecutions" if held else reason,
            "limitedBy": "maxExecutions" if held else None,
            "code": "heldToMaximum" if held else "asWanted",
        },
        "executions": executions,
        "processed": sum(each["processed"] for each in executions),
        "failed": failed,
        "poisoned": 0,
        "outcome": "failed" if failed else "succeeded",
        "error": "TimeoutError: the warehouse does not answer" if failed else None,
        "wait": {"seconds": 25.0, "reason": "polling in 25 s", "limitedBy": None, "code": "polling", "missedTicks": 0},
    }


def _execution(cycle: int, index: int, ended: datetime) -> dict[str, Any]:
    fails = (cycle * 5 + index) % 23 == 0
    return {
        "index": index,
        "startedAt": rfc3339(ended - timedelta(seconds=34 - index)),
        "endedAt": rfc3339(ended - timedelta(seconds=(cycle * 3 + index * 7) % 12)),
        "outcome": "failed" if fails else "succeeded",
        "received": 10,
        "processed": 6 if fails else 10,
        "failed": 4 if fails else 0,
        "poisoned": 0,
        "serviceSeconds": 21.5,
        "oldestMessageAge": 12.5 + cycle,
        "error": "TimeoutError: the warehouse does not answer" if fails else None,
    }


if __name__ == "__main__":
    main()
