"""YAML as `schedules.yaml` has it: no key twice, no numbers in sixties, and the line of everything in it."""

from __future__ import annotations

import re
from typing import Any, cast

import yaml

from ebb.core.errors import SettingsError

Lines = dict[tuple[str, ...], int]
"""The line of each key and each entry of a list, by the path to it."""

_INT, _FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"


class _Loader(yaml.SafeLoader):
    """YAML without duplicate keys, which YAML itself lets pass and which hide a setting.

    Nor does it read `1:30` as the number 90 (YAML 1.1 counts in sixties): a duration with colons is hh:mm:ss.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own attribute, made new for this class
        first: [(tag, pattern) for tag, pattern in found if tag not in (_INT, _FLOAT)]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a name must be plain text", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} stands here twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_add = cast("Any", _Loader).add_implicit_resolver  # PyYAML's stubs leave it untyped
_add(_INT, re.compile(r"^[-+]?(0|[1-9][0-9_]*)$"), list("-+0123456789"))
_add(
    _FLOAT, re.compile(r"^[-+]?([0-9][0-9_]*\.[0-9_]*|\.[0-9]+|[0-9][0-9_]*)([eE][-+]?[0-9]+)?$"), list("-+0123456789.")
)


def read_value(text: str) -> Any:
    """The value that `text` means in schedules.yaml: a number, true or false, null, a list, a mapping, or text.

    Raises:
        SettingsError: it is not YAML; the text says where.
    """
    try:
        return cast("Any", _Loader(text)).get_single_data()
    except yaml.MarkedYAMLError as error:
        raise SettingsError(str(error.problem or error)) from None
    except yaml.YAMLError as error:
        raise SettingsError(str(error)) from None


def parse_yaml(text: str, path: str) -> tuple[dict[str, Any], Lines]:
    """The mapping that `text` of the file `path` is, and the line of each of its keys and entries.

    Raises:
        SettingsError: it is not YAML, or no mapping; names file and line.
    """
    lines: Lines = {}
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is not None:
            _collect_lines(root, (), lines)
        document: Any = cast("Any", loader).construct_document(root) if root is not None else {}
    except yaml.MarkedYAMLError as error:
        raise SettingsError(f"{path}:{_fault(error)}") from None  # its text holds a piece of the file: a key, perhaps
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: {error}") from None
    except RecursionError as error:
        raise SettingsError(f"{path}: something in it contains itself (an anchor & and its alias *)") from error
    if not isinstance(document, dict):
        raise SettingsError(f"{path}:1: must be a mapping with the key 'schedules'")
    return cast("dict[str, Any]", document), lines


def line_of(lines: Lines, path: tuple[str, ...]) -> int:
    """The line of `path`, or of the nearest thing above it."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _fault(error: yaml.MarkedYAMLError) -> str:
    """Line and reason; what was never closed is reported where it began, not at the end of the file."""
    found, began = error.problem_mark, error.context_mark
    line = found.line + 1 if found else 1
    if found and began and began.line < found.line and error.context:
        return f"{began.line + 1}: {error.context}, {error.problem} (line {line})"
    return f"{line}: {error.problem or error}"


def _collect_lines(node: yaml.Node, path: tuple[str, ...], lines: Lines) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            lines[(*path, str(key.value))] = key.start_mark.line + 1
            _collect_lines(value, (*path, str(key.value)), lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines[(*path, str(index))] = value.start_mark.line + 1
            _collect_lines(value, (*path, str(index)), lines)
