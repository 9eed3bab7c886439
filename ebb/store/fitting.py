"""What fits into an entity of a table: the sizes of properties and texts, and JSON that is cut to them.

A property holds 64 KiB, an entity 1 MiB, both in UTF-16
(https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model). JSON is written in
ASCII, so that its length is its size in UTF-16 units and any text survives. Long texts in documents are cut, never
the structure: a stack trace of a megabyte must not cost the record of the cycle that it ended.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

Properties = dict[str, str | int]
"""An entity's properties by their names, without its partition key."""

PROPERTY_LIMIT = 30_000  # UTF-16 units of one property; a table allows 32,768
EXECUTIONS_LIMIT = 420_000  # of all executions of a cycle together: 840 KiB of the entity's 1 MiB
TEXT_LIMIT = 4_000  # characters of one text, before a document's own limit cuts deeper

_CUT = " … (cut)"


def bounded_text(value: Any, limit: int) -> str:
    """`value` as JSON of at most `limit` characters: the longest texts in it are cut until it fits.

    Raises:
        ValueError: it does not fit even with all its texts cut.
    """
    longest = TEXT_LIMIT
    while longest >= len(_CUT):
        text = compact_json(_with_short_texts(value, longest))
        if len(text) <= limit:
            return text
        longest //= 2
    raise ValueError(f"a document of {len(compact_json(value))} characters cannot be cut to {limit}")


def cut(text: str, longest: int) -> str:
    """`text` as UTF-8 can say it, at most `longest` characters; says so where something is missing."""
    kept = text if len(text) <= longest else text[: longest - len(_CUT)] + _CUT
    return kept.encode("utf-8", "replace").decode()


def _with_short_texts(value: Any, longest: int) -> Any:
    if isinstance(value, str):  # each document of each write comes through here: most of its texts are short and plain
        return value if len(value) <= longest and value.isascii() else cut(value, longest)
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value).items()
        return {key: _with_short_texts(item, longest) for key, item in items}
    if isinstance(value, list | tuple):
        return [_with_short_texts(item, longest) for item in cast("Iterable[Any]", value)]
    return value


def compact_json(value: Any) -> str:
    """`value` as JSON without spaces, in ASCII.

    Raises:
        ValueError: it holds a number that JSON has not.
    """
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
