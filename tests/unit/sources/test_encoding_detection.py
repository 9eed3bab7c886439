"""Which texts of a queue are taken for base64, and that nothing changes on its way through a poison queue."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebb.sources.storage_queue.detection import decoded
from ebb.sources.storage_queue.text import decode_body, encode_body, encoding_of


@pytest.mark.parametrize(
    "text",
    [
        "Hello",
        "Hello Queue Reader Job",
        "1764000000",
        "12345678",  # base64 of six bytes
        "0456",  # base64 of a Cyrillic letter and a digit
        "STOP",
        "test",
        "Test1234",
        "HelloWorld26",
        '{"number": 7}',
        "d41d8cd98f00b204e9800998ecf8427e",
        "e39806b0-02be-4c99-8390-a3e074831d6c",
        "2026-11-26T10:00:00Z",
        "",
        "=",
        "grüße",
        "\ud800",
    ],
)
def test_what_a_person_writes_is_taken_as_it_is(text: str) -> None:
    assert decoded(text) is None
    assert encoding_of(text) == "none"
    assert decode_body(text, "auto") == text.encode(errors="replace")


@pytest.mark.parametrize(
    "body",
    [
        b"Hello",
        b"Hello Queue Reader Job",
        b"1764000000",
        "grüße".encode(),
        json.dumps({"number": 7, "lines": [1, 2]}).encode(),
        b"\x1f\x8b\x08\x00" + bytes(range(40)),
        b"\xff\x00",
    ],
)
def test_what_functions_writes_is_decoded(body: bytes) -> None:
    text = base64.b64encode(body).decode()
    assert decode_body(text, "auto") == body
    assert decode_body(f"{text[:4]}\r\n{text[4:]}\n", "auto") == body, "white space is left out"


@given(st.text(min_size=1))
def test_text_is_read_back_as_it_was_put(text: str) -> None:
    body = text.encode(errors="replace")
    assert decode_body(encode_body(body, "auto"), "auto") == body


@given(st.binary(max_size=200))
def test_message_that_was_read_is_written_again_as_it_was(body: bytes) -> None:
    text = base64.b64encode(body).decode()
    seen, read = encoding_of(text), decode_body(text, "auto")
    assert encode_body(read, seen) == text


@given(st.binary(min_size=24, max_size=200))
def test_hardly_any_base64_of_this_length_is_overlooked(body: bytes) -> None:
    text = base64.b64encode(body).decode()
    if (
        sum(
            bool(set(text) & set(kind))
            for kind in ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", "0123456789", "+/=")
        )
        >= 3
    ):
        assert decode_body(text, "auto") == body
