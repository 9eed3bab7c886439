"""An app does not load what its sources do not need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
LIBRARIES = ("azure.servicebus", "azure.eventhub", "azure.storage.blob", "confluent_kafka", "aio_pika", "boto3")
CODE = f"""
import sys
import function_app
loaded = [name for name in {LIBRARIES!r} if name in sys.modules]
loaded += [name for name in sys.modules if name.startswith("ebb.sources.") and name.endswith((".source", ".client"))]
print(" ".join(loaded))
"""


def test_app_loads_no_source_and_no_library_before_a_cycle_needs_it() -> None:
    environment = {**os.environ, "AzureWebJobsStorage": "UseDevelopmentStorage=true"}
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
