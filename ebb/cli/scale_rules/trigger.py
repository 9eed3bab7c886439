"""One trigger of a function, in the words of `function.json`, wherever it was read from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Unresolved:
    """A property whose value is known only when the app runs; `text` is the expression in the source."""

    text: str

    def __str__(self) -> str:
        return f"<{self.text}>"


@dataclass(frozen=True)
class Trigger:
    """`type` and the property names are those of `function.json` (`queueTrigger`, `queueName`)."""

    function: str
    type: str
    properties: Mapping[str, Any] = field(default_factory=dict[str, Any])
    where: str = ""  # file and line

    def get(self, name: str, default: Any = None) -> Any:
        """A property, its name matched without regard to case; None and empty count as not given."""
        for key, value in self.properties.items():
            if key.lower() == name.lower() and value not in (None, ""):
                return value
        return default

    def flag(self, name: str) -> bool:
        """A property that is true or false, also when written as text."""
        return str(self.get(name, False)).lower() == "true"
