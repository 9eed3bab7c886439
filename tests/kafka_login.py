"""The smallest broker of Kafka that refuses each login: it says which versions it knows, and then no.

https://kafka.apache.org/protocol
"""

from __future__ import annotations

import socketserver
import struct
import threading
from contextlib import suppress
from types import TracebackType

VERSIONS, HANDSHAKE, AUTHENTICATE = 18, 17, 36  # keys of requests
KNOWN = {3: (0, 1), HANDSHAKE: (0, 1), VERSIONS: (0, 3), AUTHENTICATE: (0, 1)}  # and the versions of each
REFUSED = 58  # SASL_AUTHENTICATION_FAILED


class RefusingBroker:
    """Listens on a free port of 127.0.0.1, in a thread, and refuses each login."""

    def __init__(self) -> None:
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Connection)
        self._server.daemon_threads = True
        self.servers = f"127.0.0.1:{self._server.server_address[1]}"  # for `bootstrapServers`
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __enter__(self) -> RefusingBroker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Connection(socketserver.StreamRequestHandler):
    """Requests of one client, one after the other."""

    def handle(self) -> None:
        with suppress(ConnectionError):
            while len(size := self.rfile.read(4)) == 4:
                request = self.rfile.read(*struct.unpack(">i", size))
                key, version, number = struct.unpack(">hhi", request[:8])
                answer = struct.pack(">i", number) + self._answer(key, version)
                self.wfile.write(struct.pack(">i", len(answer)) + answer)

    def _answer(self, key: int, version: int) -> bytes:
        if key == VERSIONS:
            rows = [struct.pack(">hhh", each, *known) for each, known in KNOWN.items()]
            if version < 3:
                return struct.pack(">hi", 0, len(rows)) + b"".join(rows) + (struct.pack(">i", 0) if version else b"")
            compact = bytes([len(rows) + 1]) + b"".join(row + b"\0" for row in rows)
            return struct.pack(">h", 0) + compact + struct.pack(">i", 0) + b"\0"
        if key == HANDSHAKE:
            names = [b"PLAIN", b"SCRAM-SHA-256", b"SCRAM-SHA-512"]
            return struct.pack(">hi", 0, len(names)) + b"".join(struct.pack(">h", len(each)) + each for each in names)
        if key == AUTHENTICATE:
            text = b"Authentication failed: Invalid username or password"
            more = struct.pack(">q", 0) if version else b""
            return struct.pack(">hh", REFUSED, len(text)) + text + struct.pack(">i", 0) + more
        raise ConnectionError(f"request {key} before a login")
