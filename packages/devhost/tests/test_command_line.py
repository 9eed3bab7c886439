"""`python -m devhost start` as a process: ready line, clean stop, resume after a kill, clear refusals."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from devhost.cli import main
from packages.devhost.tests.running import APPS, BASE, ROOT, Process


def _start_and_fail(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "devhost", "start", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)


def test_unfinished_orchestration_resumes_after_kill(tmp_path: Path) -> None:
    host = Process(APPS / "basics", tmp_path / "state")
    assert host.start("approval", "one") == 202
    assert host.call("GET", "/admin/host/status")[1]["state"] == "Running"
    host.kill()

    host = Process(APPS / "basics", tmp_path / "state")
    try:
        assert host.status("one")["runtimeStatus"] == "Running"
        assert host.call("POST", f"{BASE}/instances/one/raiseEvent/Approval", {"by": "me"})[0] == 202
        assert host.wait("one")["output"] == {"approved": {"by": "me"}}
    finally:
        assert host.stop() == 0


def test_second_host_on_one_state_is_refused_by_name(tmp_path: Path) -> None:
    first = Process(APPS / "basics", tmp_path / "state")
    try:
        arguments = ("--port", "0", "--script-root", str(APPS / "basics"), "--state", str(tmp_path / "state"))
        second = _start_and_fail(*arguments)
    finally:
        first.stop()
    assert second.returncode == 1
    assert f"held by process {first.popen.pid} since" in second.stderr


def test_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        arguments = ("--port", str(port), "--script-root", str(APPS / "basics"), "--state", str(tmp_path / "state"))
        result = _start_and_fail(*arguments)
    assert result.returncode == 1
    assert f"port {port} on 127.0.0.1 is in use" in result.stderr


def test_app_that_fails_to_import_shows_its_traceback(tmp_path: Path) -> None:
    (tmp_path / "function_app.py").write_text("import json\nvalue = json.loads('{broken')\n")
    result = _start_and_fail("--port", "0", "--script-root", str(tmp_path), "--state", str(tmp_path / "state"))
    assert result.returncode == 1
    assert "JSONDecodeError" in result.stderr
    assert "function_app.py" in result.stderr


def test_state_of_another_version_is_refused(tmp_path: Path) -> None:
    import sqlite3

    state = tmp_path / "state"
    state.mkdir()
    connection = sqlite3.connect(state / "state.db")
    connection.executescript("CREATE TABLE meta (key TEXT, value TEXT); INSERT INTO meta VALUES ('version', '0');")
    connection.close()
    arguments = ("--port", "0", "--script-root", str(APPS / "basics"), "--state", str(state))
    refused = _start_and_fail(*arguments)
    assert refused.returncode == 1
    assert "--clean" in refused.stderr

    host = Process(APPS / "basics", state, "--clean")
    assert host.stop() == 0


def test_settings_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "function_app.py").write_text("")
    (tmp_path / "host.json").write_text(json.dumps({"version": "2.0"})[:-1])
    result = _start_and_fail("--port", "0", "--script-root", str(tmp_path), "--state", str(tmp_path / "state"))
    assert result.returncode == 1
    assert "host.json is not valid JSON" in result.stderr


def test_stop_does_not_wait_for_a_thread_that_goes_on(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    host = Process(APPS / "basics", tmp_path / "state", "--grace", "0.2")
    host.start("marked", "one", {"path": str(marks), "seconds": 20})
    until = time.monotonic() + 10
    while not marks.exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    begun = time.monotonic()
    assert host.stop() == 0
    assert time.monotonic() - begun < 5


def test_activity_within_the_grace_period_ends_and_is_stored(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    host = Process(APPS / "basics", tmp_path / "state")
    host.start("marked", "one", {"path": str(marks), "seconds": 0.3})
    assert host.stop() == 0
    host = Process(APPS / "basics", tmp_path / "state")
    try:
        assert host.wait("one")["output"] == "ended"
    finally:
        host.stop()
    assert marks.read_text() == "begun\n"


def test_stop_does_not_wait_for_a_request_that_goes_on(tmp_path: Path) -> None:
    (tmp_path / "function_app.py").write_text(
        "import pathlib, time, azure.functions as func\n"
        "app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)\n"
        "@app.route(route='slow')\n"
        "def slow(req: func.HttpRequest) -> str:\n"
        f"    pathlib.Path({str(tmp_path / 'begun')!r}).touch()\n"
        "    time.sleep(20)\n"
        "    return 'late'\n"
    )
    host = Process(tmp_path, tmp_path / "state", "--grace", "0.2")
    with socket.create_connection(("127.0.0.1", int(host.url.rsplit(":", 1)[1]))) as client:
        client.sendall(b"GET /api/slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        until = time.monotonic() + 10
        while not (tmp_path / "begun").exists():
            assert time.monotonic() < until
            time.sleep(0.01)
        begun = time.monotonic()
        assert host.stop() == 0
    assert time.monotonic() - begun < 6


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--port", "99999"], "must be 0 to 65535, got '99999'"),
        (["--grace", "-1"], "must be a number of seconds, 0 or more, got '-1'"),
        (["--port", "0", "--state", "taken"], "cannot be the folder of the state"),
        (["--port", "0", "--state", "odd"], "state.db: unable to open database file"),
    ],
)
def test_option_that_cannot_be_used_is_told_in_one_line(
    arguments: list[str], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").touch()
    (tmp_path / "odd" / "state.db").mkdir(parents=True)
    try:
        status = main(["start", "--script-root", str(APPS / "basics"), *arguments])
    except SystemExit as refused:
        status = refused.code
    assert status in (1, 2)
    shown = capsys.readouterr().err
    assert why in shown
    assert "Traceback" not in shown


def test_taken_or_impossible_port_of_the_settings_is_told(tmp_path: Path) -> None:
    (tmp_path / "local.settings.json").write_text('{"Host": {"LocalHttpPort": 99999}} // too high')
    result = _start_and_fail("--script-root", str(tmp_path), "--state", str(tmp_path / "state"))
    assert "port 99999 on 127.0.0.1 cannot be used (it must be 0 to 65535)" in result.stderr
