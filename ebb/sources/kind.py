"""A kind of source: its settings, what it can do, and where its parts are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ebb.core.errors import SettingsError
from ebb.core.settings.capabilities import Capabilities
from ebb.core.settings.source_settings import SourceModel

if TYPE_CHECKING:
    from ebb.core.contract.source import SourceRequest


@dataclass(frozen=True)
class Kind(Capabilities):
    """What the registry knows of one kind. Parts are named as `module:function` and imported when they are used."""

    name: str  # the `type` in schedules.yaml
    settings: type[SourceModel]
    source: str  # opens a Source
    poison: str | None = None  # opens its PoisonPlace; None: what cannot be handled is kept nowhere
    feed: str | None = None  # opens its Feed; None: `ebb feed` cannot put messages there
    hints: str | None = None  # gives `Hint`s, a coroutine; None: there is nothing to say beyond the count
    account_hints: str | None = None  # in their place: gives `Hint`s, from what an `AccountLook` sees
    extra: str | None = None  # of this distribution: packages that an app without this kind does without

    def open(self, name: str, request: SourceRequest) -> Any:
        """What the part `name` opens.

        Raises:
            SettingsError: it cannot be used as it is set, or its packages are not installed.
        """
        try:
            opener = part(name)
        except ModuleNotFoundError as error:
            if self.extra is None or (error.name or "").startswith("ebb"):
                raise
            raise SettingsError(
                f"source type {self.name} needs package {error.name}, which is not installed: "
                f"pip install ebb-scheduler[{self.extra}]"
            ) from error
        return opener(request)


def part(name: str) -> Callable[..., Any]:
    """The function that `name` (`module:function`) names."""
    module, _, function = name.partition(":")
    return getattr(import_module(module), function)
