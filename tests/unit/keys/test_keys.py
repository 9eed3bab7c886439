"""Where the key of a message is."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from ebb.core.keys import key_of
from ebb.core.message import Message


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (b'{"customer": "acme"}', "acme"),
        (b'  {"customer": 7}', "7"),
        ('{"customer": "zażółć"}'.encode(), "zażółć"),
        (b'{"customer": ""}', None),
        (b'{"customer": null}', None),
        (b'{"customer": true}', None),
        (b'{"customer": 1.5}', None),
        (b'{"customer": {"name": "acme"}}', None),
        (b'{"other": "acme"}', None),
        (b'["customer"]', None),
        (b"{broken", None),
        (b'{"customer": "\xff"}', None),
        (b"customer", None),
        (b"", None),
    ],
)
def test_key_is_a_text_or_a_whole_number_at_the_top_of_a_json_body(body: bytes, key: str | None) -> None:
    assert key_of(Message("1", body), "customer") == key


def test_property_goes_before_the_body() -> None:
    message = Message("1", b'{"customer": "body"}', properties={"customer": "property"})
    assert key_of(message, "customer") == "property"
    message = Message("1", b'{"customer": "body"}', properties={"customer": ""})
    assert key_of(message, "customer") is None


class Large:
    """A body that was left out."""

    size = 10**9

    async def chunks(self) -> AsyncGenerator[bytes]:
        yield b""


def test_body_that_was_left_out_has_no_key_but_its_properties_have() -> None:
    assert key_of(Message("1", b"{", content=Large()), "customer") is None
    assert key_of(Message("1", b"", properties={"customer": "acme"}, content=Large()), "customer") == "acme"
