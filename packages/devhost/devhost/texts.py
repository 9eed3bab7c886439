"""JSON texts as .NET writes them."""

from __future__ import annotations

import re

_QUOTED_OR_SPACE = re.compile(r'("(?:\\.|[^"\\])*")|\s+')


def compact(text: str) -> str:
    """Take the white space out of JSON, but not out of its strings; the extension writes all values again without."""
    return _QUOTED_OR_SPACE.sub(r"\1", text)
