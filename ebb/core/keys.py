"""The key of a message: what it is about, such as a customer. Pure.

One rule, for every source: a property of that name, or else the field of that name at the top of a JSON object in the
body. A text is a key, and so is a whole number. What has none of that has no key: it is limited by nothing.
"""

from __future__ import annotations

from typing import Any, cast

from ebb.core.message import Message


def key_of(message: Message, name: str) -> str | None:
    """The key that `message` has under `name`; None where it has none, or its body was left out."""
    if name in message.properties:
        return message.properties[name] or None
    if message.body.lstrip()[:1] != b"{":
        return None
    try:
        body = message.json()
    except ValueError:  # not JSON, or left out: the handler says what it thinks of that
        return None
    value: object = cast("dict[str, Any]", body).get(name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value) or None
