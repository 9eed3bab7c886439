"""Triggers that the mapping page does not have: what calls them, and what to do instead of a rule.

Durable and timer triggers are in `durable.py` and `timer.py`. Sources: the trigger's own page below
https://learn.microsoft.com/azure/azure-functions/, and https://learn.microsoft.com/azure/container-apps/functions-overview
for what scales on Container Apps.
"""

from __future__ import annotations

from ebb.cli.scale_rules.rule import ScaleRule
from ebb.cli.scale_rules.trigger import Trigger

_REQUESTS = "is called by web requests, so Container Apps' own HTTP scaler serves it (10 requests a replica by default)"
_KEEP = "set minReplicas to 1 or more"
_DATABASE = f"no row: the host polls the change table itself, so {_KEEP}, or override with a rule of KEDA's {{}} scaler"
_SIDECAR = f"the Dapr sidecar calls it: {_KEEP}, or override with KEDA's scaler for the component's"
ADVICE = {
    "sqlTrigger": _DATABASE.format("mssql"),
    "mysqlTrigger": _DATABASE.format("mysql"),
    "warmupTrigger": "runs when a replica starts; it has nothing to scale on",
    "daprBindingTrigger": f"{_SIDECAR} source",
    "daprTopicTrigger": f"{_SIDECAR} broker",
    "daprServiceInvocationTrigger": f"{_REQUESTS}; calls that come from the sidecar do not count",
    "assistantSkillTrigger": "is called by the assistant, within another function: what scales is that one",
    "mcpToolTrigger": _REQUESTS,
    "mcpResourceTrigger": _REQUESTS,
    "mcpPromptTrigger": _REQUESTS,
    "connectorTrigger": _REQUESTS,
    "signalRTrigger": _REQUESTS,
    "webPubSubTrigger": _REQUESTS,
    "manualTrigger": "is called by hand alone; it has nothing to scale on",
}
_UNKNOWN = (
    f"the mapping page has no row for it: expect no rule, {_KEEP}, and look for the trigger in the system logs "
    "(FunctionsScalerInfo) after the deployment"
)


def unmapped_rule(trigger: Trigger) -> ScaleRule:
    """What is known of a trigger without a row."""
    advice = next((text for kind, text in ADVICE.items() if kind.lower() == trigger.type.lower()), _UNKNOWN)
    return ScaleRule(trigger.function, trigger.type, source=trigger.type, where=trigger.where, instead=advice)
