"""Queues of a server that lives in this process: a kind of source for the test of CONTRIBUTING.md."""

from ebb.sources.demo.settings import DemoSettings
from ebb.sources.kind import Kind

KIND = Kind(
    "demo",
    DemoSettings,
    source="ebb.sources.demo.source:open_demo",
    poison="ebb.sources.demo.poison:open_poison",
    feed="ebb.sources.demo.feed:open_feed",
    hints="ebb.sources.demo.hints:look",
)
