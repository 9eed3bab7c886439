"""Calls of Ebb's HTTP API, for the command line: failures say what an exit code should be.

Answers are JSON as the app gave it, so that `-o json` shows what a newer app says; who reads one does it by its class.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path
from typing import Any, NoReturn
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import Request, urlopen

from ebb.cli.running import STATE_VARIABLE, RunningApp, find_running, looked_at
from ebb.core.document import Json, is_object

URL_VARIABLE = "EBB_URL"
KEY_VARIABLE = "EBB_KEY"  # a function key; never an argument, since arguments are seen by every process of the machine
TIMEOUT = 60.0  # seconds
PAGE = 500
LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")


class CallError(Exception):
    """A call that was not answered as wanted; `status` is None where there was no answer at all."""

    def __init__(self, text: str, status: int | None = None, problem: Mapping[str, Any] | None = None) -> None:
        super().__init__(text)
        self.status, self.problem = status, problem or {}


@dataclass(frozen=True)
class Client:
    """The API of one app, at `url`."""

    url: str
    key: str | None = None
    timeout: float = TIMEOUT
    running: RunningApp | None = None  # what `up` wrote down of this app, where it runs on this machine

    @classmethod
    def from_environment(cls, url: str | None = None, folder: Path | None = None) -> Client:
        """The app that `url` or the environment names, otherwise the one that `up` serves from `folder`.

        Args:
            folder: the current one without it; the nearest folder above counts too.

        Raises:
            ValueError: that is not the address of an app, or no app is known: none is guessed.
        """
        start = folder or Path.cwd()
        found = find_running(start, os.environ)
        address = url or os.environ.get(URL_VARIABLE) or (found.url if found else _refuse_to_guess(start))
        client = cls.at(address, os.environ.get(KEY_VARIABLE))
        return replace(client, running=found) if found and cls.at(found.url).url == client.url else client

    @classmethod
    def at(cls, url: str, key: str | None = None, timeout: float = TIMEOUT) -> Client:
        """The app at `url`: scheme and host, and the path of its API where that is not `/api`.

        Raises:
            ValueError: that is not the address of an app.
        """
        address = url.rstrip("/")
        try:
            parts = urlsplit(address)
            usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:  # a port that none is, or a bracket that is not closed
            usable = False
        if not usable:
            form = "write it as https://<name>.azurewebsites.net, or http://127.0.0.1:7071"
            raise ValueError(f"{address!r} is not an app's address; {form}")
        parts = urlsplit(address)
        return cls(address if parts.path else f"{address}/api", key, timeout)

    @property
    def described(self) -> str:
        """Which app this is, in one line; and its storage, where that is known."""
        return self.running.described() if self.running else f"app {self.url.removesuffix('/api')}"

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, object] | None = None,
        reason: str | None = None,
    ) -> Json:
        """The JSON document of a successful call; `path` begins behind `/api/`.

        `reason` goes into a header, for calls whose body has no room for it.

        Raises:
            CallError: it was refused, or there was no answer.
        """
        wanted = {key: str(value) for key, value in (query or {}).items() if value is not None}
        address = f"{self.url}/{path}" + (f"?{urlencode(wanted)}" if wanted else "")
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if self.key:
            headers["x-functions-key"] = self.key
        if method != "GET" and urlsplit(self.url).hostname in LOCAL_HOSTS:
            headers["ebb-caller"] = quote(_person())
        if reason:
            headers["ebb-reason"] = quote(reason)
        data = json.dumps(body).encode() if body is not None else None
        try:
            with urlopen(Request(address, data, headers, method=method), timeout=self.timeout) as answer:
                return _document(answer.read(), address)
        except HTTPError as error:
            with error:
                raise _refusal(error.code, error.read(), f"{method} {address}") from error
        except (URLError, OSError, HTTPException) as error:
            raise CallError(f"nothing answers at {self.url}: {_cause(error)}") from error

    def schedule(self, name: str) -> Json:
        """The Schedule document of `name`. Raises CallError."""
        return self.call("GET", self.path(name))

    def pages(self, path: str, limit: int | None, **query: object) -> Iterator[Json]:
        """The documents of a list, newest first, page by page; at most `limit`. Raises CallError."""
        token: str | None = None
        left = limit
        while left is None or left > 0:
            top = PAGE if left is None else min(PAGE, left)
            page = self.call("GET", path, query={**query, "top": top, "continuationToken": token})
            yield from page["value"]
            left = None if left is None else left - len(page["value"])
            token = page.get("continuationToken")
            if not token:
                return

    @staticmethod
    def path(name: str, *rest: str) -> str:
        """The path of schedule `name`, and of something of it."""
        return "/".join(["schedules", *(quote(part, safe="") for part in (name, *rest))])


def _person() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user that no file names
        user = f"user {os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def _refuse_to_guess(start: Path) -> NoReturn:
    places = ", ".join(str(folder) for folder in looked_at(start, os.environ))
    raise ValueError(
        f"no app is named, and none runs here (looked in {places}): start one with `up`, name its state folder in "
        f"{STATE_VARIABLE}, or its address with --url or {URL_VARIABLE}"
    )


def _cause(error: BaseException) -> str:
    """Why there was no answer, without the words of the library."""
    inner = getattr(error, "reason", error)
    return str(getattr(inner, "strerror", None) or inner or type(inner).__name__)


def _document(raw: bytes, address: str) -> Json:
    try:
        document = json.loads(raw)
    except ValueError as error:
        raise CallError(f"{address} is not an app of Ebb: it did not answer with JSON", 200) from error
    return document if is_object(document) else {"value": document}


def _refusal(status: int, raw: bytes, call: str) -> CallError:
    try:
        problem = json.loads(raw)
    except ValueError:
        problem = None
    if is_object(problem):
        return CallError(str(problem.get("detail") or problem.get("title") or problem), status, problem)
    if status in (401, 403):
        return CallError(f"{call}: {status}; set {KEY_VARIABLE} to a function key of the app", status)
    return CallError(f"{call}: {status}, which is not an answer of Ebb: another app may be at this address", status)
