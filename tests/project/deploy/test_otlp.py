"""Telemetry over OTLP, against a collector on this machine; the exporter is in the environment of the tools."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.integration.telemetry.exporting import run


class Collector(BaseHTTPRequestHandler):
    """Takes what is posted."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((self.path, body))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.mark.timeout(600)  # it may have to make the environment of the tools, which has the exporter
def test_otlp_mode_posts_metrics_and_spans_to_the_endpoint(infra_tools):
    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        server.posts = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        done = run(infra_tools / "python", EbbTelemetry="otlp", OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
        server.shutdown()
        posts = dict(server.posts)
    assert done.returncode == 0, done.stderr
    assert set(posts) == {"/v1/metrics", "/v1/traces"}
    for name in (b"ebb.schedule.backlog", b"ebb.messages", b"ebb.watchdog.incidents"):
        assert name in posts["/v1/metrics"]
    for name in (b"process work", b"messaging.destination.name"):
        assert name in posts["/v1/traces"]
