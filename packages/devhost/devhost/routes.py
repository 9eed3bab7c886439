"""Route templates of ASP.NET: `{id}`, `{id?}`, `{id=5}`, `{*rest}` and constraints such as `{id:int}`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote
from uuid import UUID

from devhost.errors import AppError

_PARAMETER = re.compile(
    r"\{(\*{0,2})([^{}:=?*/]+)"
    r"((?::(?:[^{}()?=]|\((?:[^()]|\([^()]*\))*\))+)*)(?:=([^}?]*))?(\?)?\}"
)
_CONSTRAINT = re.compile(r":(\w+)(?:\(((?:[^()]|\([^()]*\))*)\))?")


def _parses(reader: Callable[[str], Any]) -> Callable[[str], bool]:
    def test(text: str) -> bool:
        try:
            reader(text)
        except ValueError:
            return False
        return True

    return test


_INTEGER = re.compile(r"[+-]?\d+")


def _integer(bits: int) -> Callable[[str], bool]:
    bound = 2 ** (bits - 1)
    return lambda text: _INTEGER.fullmatch(text) is not None and -bound <= int(text) < bound


_PLAIN: dict[str, Callable[[str], bool]] = {
    "int": _integer(32),
    "long": _integer(64),
    "bool": lambda text: text.lower() in ("true", "false"),
    "datetime": _parses(datetime.fromisoformat),
    "decimal": _parses(float),
    "double": _parses(float),
    "float": _parses(float),
    "guid": _parses(UUID),
    "alpha": lambda text: re.fullmatch(r"[A-Za-z]*", text) is not None,
    "required": lambda text: text != "",
}

_WITH_ARGUMENTS: dict[str, Callable[[str, list[str]], bool]] = {
    "minlength": lambda text, of: len(text) >= int(of[0]),
    "maxlength": lambda text, of: len(text) <= int(of[0]),
    "length": lambda text, of: int(of[0]) <= len(text) <= int(of[-1]),
    "min": lambda text, of: _PLAIN["long"](text) and int(text) >= int(of[0]),
    "max": lambda text, of: _PLAIN["long"](text) and int(text) <= int(of[0]),
    "range": lambda text, of: _PLAIN["long"](text) and int(of[0]) <= int(text) <= int(of[1]),
}


@dataclass(frozen=True)
class _Parameter:
    name: str
    is_rest: bool
    is_optional: bool
    default: str | None
    tests: tuple[Callable[[str], bool], ...]


@dataclass(frozen=True)
class Route:
    """A compiled template. `match` gives the route parameters of a path, or None."""

    template: str
    pattern: re.Pattern[str]
    parameters: tuple[_Parameter, ...]

    def match(self, path: str) -> dict[str, str] | None:
        """Match an undecoded path without its leading slash."""
        found = self.pattern.fullmatch(path.strip("/"))
        if found is None:
            return None
        values: dict[str, str] = {}
        for position, parameter in enumerate(self.parameters):
            raw = found[_group(position)]
            value = unquote(raw) if raw else parameter.default
            if value is None:
                continue
            if not all(test(value) for test in parameter.tests):
                return None
            values[parameter.name] = value
        return values

    @property
    def precedence(self) -> tuple[int, ...]:
        """Sort key: literal segments win over constrained parameters, these over plain ones, a rest comes last."""
        return tuple(_weight(segment) for segment in self.template.split("/"))


def _weight(segment: str) -> int:
    if "{" not in segment:
        return 0
    if "{*" in segment:
        return 4
    return 2 if ":" in segment or not segment.startswith("{") else 3


def compile_route(template: str) -> Route:
    """Compile a route template.

    Raises:
        AppError: a constraint is unknown or cannot be read, a parameter comes twice, or a brace is not closed.
    """
    template = template.strip("/")
    parameters: list[_Parameter] = []
    pattern = ""
    for index, segment in enumerate(template.split("/")) if template else ():
        piece, is_optional = _segment(segment, template, parameters)
        slash = "/" if index else ""
        pattern += f"(?:{slash}{piece})?" if is_optional else slash + piece
    return Route(template, re.compile(pattern, re.IGNORECASE), tuple(parameters))


def _group(position: int) -> str:
    """The name of a parameter's group: what ASP.NET takes as a name, a regular expression may not."""
    return f"p{position}"


def _segment(segment: str, template: str, parameters: list[_Parameter]) -> tuple[str, bool]:
    piece, end, is_optional = "", 0, False
    for match in _PARAMETER.finditer(segment):
        parameter = _parameter(match, template)
        if parameter.name.lower() in {one.name.lower() for one in parameters}:
            raise AppError(f"route {template!r} has the parameter {parameter.name!r} twice; rename one")
        group = _group(len(parameters))
        parameters.append(parameter)
        body = ".*" if parameter.is_rest else "[^/]+"
        is_whole = match[0] == segment
        is_optional = is_whole and (parameter.is_optional or parameter.default is not None or parameter.is_rest)
        piece += re.escape(segment[end : match.start()]) + f"(?P<{group}>{body})"
        end = match.end()
    rest = segment[end:]
    if "{" in rest or "}" in rest:
        raise AppError(f"route {template!r} has a segment {segment!r} that cannot be read; check its braces")
    return piece + re.escape(rest), is_optional


def _parameter(match: re.Match[str], template: str) -> _Parameter:
    stars, name, constraints, default, optional = match.groups()
    tests = tuple(_constraint(found, template) for found in _CONSTRAINT.finditer(constraints or ""))
    return _Parameter(name, bool(stars), bool(optional), default, tests)


def _constraint(found: re.Match[str], template: str) -> Callable[[str], bool]:
    word, arguments = found[1].lower(), found[2]
    if arguments is None and word in _PLAIN:
        return _PLAIN[word]
    if word == "regex" and arguments is not None:
        try:
            expression = re.compile(arguments.replace("{{", "{").replace("}}", "}"), re.IGNORECASE)
        except re.error as error:
            raise AppError(f"route {template!r} holds a regular expression that cannot be read: {error}") from error
        return lambda text: expression.search(text) is not None
    if word in _WITH_ARGUMENTS and arguments is not None:
        test, values = _WITH_ARGUMENTS[word], [value.strip() for value in arguments.split(",")]
        try:
            test("1", values)
        except (ValueError, IndexError) as error:
            raise AppError(f"route {template!r} has a constraint {found[0][1:]!r} that cannot be read") from error
        return lambda text: test(text, values)
    raise AppError(f"route {template!r} uses the constraint {found[0][1:]!r}, which is not known")
