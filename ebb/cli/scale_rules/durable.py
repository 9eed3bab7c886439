"""Durable triggers: no row in the mapping table; what scales them depends on the backend.

Facts: https://learn.microsoft.com/azure/container-apps/functions-overview (which backends scale),
https://learn.microsoft.com/azure/azure-functions/durable/durable-functions-azure-storage-provider (a hub's queues)
and https://learn.microsoft.com/azure/durable-task-scheduler/durable-task-scheduler-auto-scaling (its scaler).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ebb.cli.scale_rules.app import FunctionApp
from ebb.cli.scale_rules.numbers import POSITIVE, NumberRange
from ebb.cli.scale_rules.rule import ScaleRule
from ebb.cli.scale_rules.trigger import Trigger
from ebb.cli.scale_rules.wiring import Wiring, secret, storage
from ebb.core.document import Json
from ebb.core.errors import SettingsError

DURABLE_TRIGGERS = ("orchestrationTrigger", "activityTrigger", "entityTrigger")
DEFAULT_HUB = "TestHubName"
DEFAULT_PARTITIONS = 4  # partitionCount where host.json says nothing
PARTITION_RANGE = NumberRange(1, 16)
DEFAULT_THROTTLE = 10  # the host's default is ten per core
CONTROL_TARGET = 32  # messages that the extension takes from a control queue at a time (controlQueueBatchSize)
_OPTIONS = "extensions.durableTask"
_WORK_ITEMS = {"orchestrationTrigger": "Orchestration", "activityTrigger": "Activity", "entityTrigger": "Entity"}
_ONE_RULE = "the platform writes one rule for all Durable triggers of an app (duplicate-durable in its log)"


def durable_rule(triggers: Sequence[Trigger], app: FunctionApp) -> ScaleRule:
    """One answer for all Durable triggers of `app`."""
    provider = str(app.host_value(f"{_OPTIONS}.storageProvider.type") or "azureStorage")
    by_backend = {"azuremanaged": _managed, "mssql": _mssql, "netherite": _netherite}
    build = by_backend.get(provider.lower(), _azure_storage)
    facts: Json
    try:
        facts = build(triggers, app)
    except SettingsError as fault:
        facts = {"notes": (_ONE_RULE,), "instead": f"no rule: {fault}"}
    return ScaleRule(
        ", ".join(trigger.function for trigger in triggers),
        triggers[0].type if len({trigger.type for trigger in triggers}) == 1 else "durable",
        source=f"Durable ({provider})",
        where=triggers[0].where,
        **facts,
    )


def hub_name(app: FunctionApp) -> str:
    """The task hub's name as the Durable extension will see it."""
    return app.resolve(str(app.host_value(f"{_OPTIONS}.hubName") or DEFAULT_HUB))


def task_hub_rules(hub: str, partitions: int, throttle: int, wiring: Wiring) -> list[Json]:
    """Own KEDA rules for a task hub on Azure Storage: the work-item queue, and each control queue.

    Work items are counted with those in work (`all`), so that replicas stay while activities run; control queues
    without (`visibleonly`), because a pending durable timer is an invisible message there. The target of the work items
    is what one replica runs at once, as in `infra/app/container.bicep` and `infra/scale-override.sh`.
    """
    work = _queue_rule("work-items", f"{hub.lower()}-workitems", throttle, "all", wiring)
    control = [
        _queue_rule(f"control-{number:02}", f"{hub.lower()}-control-{number:02}", CONTROL_TARGET, "visibleonly", wiring)
        for number in range(partitions)
    ]
    return [work, *control]


def _throttle(app: FunctionApp, name: str) -> int:
    return app.host_number(f"{_OPTIONS}.{name}", DEFAULT_THROTTLE, POSITIVE)


def _azure_storage(triggers: Sequence[Trigger], app: FunctionApp) -> dict[str, Any]:
    partitions = app.host_number(f"{_OPTIONS}.storageProvider.partitionCount", DEFAULT_PARTITIONS, PARTITION_RANGE)
    connection = str(
        app.host_value(f"{_OPTIONS}.storageProvider.connectionName")
        or app.host_value(f"{_OPTIONS}.storageProvider.connectionStringName")
        or "AzureWebJobsStorage"
    )
    wiring = storage(connection, "queue", app.settings)
    return {
        "notes": (
            _ONE_RULE,
            "with Azure Storage that rule does not scale: no orchestration, activity or timer wakes a replica",
            *wiring.notes,
        ),
        "instead": "set minReplicas to 1 or more and choose the count yourself; or move to the Durable Task Scheduler; "
        "or override with the queue rules below (not documented by the platform: try it before you rely on it)",
        "override": tuple(
            task_hub_rules(hub_name(app), partitions, _throttle(app, "maxConcurrentActivityFunctions"), wiring)
        ),
    }


def _managed(triggers: Sequence[Trigger], app: FunctionApp) -> dict[str, Any]:
    limits = {
        "orchestrationTrigger": "maxConcurrentOrchestratorFunctions",
        "activityTrigger": "maxConcurrentActivityFunctions",
        "entityTrigger": "maxConcurrentEntityFunctions",
    }
    rules = [
        {
            "name": f"durable-{_WORK_ITEMS[kind].lower()}",
            "custom": {
                "type": "azure-durabletask-scheduler",
                "metadata": {
                    "endpoint": "<endpoint of the scheduler>",
                    "taskhubName": hub_name(app),
                    "maxConcurrentWorkItemsCount": str(_throttle(app, limits[kind])),
                    "workItemType": _WORK_ITEMS[kind],
                },
            },
        }
        for kind in dict.fromkeys(trigger.type for trigger in triggers)
    ]
    return {
        "notes": (
            _ONE_RULE,
            "the Durable Task Scheduler scales, also to zero; its scaler is not part of upstream KEDA",
        ),
        "instead": "the platform writes the rule; if the log shows it skipped, override with the rules below, with "
        "an identity",
        "override": tuple(rules),
    }


def _mssql(triggers: Sequence[Trigger], app: FunctionApp) -> dict[str, Any]:
    name = str(app.host_value(f"{_OPTIONS}.storageProvider.connectionStringName") or "SQLDB_Connection")
    wiring = secret(name, "connectionStringFromEnv", app.settings)
    activities = _throttle(app, "maxConcurrentActivityFunctions")
    orchestrators = _throttle(app, "maxConcurrentOrchestratorFunctions")
    rule = {
        "name": "durable",
        "custom": {
            "type": "mssql",
            "metadata": {
                "query": f"SELECT dt.GetScaleRecommendation({orchestrators}, {activities})",
                "targetValue": "1",
                **wiring.metadata,
            },
        },
    }
    return {
        "rule": rule,
        "notes": (_ONE_RULE, "the database itself recommends the number of replicas; a connection string is needed"),
    }


def _netherite(triggers: Sequence[Trigger], app: FunctionApp) -> dict[str, Any]:
    return {
        "notes": (_ONE_RULE,),
        "instead": "Netherite does not scale on Container Apps and its support ends on 31 March 2028: move to the "
        "Durable Task Scheduler",
    }


def _queue_rule(name: str, queue: str, target: int, strategy: str, wiring: Wiring) -> Json:
    metadata = {"queueName": queue, "queueLength": str(target), "queueLengthStrategy": strategy, **wiring.metadata}
    identity = {"identity": wiring.identity} if wiring.identity else {}
    return {"name": name, "custom": {"type": "azure-queue", "metadata": metadata, **identity}}
