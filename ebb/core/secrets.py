"""What looks like a secret in a text, and the text without it. No I/O, no Azure import.

Settings, handlers' errors and the server's answers are shown and kept; people put connection strings into all three.
"""

from __future__ import annotations

import re

HIDDEN = "(hidden)"

# Parts of connection strings and signed URLs: AccountKey=..., SharedAccessKey=..., SharedAccessSignature=..., sig=...
_NAMED = re.compile(
    r"""(?ix) (?<![a-z0-9])
    (?P<name> account[_-]?key | sharedaccess(?:key|signature) | pass(?:word|wd) | pwd | client[_-]?secret | sig )
    (?P<sign> \s* = \s*)
    (?P<value> "[^"]*" | '[^']*' | [^\s;&"',}]+ )"""
)
_BARE = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{86}==")  # 64 bytes of base64: the key of a storage account


def hide_secrets(text: str) -> str:
    """`text` with each value that looks like a key, signature or password replaced by HIDDEN.

    A shared access signature goes with all its parts, since its "sig" may stand anywhere in it.
    """
    if "=" not in text:
        return text
    return _BARE.sub(HIDDEN, _NAMED.sub(lambda match: f"{match['name']}{match['sign']}{HIDDEN}", text))


def holds_secret(text: str) -> bool:
    """Whether `hide_secrets` would hide something."""
    return hide_secrets(text) != text
