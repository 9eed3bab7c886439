"""A schedule as an event-driven job of Azure Container Apps: the az call and the Bicep, to compare or to move.

Property names and defaults: https://learn.microsoft.com/azure/container-apps/jobs and
https://learn.microsoft.com/azure/templates/microsoft.app/jobs (version `API_VERSION`).
"""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass
from typing import Any

from ebb.core.errors import SettingsError
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.sources.storage_queue.settings import StorageQueueSettings

API_VERSION = "2026-07-01"
GROUP, ENVIRONMENT, ACCOUNT, IDENTITY = "<group>", "<environment>", "<storage account>", "<identity resource id>"
NAME_LIMIT = 32  # characters of a job's name


@dataclass(frozen=True)
class Job:
    """What a job needs to do a schedule's work. Times in seconds; `differences` is what it will not do."""

    name: str
    replica_timeout: int
    replica_retry_limit: int
    cron: str | None  # five fields, UTC; None: the job is event-driven
    polling_interval: int
    min_executions: int
    max_executions: int
    rules: tuple[dict[str, Any], ...]
    differences: tuple[str, ...]


def job_for(name: str, settings: ScheduleSettings) -> Job:
    """The job that comes nearest to schedule `name`.

    Raises:
        SettingsError: a source of the schedule has no scaler.
    """
    queues = [source for source in settings.all_sources if isinstance(source, StorageQueueSettings)]
    ticking = any(source.periodic for source in settings.all_sources)
    if not queues and not ticking:
        raise SettingsError(f"schedule {name} drains nothing that KEDA can see: a job needs a queue or a cron")
    return Job(
        name=name[:NAME_LIMIT].rstrip("-"),
        replica_timeout=math.ceil(settings.replica_timeout),
        replica_retry_limit=settings.replica_retry_limit,
        cron=None if queues else _cron(settings),
        polling_interval=max(1, math.ceil(settings.polling_interval)),
        min_executions=settings.min_executions,
        max_executions=settings.max_executions,
        rules=tuple(_rule(source, settings) for source in queues),
        differences=tuple(_differences(settings, bool(queues))),
    )


def _rule(source: StorageQueueSettings, settings: ScheduleSettings) -> dict[str, Any]:
    length = settings.queue_length if source.queue_length is None else source.queue_length
    own = source.activation_queue_length
    metadata = {
        "accountName": ACCOUNT,
        "queueName": source.queue_name,
        "queueLength": str(max(1, round(length))),
        "activationQueueLength": str(settings.activation_queue_length if own is None else own),
        "queueLengthStrategy": settings.queue_length_strategy,
    }
    return {"name": source.queue_name, "type": "azure-queue", "identity": IDENTITY, "metadata": metadata}


def _cron(settings: ScheduleSettings) -> str:
    """Five fields in UTC: the schedule's own expression, or each so many minutes or hours."""
    if settings.wait_mode == "cron" and settings.cron:
        fields = str(settings.cron).split()
        return " ".join(fields[-5:])
    minutes = max(1, round(settings.polling_interval / 60))
    if minutes < 60:
        return f"*/{minutes} * * * *"
    return f"0 */{min(23, round(minutes / 60))} * * *"


def _differences(settings: ScheduleSettings, event_driven: bool) -> list[str]:
    found = ["a container is started for each execution and has to end by itself; Ebb's workers stay warm"]
    if event_driven:
        found.append("each poll starts new executions by KEDA's default strategy, beside those that still run")
        if settings.scaling_strategy != "default":
            found.append(f"scalingStrategy {settings.scaling_strategy} cannot be set on a job")
        if settings.max_polling_interval > settings.polling_interval:
            found.append("polling does not slow down while idle (maxPollingInterval)")
    else:
        found.append("a run that outlasts its period is met by the next one; nothing waits for its end")
        if settings.wait_mode != "cron":
            found.append("the times are fixed by the cron expression, not counted from the end of the work")
    if settings.time_zone != "UTC":
        found.append(f"cron expressions of jobs are UTC, the schedule's are {settings.time_zone}: shift the hours")
    if settings.windows or settings.jitter or settings.end_after:
        found.append("windows, jitter and endAfter have no counterpart")
    found.append("retries, poison queue and lease renewal are the container's own business")
    found.append("there is no reason kept for a decision, no pause, and no change of settings without a deployment")
    return found


