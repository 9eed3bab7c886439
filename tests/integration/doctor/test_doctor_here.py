"""The doctor beside a running app: it looks at the storage that `up` gave it, whatever the environment says."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ebb.cli.job.template import job_for
from ebb.cli.local.state import StateFolder
from ebb.cli.main import app
from ebb.cli.running import announced
from ebb.core.settings.validation import validate_settings
from tests.azurite import Azurite

HOST = '{"version": "2.0", "extensions": {"durableTask": {"hubName": "Here"}}}'
SCHEDULES = """
schedules:
  jobs:
    source: {type: storageQueue, queueName: not-there-yet}
    handler: handlers.noop:handle
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "host.json").write_text(HOST)
    (tmp_path / "schedules.yaml").write_text(SCHEDULES)
    monkeypatch.delenv("EBB_STATE", raising=False)
    return tmp_path


def codes(folder: Path, setting: str) -> tuple[list[str], str]:
    arguments = ["doctor", "--app", str(folder), "-o", "json"]
    result = CliRunner().invoke(app, arguments, None, {"AzureWebJobsStorage": setting})
    return [each["code"] for each in json.loads(result.stdout)["findings"]], result.stderr


def test_doctor_asks_the_storage_of_the_app_that_runs_here(azurite: Azurite, folder: Path) -> None:
    wrong = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=Zm9v;QueueEndpoint=http://127.0.0.1:9/a;TableEndpoint=http://127.0.0.1:9/a"
    assert "queue-unreachable" in codes(folder, wrong)[0]
    state = StateFolder(folder / ".devhost")
    storage = azurite.blob_port, azurite.connection_string
    with state.held("http://127.0.0.1:1"), announced(state.path, "http://127.0.0.1:1", storage, "jobs", state.host_log):
        found, said = codes(folder, wrong)
        assert "queue-missing" in found
        assert "queue-unreachable" not in found
        assert not said
        table = CliRunner().invoke(app, ["doctor", "--app", str(folder)], None, {"AzureWebJobsStorage": wrong})
        assert f"storage emulator on ports {azurite.blob_port}-" in table.stderr


def test_job_template_has_its_numbers_as_json(folder: Path) -> None:
    result = CliRunner().invoke(app, ["job-template", "jobs", "--app", str(folder), "-o", "json"])
    assert result.exit_code == 0
    source = {"type": "storageQueue", "queueName": "not-there-yet"}
    job = job_for("jobs", validate_settings({"source": source, "handler": "handlers.noop:handle"}))
    assert json.loads(result.stdout) == json.loads(json.dumps(asdict(job)))
    assert "did you mean" in CliRunner().invoke(app, ["job-template", "job", "--app", str(folder)]).stderr
