"""Completion as a person has it: real shells on a terminal of their own, and what TAB makes of a line."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import wait_for

SCRIPTS = Path(sys.executable).parent
PLAIN = {"TERM": "xterm", "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
SHELLS = {  # without the start files of whoever runs the tests
    "bash": (["--norc", "--noprofile", "-i"], ""),
    "zsh": (["-f", "-i"], "autoload -U compinit; compinit -D"),
    "fish": (["--no-config", "-i"], "set fish_autosuggestion_enabled 0"),
}
SWITCHED_ON = {
    "bash": 'eval "$(ebb completion bash)"',
    "zsh": 'eval "$(ebb completion zsh)"',
    "fish": "ebb completion fish | source",
}
_CONTROL = re.compile(
    r"\x1b(?:\[[0-9;?<>=]*[a-zA-Z]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][A-Z0-9]|[=>78])|[\x00-\x08\x0e-\x1f]"
)
TAB, LINE_AWAY = "\t", "\x15"


class Terminal:
    """A shell on a terminal: keys go in, and what it wrote since the last key can be waited for."""

    def __init__(self, program: str, flags: list[str], folder: Path) -> None:
        self._master, slave = pty.openpty()
        path = f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, **PLAIN, "PATH": path, "HOME": str(folder), "PS1": "> ", "COLUMNS": "100"}
        command = ["setsid", "--ctty", program, *flags]  # fish does nothing on a terminal that is not its own
        self._process = subprocess.Popen(command, cwd=folder, env=environment, stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        self._written = ""

    def press(self, keys: str) -> None:
        """Press them; what was written before does not count any more."""
        self._read()
        self._written = ""
        os.write(self._master, keys.encode())

    def shows(self, *texts: str, seconds: float = 60) -> None:
        """Wait until all of these have been written since the last key."""
        wait_for(lambda: all(text in self._read() for text in texts), seconds, lambda: repr(self._written))

    def run(self, line: str) -> None:
        """Type a line and wait until it has been done."""
        self.press(f"{line}; printf 'done%s' -42\r")
        self.shows("done-42")

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    def _read(self) -> str:
        while select.select([self._master], [], [], 0.05)[0]:
            try:
                self._written += os.read(self._master, 65536).decode(errors="replace")
            except OSError:  # the shell is gone
                time.sleep(0.05)
                break
        return _CONTROL.sub("", self._written)


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Terminal]]:
    """The name of a shell, and the shell, before completion is switched on."""
    name: str = request.param
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"there is no {name} on this machine")
    flags, prepared = SHELLS[name]
    terminal = Terminal(program, flags, tmp_path)
    try:
        terminal.run(prepared or "true")
        yield name, terminal
    finally:
        terminal.end()


def test_tab_completes_ebb_and_python_is_as_before(shell: tuple[str, Terminal], tmp_path: Path) -> None:
    name, terminal = shell
    (tmp_path / "morning_report.py").touch()
    for switched_on in (False, True):
        if switched_on:
            terminal.run(SWITCHED_ON[name])
        terminal.press(f"python morn{TAB}")
        terminal.shows("ing_report.py")
        terminal.press(LINE_AWAY)
    terminal.press(f"ebb sc{TAB}")
    terminal.shows("ale-rules")
    terminal.press(LINE_AWAY)
    terminal.press(f"ebb poison re{TAB}{TAB}")
    terminal.shows("replay", "requeue")
    terminal.press(LINE_AWAY)
    terminal.press(f"ebb feed --st{TAB}")
    terminal.shows("orage-port")
