"""A server on this machine that sends one caller on, so that a key stands in no process's arguments."""

from __future__ import annotations

import secrets
from http.server import BaseHTTPRequestHandler, HTTPServer

from ebb.cli.local.ports import LOOPBACK


class OneRedirect:
    """Sends the first caller who knows its address on to `target`, then ends.

    The arguments of a browser's process can be read by everybody on the machine, so the key must not be among them:
    there stands the address of this server, which has told `target` once by the time anybody could read it.
    """

    def __init__(self, target: str) -> None:
        path, self._done = f"/{secrets.token_urlsafe(24)}", False
        owner = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                known = self.path == path and not owner._done
                owner._done = owner._done or known
                self.send_response(302 if known else 404)
                if known:
                    self.send_header("Location", target)
                self.send_header("Cache-Control", "no-store")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Standard error is for people."""

        self._server = HTTPServer((LOOPBACK, 0), Answer)
        self.address = f"http://{LOOPBACK}:{self._server.server_address[1]}{path}"

    def __enter__(self) -> OneRedirect:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.server_close()

    def serve(self, seconds: float) -> bool:
        """Wait for the caller; False where none came within `seconds` of silence."""
        self._server.timeout = seconds
        timed_out = False

        def give_up() -> None:
            nonlocal timed_out
            timed_out = True

        self._server.handle_timeout = give_up
        while not self._done and not timed_out:
            self._server.handle_request()
        return self._done
