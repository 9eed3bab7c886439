"""`host.json` and `local.settings.json` as the host reads them: JSON with what Newtonsoft's reader lets pass. No I/O.

Beyond strict JSON that is: a byte order mark, comments of both kinds, a comma after the last entry, texts in single
quotes and over several lines, names without quotes, hexadecimal and octal numbers, and white space of every kind
(https://www.newtonsoft.com/json/help/html/JsonReader.htm, and the source of its JsonTextReader). The local host has
the same rules again, for it knows nothing of Ebb; a test holds them together.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from ebb.core.errors import SettingsError
from ebb.core.settings.app_settings import find_setting

OVERRIDE_PREFIX = "AzureFunctionsJobHost"
_TOKEN = re.compile(
    r"""(?P<comment>//[^\r\n]*|/\*.*?\*/)|(?P<double>"(?:\\.|[^"\\])*")|(?P<single>'(?:\\.|[^'\\])*')"""
    r"""|(?P<name>[\w$]+(?=\s*:))|\s+|(?P<word>[\w.+-]+)|.""",
    re.DOTALL,
)
_QUOTE = re.compile(r"\\.|\"", re.DOTALL)
_INTEGER = re.compile(r"0(?:[xX]([0-9a-fA-F]+)|([0-7]+))")
_DECIMAL = re.compile(r"(-?)([0-9]*)(\.[0-9]*)?((?:[eE][+-]?[0-9]+)?)")
_ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode_text(content: bytes, name: str) -> str:
    """The text of a file; a byte order mark tells the encoding, as with .NET's StreamReader, else it is UTF-8.

    Raises:
        SettingsError: the bytes are not of that encoding.
    """
    encoding = _encoding_of(content)
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise SettingsError(f"{name}: byte {error.start} is not {encoding.upper()}: save the file as UTF-8") from None


def decode_host_file(content: bytes) -> str:
    """As `decode_text`, but what is not of the encoding becomes U+FFFD, as in .NET's File.ReadAllText."""
    return content.decode(_encoding_of(content), "replace")


def _encoding_of(content: bytes) -> str:
    return next((encoding for mark, encoding in _ENCODINGS if content.startswith(mark)), "utf-8")


def parse_host_file(text: str, name: str) -> dict[str, Any]:
    """The object in `text`, the content of file `name`.

    Raises:
        SettingsError: it is not JSON even so, or not an object.
    """
    try:
        document: Any = json.loads(_strict(text.removeprefix("\ufeff")), strict=False)
    except ValueError as error:
        raise SettingsError(f"{name} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise SettingsError(f"{name} must hold one JSON object, not {type(document).__name__}")
    return cast("dict[str, Any]", document)


def host_value(document: Mapping[str, Any], path: str, settings: Mapping[str, str]) -> Any:
    """The value at `path` (`extensions.queues.batchSize`) of `host.json`, or None. Names match without regard to case.

    App setting `AzureFunctionsJobHost__extensions__queues__batchSize` goes over the file, and is a text. A JSON null is
    the empty text, as in the configuration of the host.
    """
    override = find_setting(f"{OVERRIDE_PREFIX}__{path.replace('.', '__')}", settings)
    if override:
        return override[1]
    return _value_at(document, path.split("."))


def _value_at(node: Any, steps: Sequence[str]) -> Any:
    """Of names that differ in case the last one counts, and what it does not hold is looked for in the others."""
    if not steps:
        return "" if node is None else node
    if not isinstance(node, Mapping):
        return None
    entries = reversed(list(cast("Mapping[str, Any]", node).items()))
    found = (_value_at(value, steps[1:]) for key, value in entries if key.lower() == steps[0].lower())
    return next((value for value in found if value is not None), None)


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
