"""Ports of this machine: which are taken, said before anything is started."""

from __future__ import annotations

import contextlib
import socket

from ebb.cli.local.errors import LocalError

LOOPBACK = "127.0.0.1"


def require_free(port: int, what: str, flag: str) -> None:
    """Nothing if nobody listens on `port`.

    Raises:
        LocalError: it is taken; the text names the port and the flag that chooses another one.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections being closed do not count
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise LocalError(
                f"port {port} ({what}) is taken: stop the program that listens there, or choose another with {flag}"
            ) from error


def free_port(count: int = 1) -> int:
    """The first of `count` ports in a row that nobody listens on now."""
    for _ in range(100):
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            first = stack.enter_context(socket.socket())
            first.bind((LOOPBACK, 0))
            port: int = first.getsockname()[1]
            for offset in range(1, count):
                stack.enter_context(socket.socket()).bind((LOOPBACK, port + offset))
            return port
    raise LocalError(f"found no {count} free ports in a row on {LOOPBACK}: name them with --port and --storage-port")


def accepts(port: int) -> bool:
    """Whether somebody takes connections on `port`."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False
