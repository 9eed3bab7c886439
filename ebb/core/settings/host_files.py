"""`host.json` and `local.settings.json` as the host reads them: JSON with what Newtonsoft's reader lets pass. No I/O.

Beyond strict JSON that is: a byte order mark, comments of both kinds, a comma after the last entry, texts in single
quotes and over several lines, names without quotes, and white space of every kind
(https://www.newtonsoft.com/json/help/html/JsonReader.htm, and the source of its JsonTextReader). The local host has
the same rules again, for it knows nothing of Ebb; a test holds them together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, cast

from ebb.core.errors import SettingsError
from ebb.core.settings.app_settings import find_setting

OVERRIDE_PREFIX = "AzureFunctionsJobHost"
_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<double>"(?:\\.|[^"\\])*")|(?P<single>'(?:\\.|[^'\\])*')"""
    r"""|(?P<name>[A-Za-z_$][\w$]*(?=\s*:))|\s+|[\w.+-]+|.""",
    re.DOTALL,
)
_ENCODINGS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def decode_text(content: bytes, name: str) -> str:
    """The text of a file; a byte order mark tells the encoding, as with .NET's StreamReader, else it is UTF-8.

    Raises:
        SettingsError: the bytes are not of that encoding.
    """
    encoding = next((encoding for mark, encoding in _ENCODINGS if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise SettingsError(f"{name}: byte {error.start} is not {encoding.upper()}: save the file as UTF-8") from None


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

    App setting `AzureFunctionsJobHost__extensions__queues__batchSize` goes over the file, and is a text.
    """
    override = find_setting(f"{OVERRIDE_PREFIX}__{path.replace('.', '__')}", settings)
    if override:
        return override[1]
    node: Any = document
    for part in path.split("."):
        if not isinstance(node, Mapping):
            return None
        entries = cast("Mapping[str, Any]", node).items()
        node = next((value for key, value in reversed(list(entries)) if key.lower() == part.lower()), None)
    return node


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
