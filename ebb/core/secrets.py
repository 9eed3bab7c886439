"""What looks like a secret in a text, and the text without it. No I/O, no Azure import.

Settings, handlers' errors, logs and the server's answers are shown and kept; people put connection strings into all of
them. Each form in which secrets are written has one pattern here, with the part to hide named `secret`; what stands
around it, quotes and brackets too, stays. Where a text can be read in two ways, the secret wins.
"""

from __future__ import annotations

import base64
import binascii
import re

HIDDEN = "(hidden)"

# Names of values that are secret, alone or behind a prefix: AccountKey, DB_PASSWORD, spring.datasource.password.
_NAME = r"""(?:(?<![A-Za-z0-9])|(?<=%[0-9A-F]{2}))(?P<name> (?: [A-Za-z0-9]{1,40} [_.-] ){0,8}
    (?: account[_-]?key | shared[_-]?access[_-]?(?:key|signature) | pwd | credentials? | sig
      | [a-z0-9]{0,40}? (?: password | passwd | passphrase | secret )
      | [a-z0-9]{0,40}? (?: api | access | secret | private | functions? | host | master | encryption | signing
        | subscription | storage | primary | secondary )[_-]?key
      | (?:access|auth|refresh|id|api|bearer|security|session)?[_-]?token ) )"""
_QUOTED = (  # in quotes of each kind, and in quotes that are escaped themselves: JSON in JSON, and deeper
    r'"(?P<secret>(?:\\.|[^"\\])*)"',
    r"'(?P<secret>(?:\\.|[^'\\])*)'",
    r'\\"(?P<secret>(?:\\{4}|\\{3}"|\\{2}[^\\"]|[^\\"])*)\\"',
    r"""(?P<quote>\\+["'])(?P<secret>(?:(?!(?P=quote)).)*)(?P=quote)""",
)
# Up to where a value without quotes ends: a comma, an ampersand or a quote may belong to it or not.
_PLAIN = r"""(?P<secret>(?: [^\s;&"',] | [,&](?![\s"']|$|[A-Za-z%][\w\ .%-]*=) | ["'](?=[A-Za-z0-9]) )+)"""
_FLAGS = re.IGNORECASE | re.VERBOSE | re.MULTILINE

