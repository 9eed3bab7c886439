"""What the az call and the Bicep of a job both write: names of secrets, an image's registry."""

from __future__ import annotations

import re

ACCOUNT = "<storage account>"
SECRET = "connection-string-secret"


def registry_of(image: str) -> str | None:
    """The registry that `image` names; None for an image that is public on Docker Hub."""
    host, slash, _ = image.partition("/")
    return host if slash and re.search(r"[.:]", host) else None


def secret_name(parameter: str) -> str:
    """The name of the secret that holds a parameter of a scaler."""
    return f"{re.sub('[A-Z]+', lambda found: '-' + found[0].lower(), parameter)}-secret"
