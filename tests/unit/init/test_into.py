"""`ebb init --into DIR`: what it shows, what it refuses, and that nothing is written before `--yes`."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ebb.cli.init.collisions import Function, functions_of_ebb, same_functions
from ebb.cli.init.entry import with_ebb
from ebb.cli.init.folder_changes import InitError
from ebb.cli.init.json_text import with_member
from ebb.cli.main import app

MINUTE = {"controlQueueVisibilityTimeout": "00:01:00", "workItemQueueVisibilityTimeout": "00:01:00"}
PLAIN = 'import azure.functions as func\n\napp = func.FunctionApp()\n\n\n@app.route(route="x")\ndef x(req): ...\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "host.json").write_text('{"version": "2.0"}\n')
    (tmp_path / "function_app.py").write_text(PLAIN)
    return tmp_path


def into(folder: Path, *flags: str) -> tuple[int, str]:
    arguments = ["init", "--into", str(folder), *flags]
    ended = CliRunner().invoke(app, arguments, env={"COLUMNS": "300", "TERM": "dumb"})
    assert "Traceback" not in ended.output
    return ended.exit_code, ended.output


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and ".git/" not in str(path)}


def test_without_yes_it_only_shows(folder: Path) -> None:
    before = contents(folder)
    status, shown = into(folder)
    assert status == 0
    assert "new      ebb_app/orchestrators/eternal.py" in shown
    assert "+add_ebb(app, __file__)" in shown
    assert '+  "extensionBundle": {' in shown
    assert "nothing is written yet: --yes writes it" in shown
    assert contents(folder) == before


def test_function_app_gets_two_lines_and_nothing_else_is_rewritten(folder: Path) -> None:
    assert into(folder, "--yes", "--package", "drain", "--prefix", "jobs")[0] == 0
    lines = (folder / "function_app.py").read_text().splitlines()
    added = ["from drain.composition import add_ebb", 'add_ebb(app, __file__, prefix="jobs")']
    assert [line for line in lines if line not in PLAIN.splitlines()] == added
    assert [line for line in lines if line not in added] == PLAIN.splitlines()
    assert "from drain.activities import" in (folder / "drain/composition.py").read_text()
    assert "handler: drain.handlers.parity:classify" in (folder / "schedules.yaml").read_text()
    assert json.loads((folder / "host.json").read_text())["extensions"]["durableTask"]["hubName"] == "EbbHub"


def test_second_time_collides_with_the_first(folder: Path) -> None:
    into(folder, "--yes")
    before = contents(folder)
    status, told = into(folder, "--yes")
    assert status == 2
    assert "collides module ebb_app" in told
    assert "collides file schedules.yaml" in told
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ('@app.route(route="health")\ndef health(req): ...', "function health: give Ebb's a prefix: --prefix ebb"),
        (
            '@app.route(route="Schedules/{id}", methods=["GET"])\ndef mine(req): ...',
            "route Schedules/{id} of mine (Ebb: schedules/{name} of get_schedule): give Ebb's a prefix",
        ),
        (
            '@app.activity_trigger(input_name="x")\ndef close_cycle(x): ...',
            "function close_cycle: rename yours: running schedules call Ebb's close_cycle by its name",
        ),
        ('@app.route(route="openapi.json")\ndef describe(req): ...', "route openapi.json of describe"),
    ],
)
def test_function_of_a_name_or_route_of_ebbs_is_named_with_the_way_out(folder: Path, source: str, told: str) -> None:
    (folder / "function_app.py").write_text(f"{PLAIN}\n\n{source}\n")
    before = contents(folder)
    status, shown = into(folder, "--yes")
    assert status == 2
    assert f"collides {told}" in shown
    assert contents(folder) == before
    if "prefix" in told:
        assert into(folder, "--yes", "--prefix", "ebb")[0] == 0, "the way out works"


def test_module_that_hides_the_engine_or_the_package_is_named(folder: Path) -> None:
    (folder / "ebb_app.py").write_text("")
    (folder / "ebb").mkdir()
    status, shown = into(folder)
    assert status == 2
    assert "collides module ebb_app: name another package for Ebb's modules: --package NAME" in shown
    assert "collides module ebb: rename yours" in shown


@pytest.mark.parametrize(
    ("pin", "told"),
    [
        ("azure-functions-durable==1.3.2", "azure-functions-durable==1.3.2: Ebb needs <2,>=1.7: change the pin"),
        ("aiohttp==4.0  # new", "aiohttp==4.0: Ebb needs <4,>=3.12: change the pin"),
        ("Azure_Functions == 1.23.0 ; python_version < '4'", "Azure_Functions==1.23.0: Ebb needs <3,>=1.24"),
        ("azure-functions==1.24.0", None),
        ("azure-functions-durable==1.10", None),
        ("azure-functions>=1", None),
        ("# aiohttp==1.0", None),
        ("pandas==1.0", None),
    ],
)
def test_pin_with_which_the_engine_cannot_be_installed_is_named(folder: Path, pin: str, told: str | None) -> None:
    (folder / "requirements.txt").write_text(f"requests\n{pin}\n")
    before = contents(folder)
    status, shown = into(folder, "--yes")
    assert status == (0 if told is None else 2)
    if told is not None:
        assert f"collides requirements.txt {told}" in shown
        assert contents(folder) == before


def test_routes_of_other_verbs_and_other_shapes_do_not_collide() -> None:
    ours = [Function("get", "schedules/{name}", frozenset({"GET"}))]
    for route, verbs in (("schedules/{id}", {"POST"}), ("schedules/{id}/more", {"GET"}), ("{*path}", {"GET"})):
        assert not list(same_functions(ours, [Function("mine", route, frozenset(verbs))], ""))
    assert list(same_functions(ours, [Function("mine", "/SCHEDULES/{x:int}/", frozenset({"GET"}))], ""))


def test_functions_of_ebb_are_those_that_it_registers() -> None:
    found = {each.name: each for each in functions_of_ebb("ebb")}
    assert found["ebb_start_schedule"].route == "ebb/schedules/{name}/start"
    assert found["ebb_start_schedule"].verbs == {"POST"}
    assert found["eternal_scheduler"].route is None


@pytest.mark.parametrize("names", [("host.json",), ("function_app.py",)])
def test_folder_without_an_app_is_refused(folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (folder / name).unlink()
    before = contents(folder)
    status, told = into(folder, "--yes")
    assert (status, f"{folder} has no {names[0]}" in told) == (2, True)
    assert contents(folder) == before


def test_app_under_git_with_changes_is_refused_unless_forced(folder: Path) -> None:
    def git(*arguments: str) -> None:
        who = ["-c", "user.name=t", "-c", "user.email=t@example.test"]
        subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, timeout=20)

    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "first")
    (folder / "notes.txt").write_text("not committed")
    before = contents(folder)
    status, told = into(folder, "--yes")
    assert status == 2
    assert "changes in" in told
    assert "--force" in told
    assert contents(folder) == before
    assert into(folder, "--yes", "--force")[0] == 0


def test_app_of_its_own_orchestrations_keeps_its_durable_settings(folder: Path) -> None:
    durable = '@app.orchestration_trigger(context_name="c")\ndef mine(c): ...'
    (folder / "function_app.py").write_text(f"{PLAIN}\n\n{durable}\n")
    assert into(folder, "--yes")[0] == 0
    host = json.loads((folder / "host.json").read_text())
    assert "extensionBundle" in host
    assert host["extensions"] == {"durableTask": {"storageProvider": MINUTE}}, (
        "a hub name would lose the instances of the default hub"
    )


@pytest.mark.parametrize(
    ("provider", "after"),
    [
        ({"partitionCount": 2}, {"partitionCount": 2, **MINUTE}),
        ({"controlQueueVisibilityTimeout": "00:03:00"}, {**MINUTE, "controlQueueVisibilityTimeout": "00:03:00"}),
        ({"type": "AzureStorage"}, {"type": "AzureStorage", **MINUTE}),
        ({"type": "azureManaged"}, {"type": "azureManaged"}),
        ({"type": "mssql"}, {"type": "mssql"}),
    ],
)
def test_what_a_dead_host_held_comes_back_in_a_minute_in_an_app_with_durable_settings(
    folder: Path, provider: dict[str, Any], after: dict[str, Any]
) -> None:
    durable = {"hubName": "Orders", "storageProvider": provider}
    (folder / "host.json").write_text(json.dumps({"version": "2.0", "extensions": {"durableTask": durable}}))
    assert into(folder, "--yes")[0] == 0
    host = json.loads((folder / "host.json").read_text())
    assert host["extensions"]["durableTask"] == {"hubName": "Orders", "storageProvider": after}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"version": "2.0", // a word\n}', "is not JSON"),
        ("[]", "must hold one JSON object"),
    ],
)
def test_host_json_that_cannot_be_changed_is_named(folder: Path, text: str, told: str) -> None:
    (folder / "host.json").write_text(text)
    status, shown = into(folder)
    assert status == 2
    assert told in shown
    assert "host.json" in shown


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("app = make()\n", "makes no FunctionApp or DFApp at its top level: write the lines `from p.composition"),
        ("a = FunctionApp()\nb = DFApp()\n", "makes 2 apps"),
        ("", "makes no FunctionApp"),
        ("def", "is not valid Python"),
    ],
)
def test_entry_that_cannot_be_changed_is_told_with_the_lines_to_write(source: str, told: str) -> None:
    with pytest.raises(InitError, match=told):
        with_ebb(source, "p", "")


@pytest.mark.parametrize(
    ("source", "changed"),
    [
        (
            "import a\r\nx = df.DFApp()\r\n",
            "import a\r\nfrom p.composition import add_ebb\r\nx = df.DFApp()\r\nadd_ebb(x, __file__)\r\n",
        ),
        (
            "import a\nx: A = a.DFApp(\n)\nimport b",
            "import a\nfrom p.composition import add_ebb\nx: A = a.DFApp(\n)\nadd_ebb(x, __file__)\nimport b\n",
        ),
    ],
)
def test_lines_stand_where_python_and_people_expect_them(source: str, changed: str) -> None:
    assert with_ebb(source, "p", "") == changed


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("{}", ("a",)),
        ('{"b": 1}', ("a", "c")),
        ('{\n  "b": [1, {"x": "}"}]\n}\n', ("a",)),
        ('{\n  "a": {"b": "{"},\n  "z": 1\n}', ("a", "c")),
        ('{\n  "a": {},\n  "z": 1\n}', ("a", "c", "d")),
        ('{"a": {"b": {"c": 1}}}', ("a", "b", "d")),
    ],
)
def test_member_is_added_and_every_other_character_stays(text: str, path: tuple[str, ...]) -> None:
    value = {"n": [1, 2], "t": "x"}
    added = with_member(text, path, value)
    found: Any = json.loads(added)
    for key in path:
        found = found[key]
    assert found == value
    left = iter(added)
    assert all(letter in left for letter in text), "what was there is there in its order"
