"""A child process that ends too soon: what is shown of its log."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ebb.cli.local.children import Child, child
from ebb.cli.local.errors import LocalError


@pytest.mark.parametrize("kept", [False, True])
async def test_only_what_this_run_wrote_is_shown(tmp_path: Path, kept: bool) -> None:
    log = tmp_path / "app.log"
    log.write_text("Traceback of yesterday\n")
    command = [sys.executable, "-c", "import sys; print('no table'); sys.exit(3)"]
    async with child(
        "the app", command, log=log, folder=tmp_path, environment=os.environ, grace=5, kept=kept
    ) as started:
        with pytest.raises(LocalError) as ended:
            await _ended(started)
    assert str(ended.value) == f"the app ended with status 3; the end of {log}:\n  no table"
    assert log.read_text().startswith("Traceback of yesterday\n")


async def _ended(started: Child) -> None:
    while True:
        await started.check_soon()
