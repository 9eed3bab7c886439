"""A kind of source: its settings, what it can do, and where its parts are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ebb.core.settings.capabilities import Capabilities
from ebb.core.settings.source_settings import SourceModel


@dataclass(frozen=True)
class Kind(Capabilities):
    """What the registry knows of one kind. Parts are named as `module:function` and imported when they are used."""

    name: str  # the `type` in schedules.yaml
    settings: type[SourceModel]
    source: str  # opens a Source
    poison: str | None = None  # opens its PoisonPlace; None: what cannot be handled is kept nowhere


def part(name: str) -> Callable[..., Any]:
    """The function that `name` (`module:function`) names."""
    module, _, function = name.partition(":")
    return getattr(import_module(module), function)
