"""What SDK 1.7 and 2.x of Durable name differently; what both name alike is called on the client itself.

2.x speaks gRPC and keeps the names of 1.x as deprecated ones, but for the task hub's name and the filter by prefix.
"""
# pyright: standard, reportMissingTypeStubs=false
# What the two SDKs leave untyped is asked for here, and nowhere else.

from __future__ import annotations

import warnings
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import azure.durable_functions as df

SDK = version("azure-functions-durable")
IS_FIRST = SDK.startswith("1.")
FIRST_PAGE = 100  # instances that Durable lists at once
DurableClient = df.DurableOrchestrationClient  # what a function with a `durable_client_input` is given

# 1.x says so of an event that nobody waits for yet, which is not a fault: a second trigger in one cycle is such a one.
warnings.filterwarnings("ignore", "Potential duplicate Task completion", UserWarning)


def task_hub_of(client: DurableClient) -> str:
    """The task hub of the app that was given `client`."""
    if not IS_FIRST:
        return str(client.taskHubName)  # pyright: ignore[reportAttributeAccessIssue] - of 2.x
    # 1.x declares client.task_hub_name and never sets it; the binding that the host sent has it.
    return str(client._orchestration_bindings.task_hub_name)


def updated_at(status: Any) -> datetime | None:
    """When the instance of `status` last said something; 2.x gives UTC without saying so."""
    moment: datetime | None = status.last_updated_time
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


async def statuses(client: DurableClient, prefix: str) -> tuple[list[Any], bool]:
    """The status of the instances whose ids begin with `prefix`, and whether that is all of them.

    1.x lists one page and cannot ask for the next one.
    """
    if IS_FIRST:
        listed = await client.get_status_by(instance_id_prefix=prefix)
        return listed, len(listed) < FIRST_PAGE
    from durabletask.client import OrchestrationQuery  # pyright: ignore[reportMissingImports] - of 2.x

    query = OrchestrationQuery(instance_id_prefix=prefix, fetch_inputs_and_outputs=True)
    states = await client.get_all_orchestration_states(query)  # pyright: ignore[reportAttributeAccessIssue] - of 2.x
    read: Any = df.DurableOrchestrationStatus.from_orchestration_state  # pyright: ignore[reportAttributeAccessIssue] - of 2.x
    return [read(each) for each in states], True