def az_command(job: Job, image: str) -> str:
    """The `az containerapp job create` call; it takes one scale rule, the Bicep takes several."""
    options = [
        ("--name", job.name), ("--resource-group", GROUP), ("--environment", ENVIRONMENT), ("--image", image),
        ("--mi-user-assigned", IDENTITY), ("--cpu", "0.5"), ("--memory", "1Gi"),
        ("--replica-timeout", job.replica_timeout), ("--replica-retry-limit", job.replica_retry_limit),
        ("--parallelism", 1), ("--replica-completion-count", 1),
    ]  # fmt: skip
    lines = [f"{option} {shlex.quote(str(value))}" for option, value in options]
    if job.cron:
        lines += ["--trigger-type Schedule", f"--cron-expression {shlex.quote(job.cron)}"]
    else:
        rule = job.rules[0]
        pairs = " ".join(shlex.quote(f"{key}={value}") for key, value in rule["metadata"].items())
        lines += [
            "--trigger-type Event",
            f"--polling-interval {job.polling_interval}",
            f"--min-executions {job.min_executions} --max-executions {job.max_executions}",
            f"--scale-rule-name {rule['name']} --scale-rule-type {rule['type']}",
            f"--scale-rule-identity {shlex.quote(rule['identity'])}",
            f"--scale-rule-metadata {pairs}",
        ]
    return "az containerapp job create \\\n  " + " \\\n  ".join(lines)


def bicep(job: Job, image: str) -> str:
    """A Bicep file with the job; what depends on the place is a parameter."""
    trigger = "Schedule" if job.cron else "Event"
    config = (
        f"      scheduleTriggerConfig: {{\n        cronExpression: {_text(job.cron)}\n        parallelism: 1\n"
        "        replicaCompletionCount: 1\n      }\n"
        if job.cron
        else _event_config(job)
    )
    return f"""@description('Region.')
param location string = resourceGroup().location

@description('Container Apps environment.')
param environmentName string

@description('User-assigned identity that may read the queue and pull the image.')
param identityName string
{_account_parameter(job)}
@description('Image that does the work and ends.')
param imageName string = {_text(image)}

resource environment 'Microsoft.App/managedEnvironments@{API_VERSION}' existing = {{
  name: environmentName
}}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {{
  name: identityName
}}

resource job 'Microsoft.App/jobs@{API_VERSION}' = {{
  name: {_text(job.name)}
  location: location
  identity: {{
    type: 'UserAssigned'
    userAssignedIdentities: {{ '${{identity.id}}': {{}} }}
  }}
  properties: {{
    environmentId: environment.id
    configuration: {{
      triggerType: '{trigger}'
      replicaTimeout: {job.replica_timeout}
      replicaRetryLimit: {job.replica_retry_limit}
{config}    }}
    template: {{
      containers: [
        {{
          name: 'work'
          image: imageName
          resources: {{
            cpu: json('0.5')
            memory: '1Gi'
          }}
        }}
      ]
    }}
  }}
}}
"""


def _account_parameter(job: Job) -> str:
    return "\n@description('Storage account of the queue.')\nparam storageAccountName string\n" if job.rules else ""


def _event_config(job: Job) -> str:
    rules = "".join(_rule_text(rule) for rule in job.rules)
    return f"""      eventTriggerConfig: {{
        parallelism: 1
        replicaCompletionCount: 1
        scale: {{
          minExecutions: {job.min_executions}
          maxExecutions: {job.max_executions}
          pollingInterval: {job.polling_interval}
          rules: [
{rules}          ]
        }}
      }}
"""


def _rule_text(rule: dict[str, Any]) -> str:
    values = {key: _text(value) for key, value in rule["metadata"].items()} | {"accountName": "storageAccountName"}
    lines = "".join(f"                {key}: {value}\n" for key, value in values.items())
    return f"""            {{
              name: {_text(rule["name"])}
              type: 'azure-queue'
              identity: identity.id
              metadata: {{
{lines}              }}
            }}
"""


def _text(value: str | None) -> str:
    return "'" + str(value).replace("'", "\\'") + "'"
