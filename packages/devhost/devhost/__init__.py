"""A local host for Durable Functions apps in Python: `python -m devhost start`, or `devhost.Host` in tests."""

from devhost.clock import Clock, ManualClock, RealClock
from devhost.host import Host

__all__ = ["Clock", "Host", "ManualClock", "RealClock"]
