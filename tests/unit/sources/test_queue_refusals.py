"""What a storage queue does not take as a message's text, told before anything is put."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebb.sources.storage_queue.text import TEXT_LIMIT, encode_body, refusal


@pytest.mark.parametrize("code", [0x00, 0x01, 0x08, 0x0B, 0x0C, 0x1F, 0xD800, 0xDFFF, 0xFFFE, 0xFFFF])
def test_characters_that_xml_forbids_are_refused_by_name(code: int) -> None:
    told = refusal(f"ab{chr(code)}")
    assert told is not None
    assert f"U+{code:04X} at character 3" in told
    assert "messageEncoding base64" in told


@pytest.mark.parametrize("text", ["", "\t\r\n", "\x7f\x85\u2028", "\ufffd\U0010ffff", "<&>", "x" * TEXT_LIMIT])
def test_other_texts_are_not(text: str) -> None:
    assert refusal(text) is None


def test_size_counts_as_the_service_counts_it() -> None:
    assert "65,538 bytes" in str(refusal("é" * 32_769))
    assert refusal("é" * 32_768) is None
    assert refusal(encode_body(b"x" * 49_152, "base64")) is None
    assert "65,540 bytes" in str(refusal(encode_body(b"x" * 49_153, "base64")))


@given(st.text(st.characters(exclude_categories=())))
def test_a_text_is_refused_exactly_if_xml_cannot_hold_it(text: str) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    try:
        ElementTree.fromstring(f"<t>{escaped}</t>".encode())
        fits = True
    except (ValueError, ElementTree.ParseError):
        fits = False
    assert (refusal(text) is None) == fits
