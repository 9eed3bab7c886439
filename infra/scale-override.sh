#!/usr/bin/env bash
# Replaces the scale rules that the platform derived for the function app by rules on the task hub's queues.
#
#   infra/scale-override.sh NAME [HUB] [PARTITIONS] [ACTIVITIES]   for Azure Storage: replicas follow the fan-out
#   infra/scale-override.sh NAME --off                             back to the platform's own rules
#
# HUB, PARTITIONS and ACTIVITIES (executions that one replica runs at once) are those of host.json: EbbHub, 1 and 16.
#
# The platform takes allowScalingRuleOverride only for an app that exists, and a later deployment resets it: run this
# after each infra/deploy.sh or azd deploy. Not confirmed on a subscription: see docs/deploy.md.
set -euo pipefail

if [[ $# -lt 1 ]]; then
    sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
fi
name=$1 hub=${2:-EbbHub} partitions=${3:-1} activities=${4:-16}
group=rg-$name
app=$(az containerapp show --resource-group "$group" --name "ca-ebb-$name" --query id --output tsv)

if [[ $hub == --off ]]; then
    body='{"properties": {"template": {"scale": {"allowScalingRuleOverride": false, "rules": []}}}}'
else
    identity=$(az identity list --resource-group "$group" --query '[0].id' --output tsv)
    account=$(az storage account list --resource-group "$group" --query '[0].name' --output tsv)
    rule() { # name, queue, target, strategy
        printf '{"name": "%s", "custom": {"type": "azure-queue", "identity": "%s", "metadata": {"accountName": "%s",' \
            "$1" "$identity" "$account"
        printf ' "queueName": "%s", "queueLength": "%s", "queueLengthStrategy": "%s"}}}' "$2" "$3" "$4"
    }
    # work items are counted with those in work; a durable timer is an invisible message of a control queue
    rules=$(rule work-items "${hub,,}-workitems" "$activities" all)
    for ((number = 0; number < partitions; number++)); do
        queue=$(printf '%s-control-%02d' "${hub,,}" "$number")
        rules+=", $(rule "control-$(printf %02d "$number")" "$queue" 32 visibleonly)"
    done
    rules+=', {"name": "http", "http": {"metadata": {"concurrentRequests": "50"}}}'
    body="{\"properties\": {\"template\": {\"scale\": {\"allowScalingRuleOverride\": true, \"rules\": [$rules]}}}}"
fi
az rest --method PATCH --uri "https://management.azure.com$app?api-version=2026-03-02-preview" --body "$body"
