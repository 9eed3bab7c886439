"""Where a request may come from: no other web page may change anything with the keys or the network of its visitor.

Browsers say where a request comes from (`Origin`, and `Sec-Fetch-Site`, https://www.w3.org/TR/fetch-metadata/); what is
no browser says nothing, and is let in. Reading is not checked: a page cannot see the answer without CORS.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import azure.functions as func

from ebb.api.headers import header
from ebb.core.errors import RequestRefusedError

ALLOWED_SETTING = "EbbAllowedOrigins"  # pages of other origins that may operate the app, separated by blanks
_READING = ("GET", "HEAD", "OPTIONS")
_OWN_SITE = ("same-origin", "none")  # none: typed in, or a bookmark
_DEFAULT_PORTS = {"http": 80, "https": 443}


def refuse_foreign(req: func.HttpRequest, environment: Mapping[str, str]) -> None:
    """Pass if the request changes nothing, comes from no web page, or from one of the app's own or an allowed origin.

    Raises:
        RequestRefusedError: 403, it comes from another web page.
    """
    if req.method.upper() in _READING:
        return
    origin, site = header(req, "origin"), header(req, "sec-fetch-site")
    if origin is not None and origin in environment.get(ALLOWED_SETTING, "").split():
        return
    if origin is not None and _address(origin) not in _own_addresses(req):
        raise _foreign(f"it comes from the web page of {origin[:200]!r}")
    if site is not None and site not in _OWN_SITE:
        raise _foreign(f"it comes from another web page (Sec-Fetch-Site: {site[:50]})")


def _own_addresses(req: func.HttpRequest) -> set[tuple[str, int | None]]:
    """Host and port of the app as the request may have known it: directly, and behind a proxy."""
    scheme = header(req, "x-forwarded-proto") or urlsplit(req.url).scheme
    hosts = (header(req, "host"), header(req, "x-forwarded-host"))
    return {_address(req.url), *(_address(f"{scheme}://{host}") for host in hosts if host)}


def _address(url: str) -> tuple[str, int | None]:
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return "", None


def _foreign(why: str) -> RequestRefusedError:
    way_out = f"call the API without a browser, or name the page's origin in app setting {ALLOWED_SETTING}"
    return RequestRefusedError("foreignOrigin", f"the request is refused: {why}; {way_out}")
