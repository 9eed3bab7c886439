"""The storage under test: an Azurite that can be killed and comes back with its disk, and what is put into it."""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path
from typing import Any

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.core.pipeline.policies import RetryMode
from azure.storage.queue import QueueClient

from tests.azurite import Azurite
from tests.chaos.app import book

RETRIES = {"retry_total": 0, "retry_mode": RetryMode.Fixed, "connection_timeout": 10, "read_timeout": 20}


class DurableAzurite(Azurite):
    """An Azurite whose process may die; its data stay until `stop`."""

    def kill(self) -> None:
        """End the process as a power cut would."""
        self.process.kill()
        self.process.wait()

    def revive(self) -> None:
        """Start it again on the same ports and data."""
        self.process = self._spawn()
        if not self._listens(60):
            raise RuntimeError(f"Azurite did not come back: {(self.folder / 'output.txt').read_text()[-1000:]}")


class Feeder:
    """Puts numbered messages straight into a queue, past any fault, and writes down that it did."""

    def __init__(self, azurite: Azurite, ledger: Path, schedule: str, queue: str, encoding: str = "none") -> None:
        self._ledger, self._schedule, self._encoding = ledger, schedule, encoding
        self._bodies: dict[str, str] = {}  # by id
        text = azurite.connection_string
        self.queue = QueueClient.from_connection_string(text, queue, **RETRIES)
        self.poison_queue = QueueClient.from_connection_string(text, f"{queue}-poison", **RETRIES)
        with contextlib.suppress(ResourceExistsError):
            self.queue.create_queue()

    def put(self, number: int, job: str = "well", **order: Any) -> bool:
        """Put one message that asks its handler for `job`; False where nobody knows whether it was put."""
        body = json.dumps({"n": number, "job": job, **order})
        return self.put_text(number, job, body)

    def put_text(self, number: int, job: str, body: str) -> bool:
        """As `put`, with a body as it is; `job` is what the checker is to think of it."""
        about = {"number": number, "job": job, "schedule": self._schedule}
        text = base64.b64encode(body.encode()).decode() if self._encoding == "base64" else body
        return self.put_stored(about, text, body)

    def put_stored(self, about: dict[str, Any], text: str, body: str | None = None) -> bool:
        """Put a message whose text in the queue is `text`; its body, where that is known."""
        try:
            message = self.queue.send_message(text)
        except AzureError:
            book.write(self._ledger, "put", message=f"unknown-{about['number']}", certain=False, **about)
            return False
        book.write(self._ledger, "put", message=str(message.id), **about)
        if body is not None:
            self._bodies[str(message.id)] = body
        return True

    def waiting(self) -> int:
        """How many messages are in the queue, hidden ones too; 1 while a busy machine does not answer."""
        try:
            return self.queue.get_queue_properties().approximate_message_count or 0
        except AzureError:
            return 1

    def has_poison(self) -> bool:
        """Whether anything is in the poison place; asked of the storage itself, which costs the app nothing."""
        try:
            return bool(self.poison_queue.get_queue_properties().approximate_message_count)
        except AzureError:  # it is made when the first message goes there, and a busy machine may not answer
            return False

    def is_body_of(self, message: str, shown: str) -> bool:
        """Whether what the app shows of a message's body is the beginning of what was put; or nobody knows."""
        return self._bodies.get(message, shown).startswith(shown)

    def close(self) -> None:
        """Let go of connections."""
        self.queue.close()
        self.poison_queue.close()
