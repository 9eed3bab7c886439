"""The command line as a whole: version, examples, completion, and how soon it starts."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ebb import __version__
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


COMPLETED = {
    "bash": 'eval "$(ebb completion bash)"; COMP_WORDS=(ebb {words}); COMP_CWORD={cword}; '
    "_ebb_completion ebb; printf '%s\\n' \"${{COMPREPLY[@]}}\"; complete -p python 2>&1 | grep -c 'no completion'",
    "zsh": 'autoload -U compinit; compinit -D; eval "$(ebb completion zsh)"; '
    "_TYPER_COMPLETE_ARGS='ebb {words}' _EBB_COMPLETE=complete_zsh ebb",
    "fish": "ebb completion fish | source; complete --do-complete 'ebb {words}'",
}


@pytest.mark.parametrize("shell", COMPLETED)
@pytest.mark.parametrize(
    ("words", "found"), [("sc", "scale-rules"), ("poison re", "requeue"), ("feed --st", "--storage-port")]
)
def test_shell_completes_verbs_and_flags(shell: str, words: str, found: str) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell} on this machine")
    environment = {**os.environ, "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"}
    script = COMPLETED[shell].format(words=words, cword=len(words.split()))
    done = subprocess.run(
        [program, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert found in done.stdout, done.stdout + done.stderr
    if shell == "bash":
        assert done.stdout.splitlines()[-1] == "1", "python's own completion is as it was"


def test_command_outside_any_app_says_where_it_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for verb in (["up"], ["test"]):
        ended = CliRunner().invoke(app, verb, env=PLAIN)
        assert ended.exit_code == 2
        assert f"{tmp_path} has no host.json" in ended.stderr
        assert "--app DIR" in ended.stderr
