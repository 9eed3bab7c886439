"""What the pages say is true: commands are understood or run, settings accepted, code works, links lead somewhere."""

from __future__ import annotations

import importlib.util
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

from devhost.cli import build_parser
from ebb import Message, PoisonMessage
from ebb.cli.main import app as command_line
from ebb.core.settings.schedules import load_schedules
from tests.azurite import Azurite
from tests.e2e.harness import App
from tests.project.docs.reading import PAGES, ROOT, Block, Command, blocks, commands, links

LOCAL = ("http://127.0.0.1:7071", "http://localhost:7071")
ELSEWHERE = {
    "func",
    "azurite",
    "az",
    "azd",
    "docker",
    "cp",
    ".",
    "pip",
    "cd",
    "git",
    "export",
    "jq",
}  # not ours to check
COMMANDS = [command for page in PAGES for command in commands(page)]


def _all_blocks(language: str) -> list[Block]:
    return [block for page in PAGES for block in blocks(page, language)]


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, azurite: Azurite) -> Iterator[App]:
    running = App(tmp_path_factory.mktemp("docs"), azurite)
    try:
        yield running.start()
    finally:
        running.stop()
        running.queue.close()


def test_pages_have_commands() -> None:
    assert {"python3", "curl"} <= {command.words[0] for command in COMMANDS}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: f"{command.where} {' '.join(command.words[:4])}")
def test_command_is_understood(command: Command) -> None:
    program, *arguments = command.words
    if program in ELSEWHERE or program == "curl":
        return
    if program.startswith((".", "./")):
        assert (ROOT / program).is_file(), command.where
    elif arguments[:1] == ["dev.py"]:
        assert program == "python3"
        _load(ROOT / "dev.py").read_arguments(arguments[1:])
    elif arguments[:2] == ["-m", "devhost"]:
        build_parser().parse_args(arguments[2:])
    elif program == "ebb" or arguments[:2] == ["-m", "ebb"]:
        _require_ebb_command(arguments if program == "ebb" else arguments[2:], command.where)
    elif arguments[:1] == ["-m"]:
        assert importlib.util.find_spec(arguments[1]) is not None, command.where
    else:
        pytest.fail(f"{command.where}: no rule here checks {' '.join(command.words)!r}")


def test_calls_of_the_local_api_succeed_in_the_order_of_the_readme(app: App) -> None:
    calls = [command for command in commands(ROOT / "README.md") if command.words[0] == "curl"]
    assert len(calls) >= 4
    for command in calls:
        status, text = _curl(app, list(command.words[1:]))
        assert 200 <= status < 300, f"{command.where}: {' '.join(command.words)} answered {status} {text}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_repository_lead_somewhere(page: Path) -> None:
    for link in links(page):
        assert link.startswith("http") or (page.parent / link).exists(), f"{page.name}: {link}"


def test_json_is_json() -> None:
    for block in _all_blocks("json"):
        json.loads(block.text)


def test_schedules_are_accepted() -> None:
    found = [block for block in _all_blocks("yaml") if block.text.lstrip("# \n").startswith("schedules:")]
    assert found
    for block in found:
        assert load_schedules(block.text, block.where, {})


def test_python_compiles() -> None:
    for block in _all_blocks("python"):
        compile(block.text, block.where, "exec")


def test_handler_of_the_readme_works_as_it_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = [block for block in blocks(ROOT / "README.md", "python") if "def send" in block.text]
    path = tmp_path / "invoices.py"
    path.write_text(example.text)
    handler = _load(path)
    handler.send(Message("1", b'{"number": 7, "customer": "Ada"}'))
    assert "sending 7" in capsys.readouterr().out
    with pytest.raises(PoisonMessage, match="without a customer"):
        handler.send(Message("2", b'{"number": 8}'))


def _require_ebb_command(arguments: list[str], where: str) -> None:
    """The command exists; its options are those that its help names."""
    depth = 2 if arguments[:1] == ["poison"] else 1  # a group has commands of its own
    verb = [argument for argument in arguments[:depth] if not argument.startswith("-")]
    shown = CliRunner().invoke(command_line, [*verb, "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert shown.exit_code == 0, f"{where}: {shown.output}"
    for option in (argument.split("=")[0] for argument in arguments if argument.startswith("--")):
        assert option in shown.stdout, f"{where}: {option} is not an option of {' '.join(verb)}"


def _curl(app: App, arguments: list[str]) -> tuple[int, str]:
    """Status and text of the call that `curl` with these arguments would make, sent to `app`."""
    method, data, url = "", None, ""
    headers: dict[str, str] = {}
    rest = iter(arguments)
    for argument in rest:
        if argument in ("-X", "--request"):
            method = next(rest)
        elif argument in ("-d", "--data"):
            data = next(rest).encode()
        elif argument in ("-H", "--header"):
            name, value = next(rest).split(":", 1)
            headers[name] = value.strip()
        elif not argument.startswith("-"):
            url = argument
    (base,) = [base for base in LOCAL if url.startswith(base)]
    request = urllib.request.Request(
        app.url + url.removeprefix(base), data, headers, method=method or ("POST" if data else "GET")
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
