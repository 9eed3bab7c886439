"""The functions of the cycle that is simulated: the template's own, whatever the current folder holds."""

from __future__ import annotations

from ebb.cli.init import template

template.make_importable()

from activities import close_cycle, measure_backlog, process_backlog  # noqa: E402
from orchestrators import eternal  # noqa: E402

__all__ = ["close_cycle", "eternal", "measure_backlog", "process_backlog"]
