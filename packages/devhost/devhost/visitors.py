"""Who may call the host: programs on this computer, and web pages that the app lets in. No other page in a browser.

A page of any site can send requests to 127.0.0.1, and by a name that resolves to it (DNS rebinding) also read the
answers. Such a name stands in `Host`; a page of another site shows in `Origin` and `Sec-Fetch-Site`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address

_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]/@?#\s]+)(?::\d{1,5})?")


def is_loopback(authority: str) -> bool:
    """Whether `host[:port]` names this computer: localhost, a name below it, 127.0.0.0/8 or ::1."""
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        return False
    host = found[1].strip("[]").lower().rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def refusal(headers: Mapping[str, str], own_port: int, *, is_let_in: bool) -> str | None:
    """Say why a request is refused; None when it may pass. `is_let_in`: its origin is listed under CORS."""
    host, origin = headers.get("Host", ""), headers.get("Origin")
    if not is_loopback(host):
        return f"This host answers on this computer only: Host must be localhost or 127.0.0.1, got {host[:100]!r}."
    if is_let_in:
        return None
    if origin is not None and not _is_own(origin, own_port):
        return f"A page of {origin[:100]!r} may not call this host; list it under Host.CORS in local.settings.json."
    if headers.get("Sec-Fetch-Site", "").lower() == "cross-site":
        return "A page of another site may not call this host; list it under Host.CORS in local.settings.json."
    return None


def _is_own(origin: str, own_port: int) -> bool:
    scheme, mark, authority = origin.partition("://")
    port = authority.rpartition(":")[2] if re.search(r":\d+$", authority) else "80"
    return scheme == "http" and mark != "" and port == str(own_port) and is_loopback(authority)
