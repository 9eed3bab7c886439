"""Adds members to the text of a JSON file: what stands there stays as it is, layout included."""

from __future__ import annotations

import json
from typing import Any

from ebb.cli.init.folder_changes import InitError
from ebb.core.document import Json, is_object

_INDENT = "  "


def read(text: str) -> Json:
    """The object that `text` holds.

    Raises:
        InitError: it holds none. The Functions host would read comments, and commas before a closing bracket;
            azure-functions-durable does not, and stops the start of the app.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        way_out = "azure-functions-durable reads it strictly, so remove comments and commas before closing brackets"
        raise InitError(f"is not JSON ({error}); {way_out}") from error
    if not is_object(document):
        raise InitError("must hold one JSON object")
    return document


def with_member(text: str, path: tuple[str, ...], value: Any) -> str:
    """`text` with `value` at `path`, which nothing may stand at yet; objects on the way are made where missing."""
    start, depth = text.index("{"), 0
    members, end = _members(text, start)
    while path[depth] in members:
        start, depth = members[path[depth]][0], depth + 1
        members, end = _members(text, start)
    for key in reversed(path[depth + 1 :]):
        value = {key: value}
    return _insert(text, (start, end), [last for _, last in members.values()], (path[depth], value), depth)


def _insert(text: str, span: tuple[int, int], ends: list[int], member: tuple[str, Any], depth: int) -> str:
    """`text` with `member` as the last of the object at `span`, whose members end at `ends`."""
    indent = _INDENT * (depth + 1)
    written = json.dumps(member[1], indent=len(_INDENT)).replace("\n", "\n" + indent)
    line = f'\n{indent}"{member[0]}": {written}'
    at = max(ends) if ends else span[0] + 1
    if ends:
        line = "," + line
    if "\n" not in text[at : span[1]]:
        line += "\n" + _INDENT * depth
    return text[:at] + line + text[at:]


def _members(text: str, start: int) -> tuple[dict[str, tuple[int, int]], int]:
    """Begin and end of each member's value of the object that begins at `start`, and the end of the object."""
    decoder, found, at = json.JSONDecoder(), dict[str, tuple[int, int]](), _skip(text, start + 1)
    while text[at] != "}":
        key, at = decoder.raw_decode(text, at)
        begin = _skip(text, _skip(text, at) + 1)
        _, end = decoder.raw_decode(text, begin)
        found[key] = (begin, end)
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at
    return found, at + 1


def _skip(text: str, at: int) -> int:
    while text[at].isspace():
        at += 1
    return at
