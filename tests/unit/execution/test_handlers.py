"""Finding a handler, and what the sample one does."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from ebb import Message, PoisonMessage
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


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (b"1700000000", "even"),
        (b"1700000001", "odd"),
        (b" -3\n", "odd"),
        (b"0", "even"),
        (b"-2", "even"),
        (b"9" * 23, "odd"),
    ],
)
def test_parity_tells_even_from_odd(body: bytes, answer: str) -> None:
    assert parity.classify(Message("1", body)) == answer


@pytest.mark.parametrize("body", [b"", b"soon", b"17.5", b"1e9", b"\xff\xfe", "١٢".encode(), b"1_000", b"9" * 5000])
def test_parity_poisons_what_is_no_unix_time(body: bytes) -> None:
    with pytest.raises(PoisonMessage, match="not a UNIX time") as caught:
        parity.classify(Message("1", body))
    assert len(str(caught.value)) < 400


def test_parity_writes_each_message_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = tmp_path / "ledger.jsonl"
    monkeypatch.setenv(parity.LEDGER, str(ledger))
    parity.classify(Message("a", b"3"))
    parity.classify(Message("b", b"4"))
    lines = [json.loads(line) for line in ledger.read_text().splitlines()]
    assert [(line["id"], line["value"], line["parity"], line["pid"]) for line in lines] == [
        ("a", 3, "odd", os.getpid()),
        ("b", 4, "even", os.getpid()),
    ]


def test_parity_writes_nothing_down_when_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(parity.LEDGER, raising=False)
    monkeypatch.chdir(tmp_path)
    parity.classify(Message("a", b"3"))
    assert list(tmp_path.iterdir()) == []
