"""A healthy app in a folder, and small changes to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]

SCHEDULES = """
schedules:
  jobs:
    source: {type: storageQueue, queueName: QUEUE, connection: AzureWebJobsStorage, messageEncoding: none}
    handler: handlers.noop:handle
"""
FUNCTION_APP = """
import azure.durable_functions as df

app = df.DFApp()

@app.orchestration_trigger(context_name="context")
def eternal_scheduler(context):
    yield context.call_activity("measure", None)
"""
IDENTITY = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/ebb"


def write_app(folder: Path, queue: str, hub: str) -> Path:
    """A sample that the doctor finds nothing in, with queue and task hub of its own."""
    host = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
    host["extensions"]["durableTask"]["hubName"] = hub
    (folder / "host.json").write_text(json.dumps(host))
    (folder / "schedules.yaml").write_text(SCHEDULES.replace("QUEUE", queue))
    (folder / "function_app.py").write_text(FUNCTION_APP)
    (folder / "requirements.txt").write_text((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    return folder


def change_host(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change `host.json`; `change` gets the document."""
    host = json.loads((folder / "host.json").read_text())
    change(host)
    (folder / "host.json").write_text(json.dumps(host))


def change_schedules(folder: Path, before: str, after: str) -> None:
    """Change `schedules.yaml`."""
    text = (folder / "schedules.yaml").read_text()
    assert before in text
    (folder / "schedules.yaml").write_text(text.replace(before, after))


def container_app(settings: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What `az containerapp show` prints of a healthy deployment, as far as the doctor reads it."""
    given = {"FUNCTIONS_ENABLE_DRAIN_ON_APP_STOPPING": "true", **(settings or {})}
    return {
        "kind": "functionapp",
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY: {"clientId": "c1"}}},
        "properties": {
            "configuration": {"activeRevisionsMode": "Single", "ingress": {"external": True, "targetPort": 8080}},
            "template": {
                "terminationGracePeriodSeconds": 600,
                "containers": [
                    {"name": "ebb", "env": [{"name": name, "value": value} for name, value in given.items()]
                     + [{"name": "HIDDEN", "secretRef": "hidden"}]}
                ],
                "scale": {"minReplicas": 1, "maxReplicas": 10, "rules": None},
            },
        },
    }  # fmt: skip
