"""A process that records a little of everything and ends."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[3]
USE = """
import logging, os, sys
logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
from ebb.telemetry.export import recorder_from
recorder = recorder_from(os.environ)
recorder.cycle_opened("job", 7, 2, None)
recorder.incident("job", "start")
handled = recorder.timed("job", lambda message: None)
handled(None)
where = {"schedule": "job", "cycle": 4, "execution": 1}
times = {"startedAt": "2026-01-01T00:00:00.000Z", "endedAt": "2026-01-01T00:00:02.000Z"}
counts = {"processed": 3, "received": 3}
from datetime import UTC, datetime
from ebb.core.documents import Execution
with recorder.execution(where, "me", "memory", "work", datetime(2026, 1, 1, tzinfo=UTC)) as span:
    did = Execution.from_document({"index": 0, "outcome": "succeeded", **counts, **times})
    recorder.execution_ended(span, "job", did)
logging.getLogger("ebb").info("execution ended", extra=where)
"""


def run(python: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    given = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", **environment}
    return subprocess.run([str(python), "-c", USE], cwd=ROOT, env=given, capture_output=True, text=True, timeout=60)
