"""Records what the engines say of a failure, whole, into tests/data/failures.json.

    .venv/bin/python -m tests.engine.behaviours.failures

EBB_OTHER_PYTHON names a Python with SDK 2.x: then realhost answers with both. Ids and folders are taken out.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

from bench.columns import columns
from ebb.cli.local.engines import Engine
from tests.azurite import Azurite
from tests.e2e.harness import ROOT
from tests.engine.behaviours.asked import Asked

RECORDED = ROOT / "tests/data/failures.json"
TEXT = "it is broken\nin two lines"
WHY = ("itself", "activity", "orchestration")  # what an orchestration fails for
_FOLDER = re.compile(r'(File \\*")[^"]*/')
_ID = re.compile(r"[0-9a-f]{32}")


def main() -> None:
    """Ask each engine that is here; what was recorded of others stays."""
    recorded = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    for column in columns(["devhost", "realhost"]):
        recorded[column.title] = _ask(column.engine)
    RECORDED.write_text(json.dumps(recorded, indent=1) + "\n")


def _ask(engine: Engine) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder, Azurite() as azurite:
        asked = Asked(engine, azurite, Path(folder))
        try:
            asked.host.start()
            found = {"an activity, as the orchestration sees it": asked.output("tells_failure", {"text": TEXT})}
            for why in WHY:
                failed = asked.until(asked.start("fails", {"why": why}), "Failed")
                found[f"an orchestration by {why}, as its status shows it"] = failed["output"]
        finally:
            asked.host.clean_up()
    return {name: _ID.sub("<instance>", _FOLDER.sub(r"\1<folder>/", text)) for name, text in found.items()}


if __name__ == "__main__":
    main()
