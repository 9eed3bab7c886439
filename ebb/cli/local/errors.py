"""The errors of the local run: something outside this program that its user can put right."""

from __future__ import annotations


class LocalError(Exception):
    """The run cannot go on; the text names the cause and the way out and is shown without a traceback."""


class UsageError(LocalError):
    """The command cannot be meant so: a name that is none, or flags that do not go together."""
