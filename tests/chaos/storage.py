"""The storage under test: an Azurite that can be killed and comes back with its disk, and what is put into it."""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path
from typing import Any

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.core.pipeline.policies import RetryMode
from azure.storage.queue import QueueClient

from tests.azurite import Azurite
from tests.chaos.app import book

RETRIES = {"retry_total": 0, "retry_mode": RetryMode.Fixed, "connection_timeout": 10, "read_timeout": 20}
KEEP = 3600  # seconds for which a message that was looked at in the poison queue stays hidden


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
        self._texts: dict[str, str] = {}  # what was put, to its id: poison without an envelope is known by its body
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
        return self.put_stored(about, text)

    def put_stored(self, about: dict[str, Any], text: str) -> bool:
        """Put a message whose text in the queue is `text`."""
        try:
            message = self.queue.send_message(text)
        except AzureError:
            book.write(self._ledger, "put", message=f"unknown-{about['number']}", certain=False, **about)
            return False
        book.write(self._ledger, "put", message=str(message.id), **about)
        self._texts[text] = str(message.id)
        return True

    def waiting(self) -> int:
        """How many messages are in the queue, hidden ones too."""
        return self.queue.get_queue_properties().approximate_message_count or 0

    def collect_poison(self) -> int:
        """Write down the messages that came to the poison queue since the last call; returns how many."""
        found = 0
        try:
            for page in self.poison_queue.receive_messages(messages_per_page=32, visibility_timeout=KEEP).by_page():
                for message in page:
                    identity, reason = self._envelope(str(message.content))
                    book.write(self._ledger, "poisoned", message=identity, reason=reason)
                    self.poison_queue.delete_message(message)
                    found += 1
        except ResourceNotFoundError:  # it is made when the first message goes there
            return 0
        return found

    def close(self) -> None:
        """Let go of connections."""
        self.queue.close()
        self.poison_queue.close()

    def _envelope(self, text: str) -> tuple[str, str | None]:
        """Id and reason of a poison message; one without an envelope has no reason."""
        with contextlib.suppress(ValueError):
            document = json.loads(base64.b64decode(text) if self._encoding == "base64" else text)
            if isinstance(document, dict) and "reason" in document:
                return document.get("id") or "unknown", document["reason"]
        return self._texts.get(text, "unknown"), None
