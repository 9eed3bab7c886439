"""One header of a request, with the type that the SDK leaves open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import azure.functions as func


def header(req: func.HttpRequest, name: str) -> str | None:
    """The value of header `name`, whatever its case; None where it is not there."""
    return cast("Mapping[str, str]", req.headers).get(name)
