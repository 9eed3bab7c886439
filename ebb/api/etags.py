"""ETags of a Schedule: one part for what operators set, one for what changes by itself with every cycle.

`"<control>.<live>"`. If-None-Match compares the whole, so that a poller sees every change; If-Match the control
part alone, so that a cycle that went by does not refuse an operator's change, while another operator's does.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

import azure.functions as func

from ebb.api.headers import header
from ebb.core.clock import rfc3339
from ebb.core.errors import RequestRefusedError
from ebb.core.row.schedule_row import ScheduleRow
from ebb.core.settings.schedules import Schedules

_TAG = re.compile(r'(W/)?"([^"]*)"')


def control_tag(row: ScheduleRow, schedules: Schedules) -> str:
    """The control part: intent with its reason and end, overrides, and the deployed settings."""
    until = rfc3339(row.until) if row.until else None
    return _digest([row.intent, row.reason, until, dict(row.overrides), schedules.fingerprint(row.name)])


def etag_of(control: str, document: Mapping[str, Any]) -> str:
    """The ETag of a Schedule document."""
    return f'"{control}.{_digest(document)}"'


def is_known(req: func.HttpRequest, tag: str) -> bool:
    """Whether If-None-Match says that the caller has this version (weak comparison, as RFC 9110 says for it)."""
    given = header(req, "if-none-match") or ""
    return given.strip() == "*" or f'"{tag[1:-1]}"' in {f'"{found[2]}"' for found in _TAG.finditer(given)}


class Precondition:
    """The If-Match of a request; `check` holds it against a row as it was read for the change."""

    def __init__(self, req: func.HttpRequest, schedules: Schedules) -> None:
        self._given, self._schedules = (header(req, "if-match") or "").strip(), schedules

    def check(self, row: ScheduleRow) -> None:
        """Pass if there is no If-Match, or one that names this version.

        Raises:
            RequestRefusedError: 412, an operator or a deployment changed the schedule since.
        """
        if not self._given or self._given == "*":
            return
        tags = {found[2].split(".")[0] for found in _TAG.finditer(self._given) if not found[1]}
        if control_tag(row, self._schedules) not in tags:
            detail = "the schedule was changed since you read it; read it again, and decide again"
            raise RequestRefusedError("changedSince", detail)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
