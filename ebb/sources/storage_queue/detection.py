"""Tells whether a message's text is base64 of something, for queues whose senders differ (`messageEncoding: auto`).

Azure Functions and older SDKs write base64; the az command line, KEDA's samples and newer SDKs write the text itself.
A text may be both: `Test1234` is also the base64 of six bytes. So a text counts as base64 only where taking it as plain
would be the stranger reading:

- it is base64 without a fault, and mixes at least two kinds of letters (upper case, lower case, digits, `+/=`), which a
  number, a word and a hexadecimal id do not, and what it stands for is UTF-8 text without control characters; or
- it stands for bytes, and has `+`, `/` or `=` in it, or is so long and mixed that nobody wrote it by hand.

Queues with short binary bodies should say `messageEncoding: base64`.
"""

from __future__ import annotations

import base64
import binascii
import re

LONG = 32  # characters; a text of upper case, lower case and digits of this length is hardly a word
_KINDS = tuple(re.compile(pattern) for pattern in ("[A-Z]", "[a-z]", "[0-9]", "[+/=]"))
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]")


def decoded(text: str) -> bytes | None:
    """What `text` stands for if it counts as base64; None if it is to be taken as it is.

    White space in it is left out, as .NET's decoder does.
    """
    packed = "".join(text.split())
    kinds = [bool(kind.search(packed)) for kind in _KINDS]
    if len(packed) < 4 or sum(kinds) < 2:
        return None
    try:
        body = base64.b64decode(packed.encode(), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return None
    if _is_text(body):
        return body
    return body if kinds[3] or (len(packed) >= LONG and sum(kinds) >= 3) else None


def _is_text(body: bytes) -> bool:
    try:
        return not _CONTROL.search(body.decode())
    except UnicodeDecodeError:
        return False
