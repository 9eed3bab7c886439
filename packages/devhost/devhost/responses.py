"""Small pieces that the HTTP APIs share: JSON answers and boolean query parameters."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from devhost.errors import OperationError


def json_response(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Answer with JSON."""
    return web.Response(
        text=json.dumps(content), status=status, headers=headers, content_type="application/json", charset="utf-8"
    )


def empty_response(status: int) -> web.Response:
    """Answer with a status alone, as the extension does where an instance is missing or has ended."""
    return web.Response(status=status)


async def json_text(request: web.Request) -> str:
    """Read a body that must be JSON; the text is empty when there is none.

    Raises:
        OperationError: 400, it is not text, not JSON, or nested too deeply.
    """
    try:
        text = (await request.text()).strip()
        if text:
            json.loads(text)
    except (ValueError, LookupError, RecursionError) as error:
        body = {
            "Message": "Invalid JSON content",
            "ExceptionMessage": f"The request body is not valid JSON: {error}",
            "ExceptionType": "Newtonsoft.Json.JsonReaderException",
            "StackTrace": "",
        }
        raise OperationError(400, body["ExceptionMessage"], body) from error
    return text


def flag(request: web.Request, name: str, *, default: bool) -> bool:
    """Read a boolean of the query string without regard to case (the Python client writes `True`)."""
    text = request.query.get(name)
    return default if text is None else text.lower() == "true"
