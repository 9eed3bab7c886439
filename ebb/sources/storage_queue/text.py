"""The texts that travel between Ebb and a storage queue: XML pages, message encodings, the poison envelope.

Pages are read by pattern, not by an XML parser: the grammar is fixed
(https://learn.microsoft.com/rest/api/storageservices/get-messages), and with encoding `none` a producer may have put
characters that XML forbids. One such message would make a parser refuse the page and so block the queue for ever.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Literal

from ebb.sources.storage_queue.detection import decoded

Encoding = Literal["none", "base64", "auto"]
TEXT_ENCODING = "textEncoding"
"""How the text of a message that was read with `auto` was written: a property of it, and a field of its envelope."""
TEXT_LIMIT = 65_536  # bytes of one message's text, as the service counts them

_MESSAGE = re.compile(r"<QueueMessage>(.*?)</QueueMessage>", re.DOTALL)
_INSERTED = re.compile(rb"<InsertionTime>([^<]+)</InsertionTime>")
_FIELD = re.compile(r"<(\w+)>([^<]*)</\1>")
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_REFERENCE = re.compile(r"&(?:#x([0-9a-fA-F]+)|#([0-9]+)|(\w+));")
_ENTITIES = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}
_ESCAPED = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord("\r"): "&#13;"}


@dataclass(slots=True)
class QueueEntry:
    """One message of a page, its text as it is stored."""

    id: str
    text: str
    receipt: str = ""
    dequeue_count: int = 0
    inserted: str = ""  # RFC 1123

    @property
    def enqueued_at(self) -> datetime | None:
        """When it was put; None if the service did not say."""
        return _moment(self.inserted) if self.inserted else None


@lru_cache(maxsize=256)
def _moment(text: str) -> datetime:
    return parsedate_to_datetime(text)  # whole seconds, which many messages share


def read_page(page: bytes) -> Iterator[QueueEntry]:
    """The messages of an answer to receive, peek or put, in its order."""
    for match in _MESSAGE.finditer(page.decode("utf-8-sig", errors="replace")):
        fields: dict[str, str] = dict(_FIELD.findall(match[1]))
        yield QueueEntry(
            id=fields.get("MessageId", ""),
            text=unescape(fields.get("MessageText", "")),
            receipt=fields.get("PopReceipt", ""),
            dequeue_count=int(fields.get("DequeueCount", 0)),
            inserted=fields.get("InsertionTime", ""),
        )


def oldest_of(page: bytes) -> datetime | None:
    """When the oldest message of such an answer was put; None where it has none. Bodies are not read."""
    return min(map(parsedate_to_datetime, map(bytes.decode, _INSERTED.findall(page))), default=None)


def write_message(text: str) -> bytes:
    """The body of a put."""
    return f"<QueueMessage><MessageText>{text.translate(_ESCAPED)}</MessageText></QueueMessage>".encode(
        errors="replace"
    )


def unescape(text: str) -> str:
    """XML's five entities and numeric references resolved; what is none of these stays as it is."""
    return _REFERENCE.sub(_resolve, text) if "&" in text else text


def refusal(text: str) -> str | None:
    """Why the service would not take `text`, or could not give it back; None where it can do both.

    The service answers 400 InvalidXmlDocument to a character that XML 1.0 forbids
    (https://www.w3.org/TR/xml/#charsets); Azurite takes it and then cannot be read any more.
    """
    if odd := _NO_XML.search(text):
        return (
            f"U+{ord(odd[0]):04X} at character {odd.start() + 1} cannot stand in a queue's message (XML 1.0 forbids "
            "it): use messageEncoding base64"
        )
    size = len(text.encode())  # no surrogates are left here
    if size > TEXT_LIMIT:
        return (
            f"its text takes {size:,} bytes as it is stored, a queue's message has {TEXT_LIMIT:,} at most (48 KiB of "
            "body with base64): put what is large into a blob, and its address into the message"
        )
    return None


def encode_body(body: bytes, encoding: Encoding) -> str:
    """`body` as the text of a message; with `auto` as it is, where it is a text that is read back as it is.

    Raises:
        UnicodeDecodeError: encoding is `none` and the body is not UTF-8.
    """
    if encoding == "auto":
        encoding = "none" if _is_plain(body) else "base64"
    return base64.b64encode(body).decode() if encoding == "base64" else body.decode()


def encoding_of(text: str) -> Encoding:
    """How a text was written, as `auto` sees it."""
    return "none" if decoded(text) is None else "base64"


def decode_body(text: str, encoding: Encoding) -> bytes:
    """The body that a message's text stands for; white space in base64 is allowed, as .NET's decoder does.

    Raises:
        ValueError: encoding is `base64` and the text is not.
    """
    if encoding == "auto" and (body := decoded(text)) is not None:
        return body
    if encoding != "base64":
        return text.encode(errors="replace")
    try:
        return base64.b64decode("".join(text.split()).encode(), validate=True)
    except binascii.Error as error:
        raise ValueError(f"messageEncoding is base64 but the text is not base64 ({error})") from error


def open_envelope(stored: bytes) -> tuple[bytes, Mapping[str, object]]:
    """The original body, and the envelope's other fields; what is not an envelope is a body by itself."""
    try:
        envelope = json.loads(stored)
        body, body_encoding = envelope.pop("body"), envelope.pop("bodyEncoding")
        return (base64.b64decode(body) if body_encoding == "base64" else body.encode()), envelope
    except (ValueError, KeyError, TypeError, AttributeError):
        return stored, {}


def _is_plain(body: bytes) -> bool:
    try:
        return decoded(body.decode()) is None
    except UnicodeDecodeError:
        return False


def _resolve(reference: re.Match[str]) -> str:
    hexadecimal, decimal, name = reference.groups()
    if name:
        return _ENTITIES.get(name, reference[0])
    code = int(hexadecimal, 16) if hexadecimal else int(decimal)
    return chr(code) if code < 0x110000 else reference[0]
