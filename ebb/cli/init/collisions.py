"""Names that an app and Ebb would both have: functions, routes and modules, each with the way out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from ebb.cli.init.folder_changes import Collision
from ebb.cli.init.registered import registered
from ebb.cli.scale_rules.trigger import Trigger
from ebb.core.document import Json
from ebb.core.names import CLOSE_CYCLE, ETERNAL_SCHEDULER, MEASURE_BACKLOG, PROCESS_BACKLOG

_CYCLE = {ETERNAL_SCHEDULER, MEASURE_BACKLOG, PROCESS_BACKLOG, CLOSE_CYCLE}
_VERBS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Function:
    """A function by name; `route` is None where it has no HTTP trigger."""

    name: str
    route: str | None = None
    verbs: frozenset[str] = _VERBS


def functions_of_ebb(prefix: str) -> list[Function]:
    """What Ebb registers, by registering it.

    Raises:
        SettingsError: the prefix cannot be part of a name.
    """
    from ebb.core.settings.schedules import Schedules
    from ebb.services import Services
    from ebb.store.memory import MemoryStore

    found: list[Function] = []
    ours = registered(Services(Schedules({}), MemoryStore(), environment={}, prefix=prefix))
    for name, one in ours.items():
        trigger = one.get_trigger()
        about: Json = trigger.get_dict_repr() if trigger else {}
        methods: Iterable[object] = about.get("methods") or _VERBS
        verbs = frozenset(str(getattr(verb, "value", verb)).upper() for verb in methods)
        found.append(Function(name, about.get("route"), verbs))
    return found


def functions_of_app(triggers: Iterable[Trigger]) -> list[Function]:
    """The functions that an app's source shows."""
    found: list[Function] = []
    for each in triggers:
        is_http = each.type.lower() == "httptrigger"
        given: object = each.get("methods")
        verbs = cast("Iterable[object]", given) if isinstance(given, list | tuple) else ()
        named = {str(verb).upper() for verb in verbs}
        route = str(each.get("route", each.function)) if is_http else None
        found.append(Function(each.function, route, frozenset(named) if named and named <= _VERBS else _VERBS))
    return found


def same_functions(ours: Sequence[Function], theirs: Sequence[Function], prefix: str) -> Iterator[Collision]:
    """Functions of one name, and routes that match the same calls."""
    way_out = f"take another prefix than {prefix}" if prefix else "give Ebb's a prefix: --prefix ebb"
    names = {each.name.lower(): each for each in theirs}
    taken: set[str] = set()
    for our in ours:
        if our.name.lower() in names:
            taken.add(our.name)
            rename = f"rename yours: running schedules call Ebb's {our.name} by its name"
            yield Collision(f"function {names[our.name.lower()].name}", rename if our.name in _CYCLE else way_out)
    for our in ours:
        for their in theirs:
            if our.route is not None and their.route is not None and our.name not in taken and _meet(our, their):
                yield Collision(f"route {their.route} of {their.name} (Ebb: {our.route} of {our.name})", way_out)


def same_modules(folder: Path, package: str) -> Iterator[Collision]:
    """What stands in `folder` where Ebb's package, the engine or its settings would."""
    if _module(folder, package):
        yield Collision(f"module {package}", "name another package for Ebb's modules: --package NAME")
    if _module(folder, "ebb"):
        yield Collision("module ebb", "rename yours: it hides the engine, the package ebb")
    if (folder / "schedules.yaml").exists():
        yield Collision("file schedules.yaml", "rename yours: Ebb reads its schedules from this name")


def _module(folder: Path, name: str) -> bool:
    return (folder / name).exists() or (folder / f"{name}.py").exists()


def _meet(one: Function, other: Function) -> bool:
    return _shape(one.route or "") == _shape(other.route or "") and bool(one.verbs & other.verbs)


def _shape(route: str) -> str:
    """A route in which all parameters are alike, since a host tells calls apart by the rest."""
    return re.sub(r"\{[^*}][^}]*\}", "{}", route.strip("/").lower())
