"""Blueprints of the functions that are not part of a cycle: their names and routes may get a prefix.

An app that has functions of its own may have one that is called `health` too. With the prefix `ebb` ours is
`ebb_health`, at the route `ebb/health`. Functions of the cycle keep their names: running instances call them by these.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from ebb.core.errors import SettingsError

PREFIX_PATTERN = r"[a-z][a-z0-9]{0,31}"


class Routes(func.Blueprint):
    """A blueprint that puts `prefix` in front of each name (`<prefix>_`) and each route (`<prefix>/`)."""

    def __init__(self, prefix: str = "") -> None:
        """An empty `prefix` changes nothing.

        Raises:
            SettingsError: it cannot be part of a function's name.
        """
        super().__init__()  # pyright: ignore[reportUnknownMemberType] - the SDK leaves its arguments untyped
        if prefix and not re.fullmatch(PREFIX_PATTERN, prefix):
            raise SettingsError(f"prefix {prefix!r} must be small letters and digits, a letter first, at most 32")
        self._of_names, self._of_routes = (f"{prefix}_", f"{prefix}/") if prefix else ("", "")

    def function_name(self, name: str, *extra: Any, **named: Any) -> Callable[..., Any]:
        """As in the SDK."""
        return super().function_name(self._of_names + name, *extra, **named)

    def route(self, route: str | None = None, *extra: Any, **named: Any) -> Callable[..., Any]:
        """As in the SDK; a function without a route has its name as one, and that has the prefix already."""
        return super().route(None if route is None else self._of_routes + route, *extra, **named)


class DurableRoutes(Routes, df.Blueprint):
    """The same for functions that call Durable Functions too."""
