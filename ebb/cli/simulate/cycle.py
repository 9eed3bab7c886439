"""The orchestrator that is simulated: the template's own, whatever the current folder holds."""

from __future__ import annotations

from ebb.cli.init import template

template.make_importable()

import ebb.cli.durable_sdk  # noqa: E402, F401 - the first import of that SDK
from orchestrators import eternal  # noqa: E402 - found only now

__all__ = ["eternal"]
