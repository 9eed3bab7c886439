"""Text from outside, made safe to print: no markup is read in it, and no control character reaches the terminal."""

from __future__ import annotations

import re

from rich.text import Text

from ebb.cli.colours import USUAL

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """`text` with its control characters spelled out, `\\x1b` for one; tabs and line ends stay."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def literal(value: object, style: str = USUAL) -> Text:
    """`value` as a cell or a line of its own."""
    return Text(printable(str(value)), style=style)
