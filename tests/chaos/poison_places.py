"""The poison places as an operator sees and empties them: through the app's own API.

So the copies of one message that a lost answer leaves behind are one here, as `list` and `purge` promise, and a reason
that lies beside a body of full size is found or missed as it would be by a person.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.chaos.app import book
from tests.chaos.host import Host
from tests.chaos.sessions import SessionFeeder
from tests.chaos.storage import Feeder


def collect(host: Host, name: str, feeder: Feeder | SessionFeeder, ledger: Path) -> None:
    """Write down and remove what is in the poison place of schedule `name`.

    What the app does not say or does not remove stays there for the next call.
    """
    while feeder.has_poison():
        status, page = host.call("GET", f"schedules/{name}/poison")
        found: list[dict[str, Any]] = page.get("value") or []
        if status != 200 or not found:
            return
        ids = [each["id"] for each in found]
        status, _ = host.call("DELETE", f"schedules/{name}/poison", {"ids": ids})
        if status != 200:
            return
        _write_down(found, feeder, ledger)


def look(host: Host, name: str, feeder: Feeder | SessionFeeder, ledger: Path, count: int) -> bool:
    """Write down what is in the poison place, once `count` messages are there; they stay."""
    status, page = host.call("GET", f"schedules/{name}/poison?top={count}")
    found: list[dict[str, Any]] = page.get("value") or []
    if status != 200 or len(found) < count:
        return False
    _write_down(found, feeder, ledger)
    return True


def _write_down(found: list[dict[str, Any]], feeder: Feeder | SessionFeeder, ledger: Path) -> None:
    for each in found:
        whole = feeder.is_body_of(each["id"], each["body"]) if each["bodyEncoding"] == "text" else True
        number = _number_in(each["body"])
        book.write(ledger, "poisoned", message=each["id"], number=number, reason=each["reason"], whole=whole)


def _number_in(body: str) -> int | None:
    try:
        order = json.loads(body)
    except ValueError:
        return None
    number = order.get("n") if isinstance(order, dict) else None
    return number if isinstance(number, int) else None
