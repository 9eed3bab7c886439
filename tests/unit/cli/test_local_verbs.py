"""How `up` ends where its state folder cannot be written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ebb.cli.local import verbs
from ebb.cli.local.options import Options


def _ends_with(number: int, monkeypatch: pytest.MonkeyPatch) -> int:
    async def fails(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(verbs, "check", lambda _: None)
    monkeypatch.setattr(verbs, "up", fails)
    return verbs.run_up(
        Options(Path("app"), "parity", Path("state"), 0, 0, 0, 0, False, False, False, False, "devhost")
    )


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_disk_that_is_full_is_told_in_one_line(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _ends_with(number, monkeypatch) == 1
    said = f"cannot write in state: {os.strerror(number)}; make room there, or choose another folder with --state\n"
    assert capsys.readouterr().err == said


def test_other_faults_of_the_system_are_not_taken_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match="Connection refused"):
        _ends_with(errno.ECONNREFUSED, monkeypatch)
