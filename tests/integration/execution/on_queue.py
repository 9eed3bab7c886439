"""A storage queue of its own on the emulator, and executions that drain it."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from ebb.core.clock import SystemClock
from ebb.core.contract.handler import Handler
from ebb.core.contract.poison import Poisoned
from ebb.core.settings.connection import resolve_connection
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.validation import validate_settings
from ebb.execution.execution import run_execution
from ebb.execution.execution_report import ExecutionReport
from ebb.sources.registry import open_poison, open_source
from ebb.sources.storage_queue.account import open_account
from ebb.sources.storage_queue.client import QueueClient
from tests.azurite import Azurite


async def _go_on() -> None:
    return None


class OnQueue:
    """A queue, and the settings of a schedule that drains it."""

    def __init__(self, azurite: Azurite, **settings: Any) -> None:
        self.name = f"on-{secrets.token_hex(4)}"
        self.environment = {"AzureWebJobsStorage": azurite.connection_string}
        source = {"type": "storageQueue", "queueName": self.name, "messageEncoding": "none", "createQueue": True}
        self.settings: ScheduleSettings = validate_settings(
            {"source": source, "handler": "handlers.noop:handle", **settings}
        )
        account = open_account(resolve_connection("AzureWebJobsStorage", self.environment))
        self.queue = QueueClient(account, self.name, create=True)

    async def put(self, *texts: str) -> None:
        """Put messages, side by side."""
        await self.queue.create()
        await asyncio.gather(*(self.queue.put(text) for text in texts))

    async def run(self, handler: Handler, **more: Any) -> ExecutionReport:
        """One execution; `more` are further arguments of `run_execution`."""
        source, clock = open_source(self.settings, self.environment), SystemClock()
        try:
            return await run_execution(source, handler, self.settings, reason_to_stop=_go_on, clock=clock, **more)
        finally:
            await source.close()

    async def poisoned(self) -> list[Poisoned]:
        """What lies in the poison queue."""
        place = open_poison(self.settings, self.environment)
        assert place is not None
        try:
            return await place.peek(32)
        finally:
            await place.close()
