"""The commands that act on a running host through its management API, as `func durable` has them."""

from __future__ import annotations

import argparse
import json
import sys
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from devhost.errors import OperationError, StartError
from devhost.serve import forget
from devhost.store import Store

DEFAULT_URL = "http://127.0.0.1:7071"
_BASE = "/runtime/webhooks/durabletask"
_SILENT = {404: "there is no {}", 410: "{} is over; it has ended"}
"""What answers without a body mean."""


def add_verbs(commands: Any) -> None:
    """Describe the verbs to the parser of the command line."""
    start = _verb(commands, "start-new", "start an orchestration", _start_new)
    start.add_argument("--function-name", required=True)
    start.add_argument("--id")
    start.add_argument("--input", help="JSON text, or @file")
    start.add_argument("--version")
    listing = _verb(commands, "get-instances", "list instances", _get_instances)
    _add_filters(listing)
    listing.add_argument("--top", type=int, default=10)
    listing.add_argument("--continuation-token")
    status = _verb(commands, "get-runtime-status", "show the status of an instance", _get_status, with_id=True)
    status.add_argument("--show-input", action="store_true")
    _verb(commands, "get-history", "show the history of an instance", _get_history, with_id=True)
    event = _verb(commands, "raise-event", "raise an event to an instance", _raise_event, with_id=True)
    event.add_argument("--event-name", required=True)
    event.add_argument("--event-data", help="JSON text, or @file")
    for name in ("terminate", "suspend", "resume", "rewind"):
        change = _verb(commands, name, f"{name} an instance", _change, with_id=True)
        change.add_argument("--reason", default="")
    purge = _verb(commands, "purge-history", "remove ended instances", _purge)
    purge.add_argument("--id", help="remove this one, which must have ended")
    _add_filters(purge)
    delete = commands.add_parser("delete-task-hub", help="delete the state file; no host may be using it")
    delete.add_argument("--state", type=Path, default=Path(".devhost"))
    delete.set_defaults(run=_delete_task_hub)


def _verb(commands: Any, name: str, text: str, run: Any, *, with_id: bool = False) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text)
    parser.add_argument("--url", default=DEFAULT_URL, help=f"where the host listens (default: {DEFAULT_URL})")
    if with_id:
        parser.add_argument("--id", required=True)
    parser.set_defaults(run=run)
    return parser


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--created-after", help="ISO 8601 time")
    parser.add_argument("--created-before", help="ISO 8601 time")
    parser.add_argument("--runtime-status", help="comma-separated, for example completed,failed")


def _filters(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "createdTimeFrom": options.created_after,
        "createdTimeTo": options.created_before,
        "runtimeStatus": options.runtime_status,
    }


def _start_new(options: argparse.Namespace) -> None:
    path = f"orchestrators/{quote(options.function_name, safe='')}"
    path += f"/{quote(options.id, safe='')}" if options.id else ""
    answer, _ = _call(options.url, "POST", path, {"version": options.version}, _text(options.input))
    _show(answer)


def _get_instances(options: argparse.Namespace) -> None:
    headers = {"x-ms-continuation-token": options.continuation_token} if options.continuation_token else {}
    answer, token = _call(options.url, "GET", "instances/", {**_filters(options), "top": options.top}, headers=headers)
    _show(answer)
    if token:
        sys.stdout.write(f"Continuation token: {token}\n")


def _get_status(options: argparse.Namespace) -> None:
    answer, _ = _call(options.url, "GET", _instance(options), {"showInput": options.show_input})
    _show(answer)


def _get_history(options: argparse.Namespace) -> None:
    query = {"showHistory": True, "showHistoryOutput": True}
    answer, _ = _call(options.url, "GET", _instance(options), query)
    _show(answer["historyEvents"])


def _raise_event(options: argparse.Namespace) -> None:
    path = f"{_instance(options)}/raiseEvent/{quote(options.event_name, safe='')}"
    _call(options.url, "POST", path, {}, _text(options.event_data))


def _change(options: argparse.Namespace) -> None:
    _call(options.url, "POST", f"{_instance(options)}/{options.command}", {"reason": options.reason})


def _purge(options: argparse.Namespace) -> None:
    if options.id:
        answer, _ = _call(options.url, "DELETE", _instance(options), {})
    else:
        query = _filters(options)
        query["createdTimeFrom"] = query["createdTimeFrom"] or "0001-01-01T00:00:00Z"
        answer, _ = _call(options.url, "DELETE", "instances/", query)
    _show(answer)


def _delete_task_hub(options: argparse.Namespace) -> None:
    state = options.state.resolve()
    if not (state / "state.db").exists():
        raise StartError(f"there is no state file in {state}")
    Store.open(state).close()  # refuses while a host holds it
    forget(state)
    sys.stdout.write(f"Deleted {state / 'state.db'}\n")


def _instance(options: argparse.Namespace) -> str:
    return f"instances/{quote(options.id, safe='')}"


def _text(given: str | None) -> str | None:
    if not given or not given.startswith("@"):
        return given
    try:
        return Path(given[1:]).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise StartError(f"{given[1:]} cannot be read: {error}") from error


def _call(
    url: str,
    method: str,
    path: str,
    query: dict[str, Any],
    body: str | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[Any, str | None]:
    asked = urlencode({key: str(value) for key, value in query.items() if value is not None})
    if not url.lower().startswith(("http://", "https://")):
        raise StartError(f"--url must begin with http:// or https://, got {url!r}")
    request = urllib.request.Request(
        f"{url.rstrip('/')}{_BASE}/{path}?{asked}",
        body.encode() if body is not None else None,
        {"Content-Type": "application/json", **(headers or {})},
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            raw = response.read()
            return json.loads(raw) if raw else None, response.headers.get("x-ms-continuation-token")
    except urllib.error.HTTPError as error:
        with error:
            text = _message(error.read().decode()) or _SILENT.get(error.code, error.reason).format(path)
            raise OperationError(error.code, f"{error.code}: {text}", None) from error
    except (OSError, ValueError, HTTPException) as error:
        why = getattr(error, "reason", None) or error
        raise StartError(f"no host answers at {url} ({why}); start one, or name it with --url") from error


def _message(body: str) -> str:
    try:
        content = json.loads(body)
        if isinstance(content, str):
            return content
        return content.get("ExceptionMessage") or content.get("Message") or body
    except (ValueError, AttributeError):
        return body


def _show(content: Any) -> None:
    sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
