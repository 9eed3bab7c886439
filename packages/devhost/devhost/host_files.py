"""host.json and local.settings.json as the host reads them: JSON with what Newtonsoft's reader lets pass.

Beyond strict JSON that is: a byte order mark, comments of both kinds, a comma after the last entry, texts in single
quotes and over several lines, names without quotes, and white space of every kind
(https://www.newtonsoft.com/json/help/html/JsonReader.htm, and the source of its JsonTextReader).
"""

from __future__ import annotations

import codecs
import json
import re
from pathlib import Path
from typing import Any

from devhost.errors import SettingsError

_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<double>"(?:\\.|[^"\\])*")|(?P<single>'(?:\\.|[^'\\])*')"""
    r"""|(?P<name>[A-Za-z_$][\w$]*(?=\s*:))|\s+|[\w.+-]+|.""",
    re.DOTALL,
)


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
    if not isinstance(content, dict):
        raise SettingsError(f"{path} must hold a JSON object, not {type(content).__name__}")
    return content


def _text_of(path: Path) -> str:
    """Read a text as .NET does: the byte order mark says which Unicode it is, without one it is UTF-8."""
    raw = path.read_bytes()
    marks = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
    return raw.decode(next((encoding for mark, encoding in marks if raw.startswith(mark)), "utf-8"))


def _strict(text: str) -> str:
    """`text` as strict JSON; line ends stay, so that an error names the right line."""
    kept: list[str] = []
    following = ""
    for token in reversed([_strict_token(match) for match in _TOKEN.finditer(text)]):
        if not (token == "," and following in ("}", "]")):
            kept.append(token)
        following = token if token.strip() else following
    return "".join(reversed(kept))


def _strict_token(match: re.Match[str]) -> str:
    token = match[0]
    if match["comment"]:
        return "\n" * token.count("\n")
    if match["single"]:
        return '"' + token[1:-1].replace("\\'", "'").replace('"', '\\"') + '"'
    if match["name"]:
        return f'"{token}"'
    return token if token.strip() or token.isascii() else " "  # a no-break space, for one, is not JSON
