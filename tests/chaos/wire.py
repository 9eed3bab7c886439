"""HTTP/1.1 messages as bytes: read whole from a stream, and passed on as they came."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

LONGEST_HEAD = 64 * 1024  # bytes
_NO_BODY = {204, 304}


class BrokenMessageError(Exception):
    """The other side closed in the middle, or sent something else than HTTP."""


@dataclass
class Raw:
    """One request or response: its head with the blank line, and its body as it travelled (chunks included)."""

    first: str
    headers: dict[str, str] = field(default_factory=dict[str, str])  # names in lower case
    head: bytes = b""
    sent: bytes = b""  # the body on the wire
    body: bytes = b""  # the body itself

    @property
    def method(self) -> str:
        """Of a request."""
        return self.first.split(" ", 2)[0]

    @property
    def target(self) -> str:
        """Path and query of a request."""
        return self.first.split(" ", 2)[1]

    @property
    def status(self) -> int:
        """Of a response."""
        return int(self.first.split(" ", 2)[1])

    @property
    def closes(self) -> bool:
        """Whether the connection ends with this message."""
        return self.headers.get("connection", "").lower() == "close"


async def read_message(stream: asyncio.StreamReader, *, answers: str | None = None) -> Raw | None:
    """The next message; None where the stream ends before one begins.

    Args:
        answers: the method of the request, if this is a response.

    Raises:
        BrokenMessageError: it ends in the middle.
    """
    try:
        head = await stream.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise BrokenMessageError("ended within a head") from error
        return None
    except (asyncio.LimitOverrunError, OSError) as error:
        raise BrokenMessageError(str(error)) from error
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    raw = Raw(first, {name.strip().lower(): value.strip() for name, _, value in pairs}, head)
    if answers is not None and (answers == "HEAD" or raw.status in _NO_BODY):
        return raw
    try:
        await _read_body(stream, raw, until_end=answers is not None)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError, ValueError) as error:
        raise BrokenMessageError(str(error)) from error
    return raw


async def _read_body(stream: asyncio.StreamReader, raw: Raw, *, until_end: bool) -> None:
    if "chunked" in raw.headers.get("transfer-encoding", "").lower():
        while True:
            line = await stream.readuntil(b"\r\n")
            size = int(line.split(b";")[0], 16)
            chunk = await stream.readexactly(size + 2)
            raw.sent += line + chunk
            raw.body += chunk[:-2]
            if not size:
                return
    elif "content-length" in raw.headers:
        raw.body = raw.sent = await stream.readexactly(int(raw.headers["content-length"]))
    elif until_end:
        raw.body = raw.sent = await stream.read()


def answer(status: int, code: str, retry_after: int | None = None) -> bytes:
    """A response of storage that refuses: `code` is the service's word for the error.

    Args:
        retry_after: seconds, for the header of that name; None leaves it out.
    """
    body = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{code}</Message></Error>'.encode()
    lines = [f"HTTP/1.1 {status} {code}", f"x-ms-error-code: {code}", "Content-Type: application/xml"]
    if retry_after is not None:
        lines.append(f"Retry-After: {retry_after}")
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
