"""host.json and local.settings.json as the host reads them: JSON with what Newtonsoft's reader lets pass.

Beyond strict JSON that is: a byte order mark, comments of both kinds, a comma after the last entry, texts in single
quotes and over several lines, names without quotes, hexadecimal and octal numbers, and white space of every kind
(https://www.newtonsoft.com/json/help/html/JsonReader.htm, and the source of its JsonTextReader).
"""

from __future__ import annotations

import codecs
import json
import re
from pathlib import Path
from typing import Any

from devhost.errors import SettingsError
from devhost.json_objects import is_object

_TOKEN = re.compile(
    r"""(?P<comment>//[^\r\n]*|/\*.*?\*/)|(?P<double>"(?:\\.|[^"\\])*")|(?P<single>'(?:\\.|[^'\\])*')"""
    r"""|(?P<name>[\w$]+(?=\s*:))|\s+|(?P<word>[\w.+-]+)|.""",
    re.DOTALL,
)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_QUOTE = re.compile(r"\\.|\"", re.DOTALL)
_INTEGER = re.compile(r"0(?:[xX]([0-9a-fA-F]+)|([0-7]+))")
_DECIMAL = re.compile(r"(-?)([0-9]*)(\.[0-9]*)?((?:[eE][+-]?[0-9]+)?)")


def read_object(path: Path) -> dict[str, Any]:
    """Return the object in the file at `path`; an empty one where there is no such file.

    Raises:
        SettingsError: it is not JSON even so, or not an object.
    """
    if not path.is_file():
        return {}
    try:
        content = json.loads(_strict(_text_of(path)), strict=False)
    except ValueError as error:
        raise SettingsError(f"{path} is not valid JSON: {error}") from error
    if not is_object(content):
        raise SettingsError(f"{path} must hold a JSON object, not {type(content).__name__}")
    return content


def _text_of(path: Path) -> str:
    """Read a text as File.ReadAllText does: the byte order mark says which Unicode it is, without one it is UTF-8.

    What is not of that encoding becomes U+FFFD, so that a comment in Latin-1 does no harm.
    """
    raw = path.read_bytes()
    encoding = next((encoding for mark, encoding in _MARKS if raw.startswith(mark)), "utf-8")
    return raw.decode(encoding, "replace")


def _strict(text: str) -> str:
    """`text` as strict JSON; line ends stay, so that an error names the right line."""
    kept: list[str] = []
    following = ""
    for match in reversed(list(_TOKEN.finditer(text))):
        token = match[0] if match["comment"] and following == ":" else _strict_token(match)
        if not (token == "," and following in ("}", "]")):
            kept.append(token)
        following = token if token.strip() else following
    return "".join(reversed(kept))


def _strict_token(match: re.Match[str]) -> str:
    token = match[0]
    if match["comment"]:
        return "\n" * token.count("\n")
    if match["double"] or match["single"]:
        return '"' + _QUOTE.sub(_strict_escape, token[1:-1]) + '"'
    if match["name"]:
        return f'"{token}"'
    if match["word"]:
        return _strict_number(token)
    return token if token.strip() or token.isascii() else " "  # a no-break space, for one, is not JSON


def _strict_escape(match: re.Match[str]) -> str:
    return {"\\'": "'", '"': '\\"'}.get(match[0], match[0])


def _strict_number(token: str) -> str:
    """`0x10`, `010` (octal), `.5` and `5.` as JSON has them; other words as they are."""
    if found := _INTEGER.fullmatch(token):
        return str(int(found[1], 16) if found[1] else int(found[2], 8))
    found = _DECIMAL.fullmatch(token)
    if not found or not (found[2] or (found[3] or ".") != "."):
        return token
    whole = found[2] or "0"
    whole = str(int(whole)) if found[1] else whole  # behind a minus sign zeros mean nothing
    fraction = f"{found[3]}0" if found[3] == "." else found[3] or ""
    return f"{found[1]}{whole}{fraction}{found[4]}"
