"""The Bicep of a job, with an identity or with a connection string in a secret."""

from __future__ import annotations

from ebb.cli.job.access import JobAccess
from ebb.cli.job.parts import SECRET, registry_of, secret_name
from ebb.cli.job.template import SCALER, Job, QueueRule

API_VERSION = "2026-07-01"


def bicep(job: Job, image: str, access: JobAccess = JobAccess.IDENTITY) -> str:
    """A Bicep file with the job; what depends on the place is a parameter."""
    trigger = "Schedule" if job.cron else "Event"
    secret = access == JobAccess.SECRET and any(rule.scaler == SCALER for rule in job.rules)
    return f"""@description('Region.')
param location string = resourceGroup().location

@description('Container Apps environment.')
param environmentName string

@description('User-assigned identity that may pull the image{"" if job.cron or secret else " and read the queue"}.')
param identityName string
{_parameters(job, secret)}
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
{_registries(image)}{_secrets(job, secret)}{_schedule(job) if job.cron else _events(job, secret)}    }}
    template: {{
      containers: [
        {{
          name: 'work'
          image: imageName
{_environment(job, secret)}          resources: {{
            cpu: json('0.5')
            memory: '1Gi'
          }}
        }}
      ]
    }}
  }}
}}
"""


def _parameters(job: Job, secret: bool) -> str:
    text = "".join(
        f"\n@secure()\n@description({_text(f'{what[0].upper()}{what[1:]}.')})\nparam {_parameter(key)} string\n"
        for key, what in _others(job).items()
    )
    if not any(_on_account(rule) for rule in job.rules):
        return text
    account = f"{text}\n@description('Storage account of the queue.')\nparam storageAccountName string\n"
    if not secret:
        return account
    return f"{account}\n@secure()\n@description('Connection string of that account.')\nparam connectionString string\n"


def _registries(image: str) -> str:
    registry = registry_of(image)
    if registry is None:
        return ""
    return f"      registries: [{{ server: {_text(registry)}, identity: identity.id }}]\n"


def _secrets(job: Job, secret: bool) -> str:
    given = [f"{{ name: '{SECRET}', value: connectionString }}"] if secret else []
    given += [f"{{ name: '{secret_name(key)}', value: {_parameter(key)} }}" for key in _others(job)]
    return f"      secrets: [{', '.join(given)}]\n" if given else ""


def _others(job: Job) -> dict[str, str]:
    """The secret parameters of the rules that are not for storage queues."""
    return {key: what for rule in job.rules if rule.scaler != SCALER for key, what in rule.secrets.items()}


def _on_account(rule: QueueRule) -> bool:
    """Whether the rule names a storage account."""
    return "accountName" in rule.metadata


def _schedule(job: Job) -> str:
    return f"""      scheduleTriggerConfig: {{
        cronExpression: {_text(job.cron)}
        parallelism: 1
        replicaCompletionCount: 1
      }}
"""


def _events(job: Job, secret: bool) -> str:
    rules = "".join(_rule_text(rule, secret) for rule in job.rules)
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


def _rule_text(rule: QueueRule, secret: bool) -> str:
    values = {key: _text(value) for key, value in rule.metadata.items()}
    if _on_account(rule):
        values["accountName"] = "storageAccountName"
    lines = "".join(f"                {key}: {value}\n" for key, value in values.items())
    access = (
        f"auth: [{{ secretRef: '{SECRET}', triggerParameter: 'connection' }}]" if secret else "identity: identity.id"
    )
    if rule.scaler != SCALER:
        pairs = [f"{{ secretRef: '{secret_name(key)}', triggerParameter: '{key}' }}" for key in rule.secrets]
        access = f"auth: [{', '.join(pairs)}]"
    return f"""            {{
              name: {_text(rule.name)}
              type: '{rule.scaler}'
              {access}
              metadata: {{
{lines}              }}
            }}
"""


def _environment(job: Job, secret: bool) -> str:
    """What the container needs to find its queue: names as in the tutorials of Container Apps jobs."""
    if not job.rules or job.rules[0].scaler != SCALER:
        return ""
    lines = [f"{{ name: 'AZURE_STORAGE_QUEUE_NAME', value: {_text(job.rules[0].queue)} }}"]
    if secret:
        lines.append(f"{{ name: 'AZURE_STORAGE_CONNECTION_STRING', secretRef: '{SECRET}' }}")
    else:
        lines.append("{ name: 'AZURE_STORAGE_ACCOUNT_NAME', value: storageAccountName }")
        lines.append("{ name: 'AZURE_CLIENT_ID', value: identity.properties.clientId }")
    inner = "".join(f"            {line}\n" for line in lines)
    return f"          env: [\n{inner}          ]\n"


def _text(value: str | None) -> str:
    return "'" + str(value).replace("'", "\\'") + "'"


def _parameter(parameter: str) -> str:
    return f"{parameter}Value"
