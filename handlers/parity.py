"""The sample job: the body of a message is a UNIX time, and the handler says whether it is even or odd.

If the environment variable EBB_PARITY_LEDGER names a file, each message handled is written down there as one line of
JSON, so that a demonstration or a test can check what was done, and by which process. EBB_PARITY_SECONDS makes each
message take so long, so that a backlog can be seen to drain.
"""

from __future__ import annotations

import json
import logging
import os
import re
import time

from ebb import Message, PoisonMessage

LEDGER = "EBB_PARITY_LEDGER"
SECONDS = "EBB_PARITY_SECONDS"

_log = logging.getLogger("ebb.parity")


def classify(message: Message) -> str:
    """Say whether the UNIX time in `message` is "even" or "odd".

    Raises:
        PoisonMessage: the body is not a whole number; it never will be.
    """
    text = message.body.decode(errors="replace").strip()
    if not re.fullmatch(r"-?[0-9]{1,4000}", text):
        raise PoisonMessage(f"{text[:80]!r} is not a UNIX time (whole seconds since 1970-01-01)")
    if seconds := os.environ.get(SECONDS):
        time.sleep(float(seconds))
    parity = "odd" if int(text) % 2 else "even"
    _log.debug("message %s: %s is %s", message.id, text, parity)
    if ledger := os.environ.get(LEDGER):
        _write_down(ledger, message, int(text), parity)
    return parity


def _write_down(ledger: str, message: Message, value: int, parity: str) -> None:
    entry = {"id": message.id, "value": value, "parity": parity, "at": time.time(), "pid": os.getpid()}
    line = json.dumps(entry).encode() + b"\n"
    descriptor = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, line)  # one write to a file opened for appending: lines of several processes never mix
    finally:
        os.close(descriptor)
