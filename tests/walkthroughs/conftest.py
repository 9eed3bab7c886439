"""What all walkthroughs share: apps of their own, and the command line as a person types it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.azurite import Azurite
from tests.e2e.harness import ROOT

Ebb = Callable[..., str]


@pytest.fixture
def ebb(azurite: Azurite) -> Ebb:
    """Runs `python -m ebb` and returns what it printed; it must end well."""

    def run(*arguments: str, url: str = "http://127.0.0.1:9") -> str:
        environment = {
            **os.environ,
            "EBB_URL": url,
            "AzureWebJobsStorage": azurite.connection_string,
            "COLUMNS": "140",
            "NO_COLOR": "1",
        }
        done = subprocess.run(
            [sys.executable, "-m", "ebb", *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
