"""Small pieces that the HTTP APIs share: JSON answers and boolean query parameters."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web


def json_response(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Answer with JSON."""
    return web.Response(
        text=json.dumps(content), status=status, headers=headers, content_type="application/json", charset="utf-8"
    )


def flag(request: web.Request, name: str, *, default: bool) -> bool:
    """Read a boolean of the query string without regard to case (the Python client writes `True`)."""
    text = request.query.get(name)
    return default if text is None else text.lower() == "true"
