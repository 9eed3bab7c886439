"""What the az call and the Bicep of a job both write: a rule's metadata, names of secrets, an image's registry."""

from __future__ import annotations

import re

from ebb.cli.job.template import COUNTING, SCALER, QueueRule

ACCOUNT = "<storage account>"
SECRET = "connection-string-secret"


def metadata_of(rule: QueueRule) -> dict[str, str]:
    """What the scaler of `rule` is told, by the names of its parameters."""
    if rule.scaler != SCALER:
        return dict(rule.metadata)
    return {
        "accountName": ACCOUNT,
        "queueName": rule.queue,
        "queueLength": str(rule.length),
        "activationQueueLength": str(rule.activation),
        "queueLengthStrategy": COUNTING,
    }


def registry_of(image: str) -> str | None:
    """The registry that `image` names; None for an image that is public on Docker Hub."""
    host, slash, _ = image.partition("/")
    return host if slash and re.search(r"[.:]", host) else None


def secret_name(parameter: str) -> str:
    """The name of the secret that holds a parameter of a scaler."""
    return f"{re.sub('[A-Z]+', lambda found: '-' + found[0].lower(), parameter)}-secret"
