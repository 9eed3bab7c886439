"""The command line as a whole: version, examples, completion, and how soon it starts."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import typer
from typer.testing import CliRunner

from ebb import __version__
from ebb.__main__ import main
from ebb.cli.examples import EXAMPLES
from ebb.cli.main import app

PLAIN = {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "200"}
SCRIPTS = Path(sys.executable).parent
HEAVY = ("ebb.services", "ebb.core.settings.schedules", "asyncio", "http.server", "webbrowser", "sqlite3", "numpy")
NEEDED = {"ebb", "typer", "rich"}  # and what typer itself imports
OF_TYPER = {
    "annotated_doc",
    "annotated_types",
    "pydantic",
    "pydantic_core",
    "shellingham",
    "typing_extensions",
    "typing_inspection",
}


def test_interrupt_while_the_commands_are_imported_ends_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(ModuleType):
        def __getattr__(self, name: str) -> object:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "ebb.cli.main", Interrupted("ebb.cli.main"))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130


def _verbs(instance: typer.Typer = app, group: str = "") -> list[str]:
    found = [f"{group}{command.name}" for command in instance.registered_commands]
    for inner in instance.registered_groups:
        assert inner.typer_instance is not None
        found += _verbs(inner.typer_instance, f"{inner.name} ")
    return found


def test_version_is_that_of_the_distribution() -> None:
    ended = CliRunner().invoke(app, ["--version"])
    assert (ended.exit_code, ended.stdout) == (0, f"ebb {__version__}\n")


def test_every_verb_has_examples_and_no_other() -> None:
    assert sorted(_verbs()) == sorted(EXAMPLES)


@pytest.mark.parametrize("verb", EXAMPLES)
def test_examples_stand_in_the_help_and_the_parser_takes_them(verb: str) -> None:
    shown = CliRunner().invoke(app, [*verb.split(), "--help"], env=PLAIN).stdout
    for example in EXAMPLES[verb]:
        assert example in shown
        command = re.sub(r'^eval "\$\((.*)\)"$', r"\1", example)
        _, *arguments = shlex.split(command)
        assert arguments[: len(verb.split())] == verb.split()
        node, context = typer.main.get_command(app), None
        while hasattr(node, "commands") and node.name != arguments[0]:
            context = node.make_context("ebb", list(arguments), parent=context, resilient_parsing=False)
            node = node.commands[arguments.pop(0)]
        node.make_context(node.name, list(arguments), parent=context)


@pytest.mark.parametrize("arguments", [["list"], ["show", "parity"], ["stop", "parity", "-r", "lunch"]])
def test_call_of_the_api_imports_only_what_it_needs(arguments: list[str]) -> None:
    """What would cost each command its time: imports that a call of the API does not use."""
    code = f"""
import sys
before = set(sys.modules)  # an installation for developers imports things of its own
from ebb.cli.main import app
try:
    app({[*arguments, "--url", "http://127.0.0.1:9"]})
except SystemExit as ended:
    print(ended.code, [name for name in {HEAVY} if name in sys.modules])
packages = {{name.split(".")[0] for name in set(sys.modules) - before}} - set(sys.stdlib_module_names)
print(sorted(each for each in packages - {NEEDED | OF_TYPER} if not each.startswith("_sysconfigdata")))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "5 []\n[]\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_script_completes_ebb_alone(shell: str) -> None:
    script = CliRunner().invoke(app, ["completion", shell]).stdout
    assert "_EBB_COMPLETE" in script
    assert "python" not in script
    assert not re.search(r"compdef (?!.*\bebb$)|--command (?!ebb )", script, re.MULTILINE)
