"""How a job gets at what it reads: a choice of the command line, so it costs no imports."""

from __future__ import annotations

from enum import StrEnum


class JobAccess(StrEnum):
    """How a job gets at its queue."""

    IDENTITY = "identity"
    SECRET = "secret"
