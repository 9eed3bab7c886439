"""A local host for Durable Functions apps in Python: `python -m devhost start`, or `devhost.Host` in tests."""

from devhost import durable_sdk  # noqa: F401 # pyright: ignore[reportUnusedImport] - the first import of that SDK  # isort: skip
from devhost.clock import Clock, ManualClock, RealClock
from devhost.host import Host

__all__ = ["Clock", "Host", "ManualClock", "RealClock"]
