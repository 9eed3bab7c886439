"""The sample handler: its answers, its refusals, and the ledger."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ebb import Message, PoisonMessage
from handlers.parity import LEDGER, classify


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
    assert classify(Message("1", body)) == answer


@pytest.mark.parametrize("body", [b"", b"soon", b"17.5", b"1e9", b"\xff\xfe", "١٢".encode(), b"1_000", b"9" * 5000])
def test_parity_poisons_what_is_no_unix_time(body: bytes) -> None:
    with pytest.raises(PoisonMessage, match="not a UNIX time") as caught:
        classify(Message("1", body))
    assert len(str(caught.value)) < 400


def test_parity_writes_each_message_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = tmp_path / "ledger.jsonl"
    monkeypatch.setenv(LEDGER, str(ledger))
    classify(Message("a", b"3"))
    classify(Message("b", b"4"))
    lines = [json.loads(line) for line in ledger.read_text().splitlines()]
    assert [(line["id"], line["value"], line["parity"], line["pid"]) for line in lines] == [
        ("a", 3, "odd", os.getpid()),
        ("b", 4, "even", os.getpid()),
    ]


def test_parity_writes_nothing_down_when_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(LEDGER, raising=False)
    monkeypatch.chdir(tmp_path)
    classify(Message("a", b"3"))
    assert list(tmp_path.iterdir()) == []
