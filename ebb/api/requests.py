"""What a request says: its JSON body, its caller, and the schedule it names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NoReturn, cast
from urllib.parse import parse_qs, unquote, urlsplit

import azure.functions as func

from ebb.api.headers import header
from ebb.api.problems import invalid_request, unknown_schedule
from ebb.core.access import signs_in
from ebb.core.clock import parse_rfc3339
from ebb.core.errors import RequestRefusedError
from ebb.core.pages import Span
from ebb.core.secrets import hide_secrets
from ebb.core.settings.schedules import Schedules

LARGEST_BODY = 64 * 1024  # bytes; overrides and reasons are far smaller
LONGEST_REASON = 1000  # characters
_FIRST_YEAR = 1971  # nothing is older; times are kept as milliseconds since 1970
LONGEST_CALLER = 200  # characters
_VERB = re.compile(r"schedules/[^/]+/[^/]+/?$")
TRUST_SETTING = "EbbTrustClientPrincipal"
CALLER_HEADER = "ebb-caller"  # percent-encoded UTF-8
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")  # tabs and line ends are text
_EXECUTION = re.compile(r"([0-9]{1,12})-([0-9]{1,6})")


def schedule_name(req: func.HttpRequest, schedules: Schedules) -> str:
    """The schedule in the route.

    Raises:
        RequestRefusedError: 404, there is none of that name.
    """
    name = str(req.route_params.get("name", ""))
    if name not in schedules:
        raise unknown_schedule(name, list(schedules))
    return name


def json_body(req: func.HttpRequest, allowed: set[str] | None = None) -> dict[str, Any]:
    """The JSON object in the body; an empty body is an empty object.

    Raises:
        RequestRefusedError: 400 not a JSON object or a member that is not in `allowed`, 413 too large, 415 not said to
            be JSON: what any web page may send without being asked (a form, a text) changes nothing here.
    """
    raw = req.get_body()
    if len(raw) > LARGEST_BODY:
        raise RequestRefusedError("tooLarge", f"{len(raw)} bytes; at most {LARGEST_BODY} are read")
    if not raw.strip():
        return {}
    kind = (header(req, "content-type") or "").partition(";")[0].strip().lower()
    if not re.fullmatch(r"application/(?:[\w.-]+\+)?json", kind):
        detail = f"the body is {kind or 'of no type'}; send it with Content-Type: application/json"
        raise RequestRefusedError("unsupportedMediaType", detail)
    try:
        body: object = json.loads(raw, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise invalid_request(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise invalid_request(f"the body must be a JSON object, not {type(body).__name__}")
    members = cast("dict[str, Any]", body)
    if allowed is not None and (unknown := sorted(members.keys() - allowed)):
        raise invalid_request(f"unknown member {unknown[0]!r}; known are {', '.join(sorted(allowed))}")
    return members


def text_member(body: dict[str, Any], name: str, *, required: bool = False) -> str | None:
    """A text in the body, without surrounding blanks.

    Raises:
        RequestRefusedError: 400, missing, empty, too long or no text.
    """
    value = body.get(name)
    if value is None and not required:
        return None
    if not isinstance(value, str) or not value.strip():
        raise invalid_request(
            f"{name!r} must be a text that is not empty, for example {json.dumps({name: 'deploying'})}"
        )
    if len(value) > LONGEST_REASON:
        raise invalid_request(f"{name!r} has {len(value)} characters; at most {LONGEST_REASON} are kept")
    if _NO_TEXT.search(value):
        raise invalid_request(
            f"{name!r} has characters that are not text: a control character, or half a surrogate pair"
        )
    return hide_secrets(value.strip())  # it is kept and shown


def reason_header(req: func.HttpRequest) -> str | None:
    """The reason of a change whose body has no room for one: header `ebb-reason`, percent-encoded UTF-8.

    Raises:
        RequestRefusedError: 400, empty, too long or no text.
    """
    given = header(req, "ebb-reason")
    return None if given is None else text_member({"ebb-reason": unquote(given)}, "ebb-reason")


def object_member(body: dict[str, Any], name: str) -> dict[str, Any]:
    """An object in the body; an empty one where there is none.

    Raises:
        RequestRefusedError: 400, it is something else.
    """
    value = body.get(name)
    if value is not None and not isinstance(value, dict):
        raise invalid_request(f"{name!r} must be an object, not {type(value).__name__}")
    return cast("dict[str, Any]", value or {})


def whole_member(body: dict[str, Any], name: str, default: int, largest: int, least: int = 1) -> int:
    """A whole number in the body, from `least` to `largest`.

    Raises:
        RequestRefusedError: 400, it is none.
    """
    value = body.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= largest:
        raise invalid_request(f"{name!r} is {str(value)[:80]!r}; it must be a whole number from {least} to {largest}")
    return value


def time_member(body: dict[str, Any], name: str) -> datetime | None:
    """A time in the body.

    Raises:
        RequestRefusedError: 400, no RFC 3339 time with an offset.
    """
    value = body.get(name)
    if value is None:
        return None
    try:
        return parse_rfc3339(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise invalid_request(f"{name!r} is {value!r}; it must be a time as 2026-01-31T12:00:00Z") from error


def parameter(req: func.HttpRequest, name: str) -> str | None:
    """A parameter of the query; one that is there and empty is an empty text, though hosts leave it out."""
    if name in req.params:
        return req.params[name]
    return "" if name in parse_qs(urlsplit(req.url).query, keep_blank_values=True) else None


def whole_parameter(req: func.HttpRequest, name: str, default: int, largest: int) -> int:
    """A whole number of the query, from 1 to `largest`.

    Raises:
        RequestRefusedError: 400, it is none.
    """
    text = parameter(req, name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= largest):
        raise invalid_request(f"{name}={text!r} must be a whole number from 1 to {largest}")
    return int(text)


def execution_name(req: func.HttpRequest, schedule: str) -> tuple[int, int]:
    """Cycle and index of the execution in the route: `42-3`, or `<schedule>-42-3` as the list names it.

    Raises:
        RequestRefusedError: 404, it is not such a name.
    """
    text = str(req.route_params.get("execution", ""))
    found = _EXECUTION.fullmatch(text.removeprefix(f"{schedule}-"))
    if found is None:
        detail = f"there is no execution {text[:80]!r}; name it by its cycle and index, as 42-3"
        raise RequestRefusedError("unknownExecution", detail)
    return int(found[1]), int(found[2])


def span_of(req: func.HttpRequest) -> Span:
    """The part of the past that `from` and `to` of the query name; without one of them, without that end.

    Raises:
        RequestRefusedError: 400, no time, or the end before the start.
    """
    start, end = time_parameter(req, "from"), time_parameter(req, "to")
    if start is not None and end is not None and end < start:
        raise invalid_request(f"from={parameter(req, 'from')!r} is after to={parameter(req, 'to')!r}")
    return Span(start, end)


def time_parameter(req: func.HttpRequest, name: str) -> datetime | None:
    """A time of the query, with the offset that it was given with.

    Raises:
        RequestRefusedError: 400, no RFC 3339 time with an offset.
    """
    text = parameter(req, name)
    if text is None:
        return None
    try:
        written = text.replace(" ", "+")  # a + that was not written as %2B
        parse_rfc3339(written)
        moment = datetime.fromisoformat(written)
    except (ValueError, OverflowError) as error:
        raise invalid_request(f"{name}={text[:80]!r} must be a time as 2026-01-31T12:00:00Z") from error
    if moment.year < _FIRST_YEAR:
        raise invalid_request(f"{name}={text[:80]!r} is before {_FIRST_YEAR}")
    return moment


def caller(req: func.HttpRequest, environment: Mapping[str, str]) -> str | None:
    """Who asks, as far as that is known.

    The platform's authentication (Easy Auth of Container Apps and App Service) sets a header with the name. Where it is
    not in front, anybody can set that header; so it counts only where an app setting says that it is: TRUST_SETTING, or
    the one of the sign-in that checks roles. The command `ebb` names user and machine in the header CALLER_HEADER when
    it calls an app on its own machine, where nobody signs in.
    """
    name = header(req, "x-ms-client-principal-name") or header(req, "x-ms-client-principal-id")
    claimed = name[:LONGEST_CALLER] if name else None
    if environment.get(TRUST_SETTING, "").strip().lower() == "true" or signs_in(environment):
        return claimed
    with_key = "x-functions-key" in req.headers or "code" in req.params
    known = "holder of a function key" if with_key else None
    local = header(req, CALLER_HEADER)
    if not claimed and local:
        told = f"{_NO_TEXT.sub('', unquote(local))[:LONGEST_CALLER]} (not verified)"
        return f"{known}, {told}" if known else told
    return f"{known or 'unknown'}, says to be {claimed} (not verified)" if claimed else known


def address_of(req: func.HttpRequest) -> str:
    """The address of the API as who asks for a schedule's verb sees it, behind a proxy too: scheme, host and prefix."""
    scheme, _, rest = req.url.partition("://")
    host, _, path = rest.partition("/")
    prefix = _VERB.sub("", urlsplit(path).path).rstrip("/")
    public = f"{header(req, 'x-forwarded-proto') or scheme}://{header(req, 'x-forwarded-host') or host}"
    return f"{public}/{prefix}" if prefix else public


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number of JSON")
