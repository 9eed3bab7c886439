"""The az call that makes a job, with an identity or with a connection string in a secret.

Flags: https://learn.microsoft.com/cli/azure/containerapp/job#az-containerapp-job-create. `--scale-rule-identity` is in
the preview of the containerapp extension only; `--scale-rule-auth` with a secret is in the released one too.
"""

from __future__ import annotations

import shlex

from ebb.cli.job.access import JobAccess
from ebb.cli.job.parts import ACCOUNT, SECRET, registry_of, secret_name
from ebb.cli.job.template import SCALER, Job

GROUP, ENVIRONMENT, IDENTITY = "<group>", "<environment>", "<identity resource id>"
CLIENT = "'AZURE_CLIENT_ID=<client id of the identity>'"


def az_command(job: Job, image: str, access: JobAccess = JobAccess.IDENTITY) -> str:
    """The `az containerapp job create` call; it takes one scale rule, the Bicep takes several."""
    registry = registry_of(image)
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
    pairs = " ".join(shlex.quote(f"{key}={value}") for key, value in rule.metadata.items())
    lines = [
        "--trigger-type Event",
        f"--polling-interval {job.polling_interval}",
        f"--min-executions {job.min_executions} --max-executions {job.max_executions}",
        f"--scale-rule-name {rule.name} --scale-rule-type {rule.scaler}",
        f"--scale-rule-metadata {pairs}",
    ]
    if rule.scaler != SCALER:
        given = " ".join(shlex.quote(f"{secret_name(key)}=<{what}>") for key, what in rule.secrets.items())
        auth = " ".join(f"{key}={secret_name(key)}" for key in rule.secrets)
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
