"""Finding a handler."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ebb.core.errors import HandlerNotFoundError
from ebb.handlers import load_handler
from handlers import noop, parity


def test_load_handler_gives_the_function() -> None:
    assert load_handler("handlers.parity:classify") is parity.classify
    assert load_handler("handlers.noop:handle") is noop.handle


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere.at_all:handle", "no module nowhere"),
        ("handlers.absent:handle", "no module handlers.absent"),
        ("handlers.parity:absent", "has no function absent"),
        ("handlers.parity:LEDGER", "is not a function"),
        ("ebb.core.message:Message", "is not a function"),
        ("handlers.parity", "module:function"),
        ("os:getcwd", r"cannot be called with one message: write it as def getcwd\(message\)"),
    ],
)
def test_load_handler_says_what_is_missing(name: str, said: str) -> None:
    with pytest.raises(HandlerNotFoundError, match=said) as caught:
        load_handler(name)
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import absent_library", "ModuleNotFoundError: No module named 'absent_library'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
    ],
)
def test_load_handler_gives_the_reason_when_the_import_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, said: str
) -> None:
    (tmp_path / "broken_handler.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(HandlerNotFoundError, match="broken_handler failed to import") as caught:
        load_handler("broken_handler:handle")
    assert said in str(caught.value)
    sys.modules.pop("broken_handler", None)
