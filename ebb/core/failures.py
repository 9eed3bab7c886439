"""What Durable says of a failure, read for a person: one line, and whether it is the app's code that has changed.

The extension puts the exception of .NET behind a failure's text, as JSON with the stack traces of both languages; SDK
2.x puts a traceback there.
"""

from __future__ import annotations

import re

LONGEST = 500  # characters

_TAILS = ('{"$type"', "Traceback (most recent call last)", "$OutOfProcData$", "Stack:", "StackTrace:")
# The host's frame around what failed in the worker, where the SDK has not put it into words of its own.
_FRAME = re.compile(r"(?:One or more errors occurred\. \()?Result: Failure\s+Exception:\s*")
# DurableTask.Core and durabletask of SDK 2.x, each of an instance whose history another version has made.
_CODE_CHANGED = re.compile(r"Non-?Deterministic workflow detected|\bNonDeterminismError\b", re.IGNORECASE)
CODE_CHANGED = "code changed"


def first_line(text: str) -> str:
    """What failed, in one line without any stack; empty where nothing is said."""
    for tail in _TAILS:
        text = text.split(tail, 1)[0]
    text = _FRAME.sub("", text, count=1)
    lines = [line for line in (" ".join(each.split()) for each in text.splitlines()) if line]
    return lines[0][:LONGEST] if lines else ""


def is_code_change(output: object) -> bool:
    """Whether an instance failed because the app's code, or the SDK under it, is another one than it was begun with."""
    return isinstance(output, str) and _CODE_CHANGED.search(output) is not None
