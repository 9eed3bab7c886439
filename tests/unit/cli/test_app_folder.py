"""Which app a command is about, and that every command reads its schedules as the app itself does."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ebb.cli.app_folder import app_settings, find_app, schedules_of
from ebb.cli.doctor.subject import Supplied, read_subject
from ebb.cli.examples import EXAMPLES
from ebb.cli.local.errors import LocalError
from ebb.cli.local.schedule import read_schedule
from ebb.cli.main import app
from ebb.core.errors import SettingsError

UNNAMED = {"EBB_URL": None, "EBB_STATE": None, "NO_COLOR": "1", "TERM": "dumb"}
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


@pytest.mark.parametrize("verb", sorted(EXAMPLES.keys() - {"init", "completion"}))  # those two need no app
def test_command_outside_any_app_says_where_it_looked_and_how_to_name_one(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(app, shlex.split(EXAMPLES[verb][0])[1:], env=UNNAMED)
    assert ended.exit_code == 2
    (told,) = ended.stderr.splitlines()  # one sentence, and no question before it
    assert str(tmp_path) in told
    assert any(way_out in told for way_out in ("--app DIR", "--url", "EBB_STATE"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", ["up", "test", "doctor", "scale-rules", "simulate", "job-template slow", "feed slow"])
def test_command_with_a_folder_that_holds_no_app_names_that_folder(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    other = tmp_path / "other"
    ended = CliRunner().invoke(app, [*verb.split(), "--app", str(other)], env=UNNAMED)
    assert ended.exit_code == 2
    assert str(other) in ended.stderr


def test_app_without_ebb_is_told_how_to_get_it(folder: Path) -> None:
    (folder / "schedules.yaml").unlink()
    for verb in ("up", "simulate", "job-template slow"):
        ended = CliRunner().invoke(app, [*verb.split(), "--app", str(folder)], env=UNNAMED)
        assert ended.exit_code == 2
        assert f"{folder} has no schedules.yaml: add Ebb by ebb init --into {folder}" in ended.stderr


def test_every_reader_knows_the_time_limit_of_the_host(folder: Path) -> None:
    with pytest.raises(SettingsError, match=REFUSED):
        schedules_of(folder, {})
    with pytest.raises(LocalError, match=REFUSED):
        read_schedule(folder, "slow", {})
    assert REFUSED in (read_subject(folder, Supplied()).schedules_fault or "")
    for verb in (["job-template", "slow", "--app", str(folder)], ["simulate", "--app", str(folder)]):
        ended = CliRunner().invoke(app, verb)
        assert ended.exit_code == (2 if verb[0] == "simulate" else 1)
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
