"""What a process logs, a handler's own lines and tracebacks included, leaves it without secrets."""

from __future__ import annotations

import io
import logging

from ebb.telemetry import context_log, masked_log


def test_lines_and_tracebacks_are_masked_once_and_beside_the_context() -> None:
    logger, stream = logging.getLogger("test.masked"), io.StringIO()
    logger.setLevel(logging.INFO)
    logger.addHandler(logging.StreamHandler(stream))
    masked_log.install(logger)
    context_log.install(logger)
    masked_log.install(logger)
    logger.info("connecting to %s", "postgres://bob:S3cret@db", extra={"schedule": "parity"})
    try:
        raise ValueError("AccountKey=S3cret")
    except ValueError:
        logger.exception("it failed")
    told = stream.getvalue()
    assert 'connecting to postgres://bob:(hidden)@db {"schedule": "parity"}' in told
    assert "ValueError: AccountKey=(hidden)" in told
    assert "S3cret" not in told
