"""Messages that nobody expects: empty, huge, of any characters, not in the encoding that the settings name."""

from __future__ import annotations

import re
import time

from azure.core.exceptions import AzureError

from tests.chaos.checker import Violation
from tests.chaos.scenario import AFTER_STORE, Scenario, add
from tests.chaos.world import World

LARGEST = 65_536  # bytes of a message's text
ODD = (
    "",
    " ",
    "null",
    "[]",
    '{"n": "x"}',
    "<QueueMessage><MessageText>&amp;</MessageText></QueueMessage>",
    "]]>&#1;&lt;",
    "a\tb",
    "\u00e9\u4e2d\U0001f600\u200f\ufeff",
    "\u0085\u2028",
    "x" * LARGEST,
    "refuse this",
    "refuse " + "y" * 40_000,
)
NOT_BASE64 = ("?", "no base64", "QQ", "Q=Q=", "gICA", "\u00e9", "{}")


def odd_texts(world: World) -> None:
    """Bodies that are not JSON, or other JSON: the handler gets them as they are."""
    feeder = world.feeders["s0"]
    with world.broken("odd messages", doubles=False):
        world.feed(5)
        for text in ODD:
            feeder.put_text(world.number(), "odd", text)
        world.feed(5)
        world.drain()


def huge_poison(world: World) -> None:
    """A message of nearly the largest size that becomes poison keeps its body and its reason."""
    feeder = world.feeders["s0"]
    with world.broken("huge poison", doubles=False):
        for size in (48_000, 60_000, LARGEST - 7):
            feeder.put_text(world.number(), "poison", "refuse " + "z" * size)
        world.feed(5)
        world.drain()


def not_base64(world: World) -> None:
    """Texts that are not in the queue's encoding, and bytes that are not text."""
    feeder = world.feeders["s0"]
    with world.broken("not base64", doubles=False):
        for text in NOT_BASE64:
            feeder.put_stored({"number": world.number(), "job": "odd", "schedule": "s0"}, text)
        world.feed(5)
        world.drain()


def forbidden_character(world: World) -> None:
    """A character that XML forbids blocks every receive of the emulator: the status says what to do, and work goes on
    once an operator has cleared the queue.
    """
    feeder = world.feeders["s0"]
    try:
        feeder.queue.send_message("before \x01 after")
    except AzureError:
        return  # the storage refuses it: nothing is blocked
    with world.broken("forbidden character"):
        told = _told(world, 12.0)
        world.faults_missed += told is None
        feeder.queue.clear_messages()
        world.feed(10)
    if told is not None and not re.search(r"message|character", told):
        world.remarks.append(Violation("status", f"nobody is told that a message blocks the queue: {told[:200]}"))


def _told(world: World, seconds: float) -> str | None:
    """What the status says while the queue is blocked; None where it says nothing in that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        _, document = world.host.call("GET", "schedules/s0")
        if document.get("error"):
            return str(document["error"])
        time.sleep(0.2)
    return None


add(Scenario("message-odd", odd_texts, rounds=5))
add(Scenario("message-huge", huge_poison, rounds=3))
add(Scenario("message-base64", not_base64, world={"encoding": "base64"}, rounds=5))
add(Scenario("message-control", forbidden_character, AFTER_STORE, rounds=3))
