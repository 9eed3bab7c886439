"""The sample that reads documents piece by piece."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import pytest

from ebb import Message, PoisonMessage
from handlers.documents import count_words


@dataclass(frozen=True)
class Pieces:
    """A content in pieces of one byte."""

    body: bytes

    @property
    def size(self) -> int:
        return len(self.body)

    async def chunks(self) -> AsyncGenerator[bytes]:
        for byte in self.body:
            yield bytes([byte])


@pytest.mark.parametrize(("text", "words"), [("", 0), ("ein Wörterbuch,\n so  groß ", 4), ("日本語", 1)])
async def test_words_are_counted_across_pieces(text: str, words: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await count_words(Message("a.txt", b"", content=Pieces(text.encode())))
    await count_words(Message("a.txt", text.encode()))
    assert caplog.messages == [f"document a.txt has {words} words"] * 2


async def test_what_is_no_text_is_poison() -> None:
    for body in (b"\xff\xfe", b"cut \xc5"):
        with pytest.raises(PoisonMessage, match=r"a\.bin is not UTF-8 text"):
            await count_words(Message("a.bin", body))