_FORMS = (
    re.compile(
        r"(?P<secret>-----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----.*?(?:-----END[ ][A-Z ]*KEY-----|\Z))", _FLAGS | re.S
    ),
    # scheme://user:password@host; the password may hold what an address should not, up to the last @ of the word
    re.compile(
        r"""(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{0,30}://[^\s/:@?\#"'<>]*: (?!\d{1,5}(?:[/?\#\s]|$))
        (?P<secret>(?:(?!://)[^\s"'<>])+)@""",
        _FLAGS,
    ),
    re.compile(
        r"""(?:proxy-)?authorization\\*["']?\s*[:=]\s*\\*["']?(?:[A-Za-z]+[ ])?(?P<secret>[^\s"'\\]+)""", _FLAGS
    ),
    re.compile(r"""\b(?:bearer|token)[ ](?P<secret>(?=[^\s"']*\d|[^\s"',;)\]}]{20})[\w.~+/=-]{8,})""", _FLAGS),
    re.compile(r"""\bsharedkey(?:lite)?[ ][\w-]+:(?P<secret>[A-Za-z0-9+/=]{8,})""", _FLAGS),
    re.compile(
        r"""(?:x-functions-key|x-api-key|api-key|(?:set-)?cookie)\\*["']?\s*:\s*\\*["']?(?P<secret>[^\s"'\\,]+)""",
        _FLAGS,
    ),
    re.compile(r"""[?&]code=(?P<secret>[\w%=-]{20,})""", _FLAGS),
    re.compile(r"(?P<secret>\beyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?)"),  # a JSON Web Token, RFC 7519
    re.compile(r"(?P<secret>\b(?:gh[opsur]_\w{20,}|github_pat_\w{20,}|xox[abeprs]-[\w-]{10,}|sk-[\w-]{20,}))"),
    re.compile(r"(?P<secret>\b[\w.~-]{3}\dQ~[\w.~-]{31,34})"),  # a client secret of Microsoft Entra
)
_NAMED_FORMS = (
    # Password='...' of a connection string: its quotes are part of the value
    re.compile(_NAME + r"""\\*["']?\s*=\s*(?P<secret>"[^"]+"|'[^']+')""", _FLAGS),
    # "password": "...", password: '...', {\"password\": \"...\"}
    *(re.compile(_NAME + r"""\\*["']?\s*(?::|=>|=|%3D)\s*""" + quoted, _FLAGS | re.S) for quoted in _QUOTED),
    # ;Password=with blanks;Encrypt=true
    re.compile(r""";\s*""" + _NAME + r"""\s*=\s*(?P<secret>[^;\n"']+?)\s*(?=;\s*[A-Za-z][\w\ .-]*=|;\s*$)""", _FLAGS),
    # AccountKey=..., DB_PASSWORD=..., &sig=..., sig%3D...
    re.compile(_NAME + r"""\\*["']?\s*(?:=|%3D)\s*(?![\s="'])""" + _PLAIN, _FLAGS),
    # password: value  as YAML has it: at the start of a line or of a {mapping}, and one word
    re.compile(
        r"""(?:^|[{,\[]|\n)[ \t-]*["']?"""
        + _NAME
        + r"""["']?[ \t]*:[ \t]+(?P<secret>[^\s"'][^\s]*?)(?=[ \t]*(?:$|[},\]]|\#))""",
        _FLAGS,
    ),
)
# A word of each name: without one, named forms need not be looked for, which cost most of the time of a usual log line.
_NAME_HINTS = re.compile(r"key|sig|pwd|credential|passw|passphrase|secret|token", re.IGNORECASE)
_ACCOUNT_KEY = re.compile(r"(?<![A-Za-z0-9+/])(?P<secret>[A-Za-z0-9+/]{86}==)")  # 64 bytes of base64
_BASIC = re.compile(r"(?i:\bbasic )(?P<secret>[A-Za-z0-9+/]{2,}={0,2})(?![A-Za-z0-9+/=])")  # user:password, RFC 7617
_HINTS = re.compile(r"[=:]|%3D|eyJ|-----BEGIN|bearer |token |basic |gh[opsur]_|github_pat_|xox|sk-|Q~", re.IGNORECASE)
_OPEN = {")": "(", "]": "[", "}": "{", ">": "<"}


def hide_secrets(text: str) -> str:
    """`text` with each value that looks like a key, token, signature or password replaced by HIDDEN.

    A shared access signature goes with all its parts, since its "sig" may stand anywhere in it.
    """
    if _HINTS.search(text) is None:
        return text
    named = _NAMED_FORMS if _NAME_HINTS.search(text) is not None else ()
    for form in (*_FORMS, *named, _ACCOUNT_KEY):
        text = form.sub(_hidden, text)
    return _BASIC.sub(_credentials, text)


def holds_secret(text: str) -> bool:
    """Whether `hide_secrets` would hide something."""
    return hide_secrets(text) != text


def _hidden(match: re.Match[str]) -> str:
    """The match without its secret; brackets that were opened before it are closed after it still."""
    found, start = match[0], match.start("secret") - match.start()
    secret = match["secret"]
    end = start + len(secret)
    if not secret.strip():
        return found
    if end == len(found):  # it has no quotes of its own
        secret = _without_closers(secret)
        end = start + len(secret)
    return found[:start] + HIDDEN + found[end:] if secret else found


def _without_closers(secret: str) -> str:
    while secret and (opened := _OPEN.get(secret[-1])) and secret.count(secret[-1]) > secret.count(opened):
        secret = secret[:-1]
    return secret


def _credentials(match: re.Match[str]) -> str:
    """As `_hidden`, where the base64 behind "Basic" holds a user and a password: it may be a word as well."""
    try:
        decoded = base64.b64decode(match["secret"], validate=True)
    except binascii.Error:
        return match[0]
    return _hidden(match) if b":" in decoded else match[0]
