"""The findings, for people and for tools."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from ebb.cli.colours import SEVERITIES
from ebb.cli.doctor.finding import Finding
from ebb.cli.idle_cost import IdleCost
from ebb.core.wording import counted


def findings_json(findings: Sequence[Finding], idle: IdleCost | None = None) -> str:
    """`{"errors", "warnings", "findings": [{"code", "severity", "what", "why", "fix"}], "idle"}`.

    "idle" is `{"requestsPerHour", "dollarsPerMonth"}` of a host that does nothing; null where that is not known.
    """
    counts = {f"{kind}s": sum(finding.severity == kind for finding in findings) for kind in ("error", "warning")}
    cost = None if idle is None else idle.to_document()
    found = [finding.to_document() for finding in findings]
    return json.dumps({**counts, "findings": found, "idle": cost}, indent=2)


def print_findings(findings: Sequence[Finding], console: Console, idle: IdleCost | None = None) -> None:
    """One block a finding, then what an idle host costs, then a line that sums up."""
    for finding in findings:
        console.print(Text(f"{finding.severity:7} {finding.what}", style=SEVERITIES[finding.severity]), soft_wrap=True)
        console.print(Text(f"        why:  {finding.why}"), soft_wrap=True)
        console.print(Text(f"        fix:  {finding.fix}   [{finding.code}]"), soft_wrap=True)
    if idle is not None:
        console.print(Text(str(idle)), soft_wrap=True)
    errors = sum(finding.severity == "error" for finding in findings)
    told = f"{counted(errors, 'error')}, {counted(len(findings) - errors, 'warning')}"
    console.print(told if findings else "nothing found: healthy")
