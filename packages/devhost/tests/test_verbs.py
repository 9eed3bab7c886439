"""The commands that talk to a running host."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from devhost.cli import main
from packages.devhost.tests.running import APPS, Process


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    host = Process(APPS / "basics", tmp_path_factory.mktemp("verbs") / "state")
    yield host
    host.stop()


def _run(running: Process, capsys: pytest.CaptureFixture[str], *arguments: str) -> object:
    assert main([*arguments, "--url", running.url]) == 0, capsys.readouterr().err
    shown = capsys.readouterr().out
    return json.loads(shown) if shown.startswith(("{", "[")) else shown


def test_start_new_and_status_and_history_of_an_instance(running: Process, capsys: pytest.CaptureFixture[str]) -> None:
    started = _run(running, capsys, "start-new", "--function-name", "chain", "--id", "v1")
    assert started["id"] == "v1"
    running.wait("v1")
    status = _run(running, capsys, "get-runtime-status", "--id", "v1")
    assert status["output"] == ["Hello Tokyo!", "Hello Seattle!", "Hello London!"]
    history = _run(running, capsys, "get-history", "--id", "v1")
    assert next(event["EventType"] for event in history) == "ExecutionStarted"


def test_raise_event_suspend_resume_and_terminate(running: Process, capsys: pytest.CaptureFixture[str]) -> None:
    for instance_id in ("v2", "v3"):
        _run(running, capsys, "start-new", "--function-name", "approval", "--id", instance_id)
    _run(running, capsys, "suspend", "--id", "v2", "--reason", "wait")
    assert running.status("v2")["runtimeStatus"] == "Suspended"
    _run(running, capsys, "resume", "--id", "v2")
    _run(running, capsys, "raise-event", "--id", "v2", "--event-name", "Approval", "--event-data", "true")
    assert running.wait("v2")["output"] == {"approved": True}
    _run(running, capsys, "terminate", "--id", "v3", "--reason", "enough")
    assert running.wait("v3")["output"] == "enough"


def test_purge_history_removes_what_ended(running: Process, capsys: pytest.CaptureFixture[str]) -> None:
    _run(running, capsys, "start-new", "--function-name", "chain", "--id", "v4")
    running.wait("v4")
    assert _run(running, capsys, "purge-history", "--id", "v4") == {"instancesDeleted": 1}
    listed = _run(running, capsys, "get-instances", "--runtime-status", "completed", "--top", "100")
    assert "v4" not in [one["instanceId"] for one in listed]


def test_unknown_instance_is_told_with_status_one(running: Process, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["terminate", "--id", "nobody", "--url", running.url]) == 1
    assert "404: there is no instances/nobody/terminate" in capsys.readouterr().err


def test_delete_task_hub_is_refused_while_a_host_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = tmp_path / "state"
    host = Process(APPS / "basics", state)
    assert main(["delete-task-hub", "--state", str(state)]) == 1
    assert f"held by process {host.popen.pid}" in capsys.readouterr().err
    host.stop()
    assert main(["delete-task-hub", "--state", str(state)]) == 0
    assert not (state / "state.db").exists()


def test_missing_host_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["get-instances", "--url", "http://127.0.0.1:9"]) == 1
    assert "no host answers at http://127.0.0.1:9" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--input", "@/no/such/file"], "/no/such/file cannot be read"),
        (["--url", "notaurl"], "--url must begin with http:// or https://, got 'notaurl'"),
        (["--url", "http://127.0.0.1:x"], "no host answers at http://127.0.0.1:x"),
    ],
)
def test_argument_that_cannot_be_used_is_told(
    arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["start-new", "--function-name", "chain", *arguments]) == 1
    assert why in capsys.readouterr().err
