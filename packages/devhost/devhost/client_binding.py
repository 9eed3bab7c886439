"""The JSON that a durable client input receives: where this host listens, and the URLs it hands to callers."""

from __future__ import annotations

import json

MANAGEMENT_BASE = "/runtime/webhooks/durabletask"
RPC_BASE = "/durabletask"
_PLACEHOLDER = "INSTANCEID"

_MANAGEMENT = {
    "statusQueryGetUri": "",
    "sendEventPostUri": "/raiseEvent/{eventName}",
    "terminatePostUri": "/terminate",
    "rewindPostUri": "/rewind",
    "purgeHistoryDeleteUri": "",
    "restartPostUri": "/restart",
    "suspendPostUri": "/suspend",
    "resumePostUri": "/resume",
}
_WITH_REASON = frozenset({"terminatePostUri", "rewindPostUri", "suspendPostUri", "resumePostUri"})


def management_urls(origin: str, hub: str, instance_id: str) -> dict[str, str]:
    """All management URLs of one instance; `origin` is `http://host:port`."""
    urls = {"id": instance_id}
    for key, path in _MANAGEMENT.items():
        reason = "reason={text}&" if key in _WITH_REASON else ""
        address = f"{origin}{MANAGEMENT_BASE}/instances/{instance_id}{path}"
        urls[key] = f"{address}?{reason}taskHub={hub}&connection=Storage&code=devhost"
    return urls


def client_binding(origin: str, hub: str, connection: str | None = None) -> str:
    """The binding's JSON text. The RPC address ends with a slash, since the client appends paths to it."""
    creation = f"{origin}{MANAGEMENT_BASE}/orchestrators/{{functionName}}[/{{instanceId}}]"
    waiting = "timeout={timeoutInSeconds}&pollingInterval={intervalInSeconds}"
    return json.dumps(
        {
            "taskHubName": hub,
            "creationUrls": {
                "createNewInstancePostUri": f"{creation}?code=devhost",
                "createAndWaitOnNewInstancePostUri": f"{creation}?{waiting}&code=devhost",
            },
            "managementUrls": management_urls(origin, hub, _PLACEHOLDER),
            "baseUrl": f"{origin}{MANAGEMENT_BASE}",
            "requiredQueryStringParameters": "code=devhost",
            "rpcBaseUrl": f"{origin}{RPC_BASE}/",
            "connectionName": connection,
            "httpBaseUrl": None,
        }
    )
