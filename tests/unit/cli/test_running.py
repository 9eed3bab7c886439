"""How the command line finds the app that runs on this machine, and that it guesses none."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ebb.cli.client import Client
from ebb.cli.local.state import StateFolder
from ebb.cli.running import RECORD, announced, find_running, running_in

URL = "http://127.0.0.1:53875"
STORAGE = (20000, "AccountName=devstoreaccount1;QueueEndpoint=http://127.0.0.1:20001/devstoreaccount1")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state folder whose app runs, as `up` leaves it."""
    folder = StateFolder(tmp_path / "app/.devhost")
    with folder.held(URL), announced(folder.path, URL, STORAGE, "parity", folder.host_log):
        yield folder.path


@pytest.fixture(autouse=True)
def _no_app_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EBB_URL", "EBB_STATE"):
        monkeypatch.delenv(name, raising=False)


def test_app_is_found_from_its_folder_and_from_those_below(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = state.parent / "handlers/deep"
    below.mkdir(parents=True)
    for folder in (state.parent, below):
        monkeypatch.chdir(folder)
        client = Client.from_environment()
        assert client.url == f"{URL}/api"
        assert client.described == (f"app {URL} (process {os.getpid()}); storage emulator on ports 20000-20002")


def test_environment_names_a_state_folder_elsewhere(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_running(tmp_path, {}) is None
    monkeypatch.setenv("EBB_STATE", str(state))
    assert Client.from_environment().running == running_in(state)


def test_no_app_is_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"no app is named, and none runs here \(looked in .*\.devhost") as refused:
        Client.from_environment()
    assert "--url" in str(refused.value)


def test_address_that_is_given_wins_and_tells_no_storage_of_another(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(state.parent)
    other = Client.from_environment("https://elsewhere.example")
    assert (other.url, other.running) == ("https://elsewhere.example/api", None)
    assert other.described == "app https://elsewhere.example"
    same = Client.from_environment(f"{URL}/api")
    assert same.running is not None


def test_record_of_a_run_that_was_killed_does_not_count(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    with folder.held(URL), announced(folder.path, URL, STORAGE, "parity", folder.host_log):
        text = (folder.path / RECORD).read_text()
        assert running_in(folder.path) is not None
        with (folder.path / "up.lock").open() as second, pytest.raises(BlockingIOError):  # looking has not freed it
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert not (folder.path / RECORD).exists()
    (folder.path / RECORD).write_text(text)  # as after a kill: the file is there, and nobody holds the lock
    assert running_in(folder.path) is None
    (folder.path / RECORD).write_text(json.dumps({**json.loads(text), "pid": 2**22 + 1}))
    assert running_in(folder.path) is None
    (folder.path / RECORD).write_text("{")
    assert running_in(folder.path) is None
