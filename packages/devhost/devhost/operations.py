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
from devhost.texts import compact
from devhost.timestamps import stamp


def bad_argument(text: str) -> OperationError:
    """The 400 of the Durable extension for arguments that it cannot take."""
    return _with_exception(400, "One or more of the arguments submitted is incorrect", text, "System.ArgumentException")


def went_wrong(text: str) -> OperationError:
    """The 500 of the Durable extension."""
    lead = "Something went wrong while processing your request"
    return _with_exception(500, lead, text, "System.InvalidOperationException")


def _with_exception(status: int, lead: str, text: str, kind: str) -> OperationError:
    body = {"Message": lead, "ExceptionMessage": text, "ExceptionType": kind, "StackTrace": ""}
    return OperationError(status, text, body)


def _refused(status: int, text: str) -> OperationError:
    """A refusal that the extension says in one JSON string."""
    return OperationError(status, text, text)


def _unknown(instance_id: str) -> OperationError:
    return OperationError(404, f"No instance with ID '{instance_id}' found.", None)


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
            OperationError: 400 bad ID, 409 the ID is in use by an instance that has not ended.
        """
        instance_id = instance_id or self.new_id()
        fault = fault_of_id(instance_id)
        if fault:
            raise bad_argument(fault)
        running = self.engine.live.get(instance_id)
        if running is not None:
            if not self.settings.any_state_overridable:
                text = f"An Orchestration instance with the status {running.shown.name} already exists."
                raise OperationError(409, text, {"Message": text})
            self.engine.terminate(running, "replaced by a new start (overridableExistingInstanceStates: AnyState)")
        # A name that no orchestrator has is taken, as in Azure: the instance then fails and says so.
        self.engine.create(name, instance_id, input_text, version or self.settings.default_version)
        await self.lane.committed()
        return instance_id

    def status(self, instance_id: str, show: Show) -> dict[str, Any]:
        """Return the status of an instance or entity as the API shows it.

        Raises:
            OperationError: 404 unknown ID.
        """
        row = next(iter(self.store.rows("SELECT * FROM listed WHERE id = ?", (instance_id,))), None)
        if row is None:
            raise _unknown(instance_id)
        return status_json(row, show, self.store.history(instance_id) if show.history else None)

    def find(self, query: Query) -> Page:
        """Return one page of instances."""
        return find_page(self.store, query)

    async def raise_event(self, instance_id: str, name: str, text: str) -> None:
        """Raise an external event; `text` is its JSON.

        Raises:
            OperationError: 404 unknown, 410 ended.
        """
        self._live(instance_id)
        self.engine.deliver(
            instance_id, event(EventType.EventRaised, Name=name, Input=compact(text), ParentTraceContext=None)
        )
        await self.lane.committed()

    async def change(self, instance_id: str, operation: str, reason: str) -> None:
        """Terminate, suspend or resume.

        Raises:
            OperationError: 404 unknown, 410 ended, 500 when suspended twice or resumed while running.
        """
        instance = self._live(instance_id)
        if operation == "terminate":
            self.engine.terminate(instance, reason)
        elif operation == "suspend":
            if instance.suspended:
                raise went_wrong(_cannot(operation, instance))
            self.engine.suspend(instance, reason)
        else:
            if not instance.suspended:
                raise went_wrong(_cannot(operation, instance))
            self.engine.resume(instance, reason)
        await self.lane.committed()

    async def restart(self, instance_id: str, *, new_id: bool) -> str:
        """Start the instance's orchestrator again with the same input; returns the ID.

        Raises:
            OperationError: 400 unknown ID; 409 when the same ID is to be used and has not ended.
        """
        row = self.store.row(instance_id)
        if row is None:
            lead = "InstanceId does not match a valid orchestration instance."
            text = f"No instance with ID '{instance_id}' was found. (Parameter 'instanceId')"
            raise _with_exception(400, lead, text, "System.ArgumentException")
        try:
            return await self.start(row["name"], None if new_id else instance_id, row["input"], row["version"])
        except OperationError as error:
            if error.status != 409:
                raise
            lead = "A non-terminal instance with this instance ID already exists."
            kind = "DurableTask.Core.Exceptions.OrchestrationAlreadyExistsException"
            raise _with_exception(409, lead, str(error), kind) from error

    async def rewind(self, instance_id: str, reason: str) -> None:
        """Run again what failed in a failed instance and in its failed sub-orchestrations.

        Raises:
            OperationError: 404 unknown ID, 412 it has not failed.
        """
        row = self.store.row(instance_id)
        if row is None:
            raise _refused(404, f'No orchestration with instance ID "${instance_id}" found.')
        if Status(row["status"]) is not Status.Failed:
            raise _refused(
                412,
                f"This orchestration has status {Status(row['status']).name}, but only orchestrations in the "
                '"Failed" state can be rewound.',
            )
        self.engine.rewind(instance_id, reason)
        await self.lane.committed()

    async def purge(self, instance_id: str) -> int:
        """Remove an ended instance; returns 1.

        Raises:
            OperationError: 404 unknown ID, 412 it has not ended.
        """
        row = self.store.row(instance_id)
        if row is None:
            raise _unknown(instance_id)
        if not Status(row["status"]).is_terminal:
            raise _refused(
                412,
                "Only orchestrations in a terminal state can be purged, but the orchestration with instance ID "
                f"{instance_id} has status {Status(row['status']).name}",
            )
        return await self._remove([instance_id])

    async def purge_matching(self, query: Query) -> int:
        """Remove the ended instances that match; returns how many.

        Raises:
            OperationError: 400 without `createdTimeFrom`, 404 when none matches.
        """
        if query.created_from is None:
            raise _refused(400, "Please provide value for 'createdTimeFrom' parameter.")
        ids = select_ids(self.store, query.only_ended())
        if not ids:
            raise OperationError(404, "No ended instance matches the filter.", None)
        return await self._remove(ids)

    def _live(self, instance_id: str) -> Instance:
        """The instance, if it has not ended; else 404 where there is none of this ID, or 410."""
        instance = self.engine.live.get(instance_id)
        if instance is not None:
            return instance
        if self.store.row(instance_id) is None:
            raise _unknown(instance_id)
        raise OperationError(410, f"The instance with ID '{instance_id}' is completed, failed or terminated.", None)

    async def _remove(self, ids: list[str]) -> int:
        await self.lane.committed()
        with self.store.transaction():
            self.store.delete(ids)
        return len(ids)

    def now(self) -> str:
        """The host's time as a stamp."""
        return stamp(self.clock.now())


def _cannot(operation: str, instance: Instance) -> str:
    return (
        f"Cannot {operation} the orchestration instance {instance.instance_id} because instance is in the "
        f"{instance.shown.name} state."
    )
