"""The az call and the Bicep of a job, with an identity or with a connection string in a secret.

Flags: https://learn.microsoft.com/cli/azure/containerapp/job#az-containerapp-job-create. `--scale-rule-identity` is in
the preview of the containerapp extension only; `--scale-rule-auth` with a secret is in the released one too.
"""

from __future__ import annotations

import re
import shlex

from ebb.cli.job_access import JobAccess
from ebb.cli.job_template import COUNTING, SCALER, Job, QueueRule

API_VERSION = "2026-07-01"
GROUP, ENVIRONMENT, ACCOUNT, IDENTITY = "<group>", "<environment>", "<storage account>", "<identity resource id>"
SECRET = "connection-string-secret"
CLIENT = "'AZURE_CLIENT_ID=<client id of the identity>'"


def az_command(job: Job, image: str, access: JobAccess = JobAccess.IDENTITY) -> str:
    """The `az containerapp job create` call; it takes one scale rule, the Bicep takes several."""
    registry = _registry(image)
    lines = [
        f"--name {job.name} --resource-group '{GROUP}' --environment '{ENVIRONMENT}'",
        f"--image {shlex.quote(image)} --cpu 0.5 --memory 1Gi",
        f"--mi-user-assigned '{IDENTITY}'",
        *([f"--registry-server {shlex.quote(registry)} --registry-identity '{IDENTITY}'"] if registry else []),
        f"--replica-timeout {job.replica_timeout} --replica-retry-limit {job.replica_retry_limit}",
        "--parallelism 1 --replica-completion-count 1",
        *_trigger_options(job, access),
    ]
    call = "az containerapp job create \\\n  " + " \\\n  ".join(lines)
    if job.cron or access == JobAccess.SECRET or job.rules[0].scaler != SCALER:
        return call
    return (
        "# --scale-rule-identity is in the preview of the extension; --access secret does without\n"
        f"az extension add --name containerapp --upgrade --allow-preview true\n{call}"
    )


def _trigger_options(job: Job, access: JobAccess) -> list[str]:
    if job.cron:
        return ["--trigger-type Schedule", f"--cron-expression {shlex.quote(job.cron)}"]
    rule = job.rules[0]
    pairs = " ".join(shlex.quote(f"{key}={value}") for key, value in _metadata(rule).items())
    lines = [
        "--trigger-type Event",
        f"--polling-interval {job.polling_interval}",
        f"--min-executions {job.min_executions} --max-executions {job.max_executions}",
        f"--scale-rule-name {rule.name} --scale-rule-type {rule.scaler}",
        f"--scale-rule-metadata {pairs}",
    ]
    if rule.scaler != SCALER:
        given = " ".join(shlex.quote(f"{_secret(key)}=<{what}>") for key, what in rule.secrets.items())
        auth = " ".join(f"{key}={_secret(key)}" for key in rule.secrets)
        return [*lines, f"--secrets {given} --scale-rule-auth {auth}"] if rule.secrets else lines
    if access == JobAccess.SECRET:
        lines += [
            f"--secrets '{SECRET}=<connection string>' --scale-rule-auth connection={SECRET}",
            f"--env-vars AZURE_STORAGE_QUEUE_NAME={rule.queue} AZURE_STORAGE_CONNECTION_STRING=secretref:{SECRET}",
        ]
    else:
        lines += [
            f"--scale-rule-identity '{IDENTITY}'",
            f"--env-vars AZURE_STORAGE_QUEUE_NAME={rule.queue} 'AZURE_STORAGE_ACCOUNT_NAME={ACCOUNT}' {CLIENT}",
        ]
    return lines


def _secret(parameter: str) -> str:
    """The name of the secret that holds a parameter of a scaler."""
    return f"{re.sub('[A-Z]+', lambda found: '-' + found[0].lower(), parameter)}-secret"


def _parameter(parameter: str) -> str:
    return f"{parameter}Value"


def _metadata(rule: QueueRule) -> dict[str, str]:
    if rule.scaler != SCALER:
        return dict(rule.metadata)
    return {
        "accountName": ACCOUNT,
        "queueName": rule.queue,
        "queueLength": str(rule.length),
        "activationQueueLength": str(rule.activation),
        "queueLengthStrategy": COUNTING,
    }


def _registry(image: str) -> str | None:
    """The registry that `image` names; None for an image that is public on Docker Hub."""
    host, slash, _ = image.partition("/")
    return host if slash and re.search(r"[.:]", host) else None


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
    registry = _registry(image)
    if registry is None:
        return ""
    return f"      registries: [{{ server: {_text(registry)}, identity: identity.id }}]\n"


def _secrets(job: Job, secret: bool) -> str:
    given = [f"{{ name: '{SECRET}', value: connectionString }}"] if secret else []
    given += [f"{{ name: '{_secret(key)}', value: {_parameter(key)} }}" for key in _others(job)]
    return f"      secrets: [{', '.join(given)}]\n" if given else ""


def _others(job: Job) -> dict[str, str]:
    """The secret parameters of the rules that are not for storage queues."""
    return {key: what for rule in job.rules if rule.scaler != SCALER for key, what in rule.secrets.items()}


def _on_account(rule: QueueRule) -> bool:
    """Whether the rule names a storage account."""
    return "accountName" in _metadata(rule)


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
    values = {key: _text(value) for key, value in _metadata(rule).items()}
    if _on_account(rule):
        values["accountName"] = "storageAccountName"
    lines = "".join(f"                {key}: {value}\n" for key, value in values.items())
    access = (
        f"auth: [{{ secretRef: '{SECRET}', triggerParameter: 'connection' }}]" if secret else "identity: identity.id"
    )
    if rule.scaler != SCALER:
        pairs = [f"{{ secretRef: '{_secret(key)}', triggerParameter: '{key}' }}" for key in rule.secrets]
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
