"""The one error of the local run: something outside this program that its user can put right."""

from __future__ import annotations


class LocalError(Exception):
    """The run cannot go on; the text names the cause and the way out and is shown without a traceback."""
