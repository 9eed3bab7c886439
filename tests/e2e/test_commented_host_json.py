"""Commands in the folder of an app whose host.json has comments, as the Functions host takes them.

In processes of their own: the Durable SDK reads that file on its import, but not where pytest is loaded.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

APP = """
import azure.durable_functions as df
import azure.functions as func

app = df.DFApp()


@app.queue_trigger(arg_name="message", queue_name="jobs", connection="AzureWebJobsStorage")
def take(message: func.QueueMessage) -> None: ...
"""
HOST = """{
  // as people write it
  "version": "2.0",
  "extensions": {"queues": {"batchSize": 4, "newBatchThreshold": 0,}}, /* and with a comma too many */
}
"""


@pytest.fixture
def commented(tmp_path: Path) -> Path:
    (tmp_path / "function_app.py").write_text(APP)
    (tmp_path / "host.json").write_text(HOST)
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *arguments]
    environment = {**os.environ, "AzureWebJobsStorage": "UseDevelopmentStorage=true", "COLUMNS": "200"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("how", [(), ("--source",)], ids=["indexed", "read"])
def test_scale_rules_are_derived(commented: Path, how: tuple[str, ...]) -> None:
    done = run(commented, "ebb", "scale-rules", "-o", "yaml", *how)
    assert done.returncode == 0, done.stderr
    assert "queueLength: '4'" in done.stdout
    assert ("its source" in done.stdout) == bool(how), "the app imports here"


def test_doctor_looks_at_it(commented: Path) -> None:
    done = run(commented, "ebb", "doctor", "--offline")
    assert "Traceback" not in done.stdout + done.stderr
    assert done.returncode in (0, 1)


def test_local_host_serves_it(commented: Path) -> None:
    code = """
import asyncio, devhost, sys

async def main():
    async with devhost.Host(sys.argv[1]):
        print("up")

asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(commented)],
        cwd=commented,
        env={**os.environ, "AzureWebJobsStorage": "UseDevelopmentStorage=true"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "JSONDecodeError" not in done.stderr
    assert done.stdout == "up\n", done.stderr
