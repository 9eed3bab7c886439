"""What comes out for one trigger: both sides of the mapping, the rule if there is one, and what to do if not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ebb.core.document import Json


@dataclass(frozen=True)
class Parameter:
    """One side of the mapping; `is_set` is false when `value` is the default."""

    name: str | None
    path: str
    default: Any
    value: Any
    is_set: bool

    def to_document(self) -> Json:
        """Plain JSON."""
        return {
            "parameter": self.name,
            "path": self.path,
            "default": self.default,
            "value": _plain(self.value),
            "set": self.is_set,
        }


@dataclass(frozen=True)
class ScaleRule:
    """`rule` has the shape of one entry of `template.scale.rules`; None: the platform derives nothing."""

    function: str
    trigger: str
    source: str
    where: str = ""
    functions_side: Parameter | None = None
    keda_side: Parameter | None = None
    rule: Json | None = None
    notes: tuple[str, ...] = ()
    instead: str | None = None
    override: tuple[Json, ...] = ()  # own rules for allowScalingRuleOverride that would serve

    def to_document(self) -> Json:
        """Plain JSON, every key always there."""
        return {
            "function": self.function,
            "trigger": self.trigger,
            "source": self.source,
            "where": self.where,
            "mapped": self.rule is not None,
            "functions": self.functions_side.to_document() if self.functions_side else None,
            "keda": {"type": self.rule["custom"]["type"], **(self.keda_side.to_document() if self.keda_side else {})}
            if self.rule
            else None,
            "rule": self.rule,
            "notes": list(self.notes),
            "instead": self.instead,
            "override": list(self.override),
        }


def rule_name(function: str) -> str:
    """A name that Container Apps takes for a rule: small letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", function.lower()).strip("-") or "rule"


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
