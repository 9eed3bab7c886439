"""Which app a command is about, and that every command reads its schedules as the app itself does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ebb.cli.app_folder import app_settings, find_app, schedules_of
from ebb.cli.doctor.subject import Supplied, read_subject
from ebb.cli.local.errors import LocalError
from ebb.cli.local.schedule import read_schedule
from ebb.cli.main import app
from ebb.core.errors import SettingsError

SLOW = "schedules: {slow: {source: {type: tick}, handler: 'handlers.noop:handle', replicaTimeout: 700}}"
REFUSED = "functionTimeout"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "host.json").write_text('{"version": "2.0", "functionTimeout": "00:10:00"}')
    (tmp_path / "schedules.yaml").write_text(SLOW)
    return tmp_path


def test_folder_without_an_app_is_named_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for given in (None, tmp_path):
        with pytest.raises(SettingsError, match=rf"^{tmp_path} has no host.json: name .* --app DIR"):
            find_app(given)
    with pytest.raises(SettingsError, match="nowhere is not a folder"):
        find_app(Path("nowhere"))


@pytest.mark.parametrize("verb", [["scale-rules"], ["doctor"], ["job-template", "slow"], ["simulate"]])
def test_command_outside_any_app_says_where_it_looked(
    verb: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(app, verb)
    assert ended.exit_code != 0
    assert str(tmp_path) in ended.stderr
    assert "--app DIR" in ended.stderr


def test_every_reader_knows_the_time_limit_of_the_host(folder: Path) -> None:
    with pytest.raises(SettingsError, match=REFUSED):
        schedules_of(folder, {})
    with pytest.raises(LocalError, match=REFUSED):
        read_schedule(folder, "slow", {})
    assert REFUSED in (read_subject(folder, Supplied()).schedules_fault or "")
    for verb in (["job-template", "slow", "--app", str(folder)], ["simulate", "--app", str(folder)]):
        ended = CliRunner().invoke(app, verb)
        assert ended.exit_code == 1
        assert REFUSED in ended.stderr
    assert schedules_of(folder, {"AzureFunctionsJobHost__functionTimeout": "00:20:00"})["slow"].replica_timeout == 700


def test_settings_of_the_folder_count_and_the_environment_wins(folder: Path) -> None:
    (folder / "local.settings.json").write_text(json.dumps({"Values": {"A": "1", "B": 2}}))
    assert app_settings(folder, {"B": "3"}) == {"A": "1", "B": "3"}
    (folder / "local.settings.json").write_text("[]")
    with pytest.raises(SettingsError, match="must hold one JSON object"):
        app_settings(folder, {})


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ('{"Values": {"Flag": true}}', "Flag", "true"),
        ('{"Values": {"Size": 8}}', "Size", "8"),
        ('{"values": {"Ratio": 0.5}}', "Ratio", "0.5"),
        ('{"Values": {"Nothing": null}}', "Nothing", None),
        ('{"ConnectionStrings": {"Db": "Server=x"}}', "ConnectionStrings:Db", "Server=x"),
        ('{"ConnectionStrings": {"Db": {"ConnectionString": "Server=x", "ProviderName": "p"}}}', "ConnectionStrings:Db",
         "Server=x"),
        ('{"IsEncrypted": "false", "Values": {"A": "b"}}', "A", "b"),
    ],
)  # fmt: skip
def test_app_settings_are_what_the_core_tools_make_of_them(
    folder: Path, text: str, name: str, value: str | None
) -> None:
    (folder / "local.settings.json").write_text(text)
    assert app_settings(folder, {}).get(name) == value


def test_encrypted_settings_are_refused_with_the_way_out(folder: Path) -> None:
    (folder / "local.settings.json").write_text('{"IsEncrypted": true, "Values": {"A": "b"}}')
    with pytest.raises(SettingsError, match="encrypted: run `func settings decrypt`"):
        app_settings(folder, {})
