"""What can be asked of the instances of a host: start, look, tell, stop, purge. HTTP and tests share it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from devhost.clock import Clock
from devhost.engine import Engine
from devhost.errors import OperationError
from devhost.events import EventType, event
from devhost.ids import fault_of_id
from devhost.indexing import Functions
from devhost.instance import Instance, Status
from devhost.lane import Lane
from devhost.queries import Page, Query, find_page, select_ids
from devhost.settings import HostSettings
from devhost.status import Show, status_json
from devhost.store import Store
from devhost.timestamps import stamp


def bad_argument(text: str) -> OperationError:
    """The 400 of the Durable extension for arguments that it cannot take."""
    return OperationError(
        400,
        text,
        {
            "Message": "One or more of the arguments submitted is incorrect",
            "ExceptionMessage": text,
            "ExceptionType": "System.ArgumentException",
            "StackTrace": "",
        },
    )


def went_wrong(text: str) -> OperationError:
    """The 500 of the Durable extension."""
    return OperationError(
        500,
        text,
        {
            "Message": "Something went wrong while processing your request",
            "ExceptionMessage": text,
            "ExceptionType": "System.InvalidOperationException",
            "StackTrace": "",
        },
    )


@dataclass
class Operations:
    """The operations of one host. Each returns after its effect is in the state file."""

    engine: Engine
    store: Store
    lane: Lane
    clock: Clock
    functions: Functions
    settings: HostSettings
    new_id: Callable[[], str]

    async def start(
        self, name: str, instance_id: str | None = None, input_text: str | None = None, version: str | None = None
    ) -> str:
        """Start an orchestration; `input_text` is JSON text. Returns its ID.

        Raises:
            OperationError: 400 unknown orchestrator or bad ID, 500 the ID is in use by an instance that has not ended.
        """
        function = self.functions.durable("orchestrationTrigger", name)
        if function is None:
            raise bad_argument(self.functions.missing("orchestrationTrigger", name))
        instance_id = instance_id or self.new_id()
        fault = fault_of_id(instance_id)
        if fault:
            raise bad_argument(fault)
        running = self.engine.live.get(instance_id)
        if running is not None:
            if not self.settings.any_state_overridable:
                status = Status.Suspended if running.suspended else running.status
                raise went_wrong(f"An Orchestration instance with the status {status.name} already exists.")
            self.engine.terminate(running, "replaced by a new start (overridableExistingInstanceStates: AnyState)")
        self.engine.create(function.durable_name, instance_id, input_text, version or self.settings.default_version)
        await self.lane.committed()
        return instance_id

    def status(self, instance_id: str, show: Show) -> dict[str, Any]:
        """Return the status of an instance or entity as the API shows it.

        Raises:
            OperationError: 404 unknown ID.
        """
        row = next(iter(self.store.rows("SELECT * FROM listed WHERE id = ?", (instance_id,))), None)
        if row is None:
            raise OperationError(404, f"No instance with ID '{instance_id}' found.")
        return status_json(row, show, self.store.history(instance_id) if show.history else None)

    def find(self, query: Query) -> Page:
        """Return one page of instances."""
        return find_page(self.store, query)

    async def raise_event(self, instance_id: str, name: str, text: str) -> None:
        """Raise an external event; `text` is its JSON.

        Raises:
            OperationError: 404 unknown, 410 ended.
        """
        self.engine.live_or_refuse(instance_id)
        self.engine.deliver(instance_id, event(EventType.EventRaised, Name=name, Input=text))
        await self.lane.committed()

    async def change(self, instance_id: str, operation: str, reason: str) -> None:
        """Terminate, suspend or resume.

        Raises:
            OperationError: 404 unknown, 410 ended, 500 when suspended twice or resumed while running.
        """
        instance = self.engine.live_or_refuse(instance_id)
        if operation == "terminate":
            self.engine.terminate(instance, reason)
        elif operation == "suspend":
            if instance.suspended:
                raise went_wrong(f"Cannot suspend orchestration instance {instance_id}: it is already suspended.")
            self.engine.suspend(instance, reason)
        else:
            if not instance.suspended:
                raise went_wrong(f"Cannot resume orchestration instance {instance_id}: it is not suspended.")
            self.engine.resume(instance, reason)
        await self.lane.committed()

    async def restart(self, instance_id: str, *, new_id: bool) -> str:
        """Start the instance's orchestrator again with the same input; returns the ID.

        Raises:
            OperationError: 400 unknown ID; 500 when the same ID is to be used and has not ended.
        """
        row = self.store.row(instance_id)
        if row is None:
            raise bad_argument("InstanceId does not match a valid orchestration instance.")
        return await self.start(row["name"], None if new_id else instance_id, row["input"], row["version"])

    def refuse_rewind(self, instance_id: str) -> None:
        """Answer as the extension does where an instance cannot be rewound; for a failed one say that the host cannot.

        Raises:
            OperationError: 404 unknown, 410 ended well or on purpose, 500 not ended, 501 failed.
        """
        row = self.store.row(instance_id)
        if row is None:
            raise OperationError(404, f"No instance with ID '{instance_id}' found.")
        status = Status(row["status"])
        if status is Status.Failed:
            raise OperationError(501, "The devhost has no rewind; use restart, which begins again with the same input.")
        if status.is_terminal:
            raise OperationError(
                410, f"The instance with ID '{instance_id}' is {status.name}, only failed ones rewind."
            )
        raise went_wrong(f"The rewind operation is only for failed instances; '{instance_id}' is {status.name}.")

    async def purge(self, instance_id: str) -> int:
        """Remove an instance in whatever state; returns 1.

        Raises:
            OperationError: 404 unknown ID.
        """
        if self.store.row(instance_id) is None:
            raise OperationError(404, f"No instance with ID '{instance_id}' found.")
        return await self._remove([instance_id])

    async def purge_matching(self, query: Query) -> int:
        """Remove the ended instances that match; returns how many.

        Raises:
            OperationError: 400 without `createdTimeFrom`, 404 when none matches.
        """
        if query.created_from is None:
            raise OperationError(400, "Please provide value for 'createdTimeFrom' parameter.")
        ids = select_ids(self.store, query.only_ended())
        if not ids:
            raise OperationError(404, "No ended instance matches the filter.")
        return await self._remove(ids)

    async def _remove(self, ids: list[str]) -> int:
        await self.lane.committed()
        for instance_id in ids:
            instance: Instance | None = self.engine.live.get(instance_id)
            if instance is not None:
                self.engine.terminate(instance, "purged")
        await self.lane.committed()
        with self.store.transaction():
            self.store.delete(ids)
        return len(ids)

    def now(self) -> str:
        """The host's time as a stamp."""
        return stamp(self.clock.now())
