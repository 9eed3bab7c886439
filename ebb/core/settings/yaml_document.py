"""Reads YAML as schedules.yaml has it, with the line of each name; tells what is wrong with it in plain words."""

from __future__ import annotations

import re
from typing import Any, cast

import yaml

from ebb.core.errors import SettingsError

Lines = dict[tuple[str, ...], int]
"""The line of each key and each entry of a list, by the path to it."""

_INT, _FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"
_QUOTES = "must be in quotes: '...'"
_WORDS = tuple(  # the parser's "context: problem"; whether the line is where that began; what it means to a person
    (re.compile(pattern), at_begin, words)
    for pattern, at_begin, words in (
        (r".*: found character '(?:\\t|\t)'", False, "a tab: YAML is indented with spaces"),
        (r".*: found character '(.+)' that cannot start", False, f"a value that begins with {{}} {_QUOTES}"),
        (r".*: found undefined alias '(.+)'", False, f"there is no anchor &{{}}; a value that begins with * {_QUOTES}"),
        (r"while scanning an alias", False, f"a value that begins with * {_QUOTES}"),
        (
            r"while parsing a block mapping: .*<scalar>",
            False,
            "more stands here after a value in quotes: put all of it into one pair of quotes",
        ),
        (
            r"while parsing a block mapping",
            False,
            "this line is indented neither as the lines before it nor as a part of them (they began on line {begin})",
        ),
        (
            r".*: mapping values are not allowed",
            False,
            "a colon that does not belong here: is one missing at the end of the line above, or the indentation wrong?",
        ),
        (r".*: could not find expected ':'", True, "a colon and a blank must follow the name, as in 'jitter: 10'"),
        (r"while parsing a flow mapping", True, "a comma or } is missing between here and line {line}"),
        (r"while parsing a flow sequence", True, "a comma or ] is missing between here and line {line}"),
        (r"while scanning a quoted scalar: .*end of stream", True, "the quote that opens here is not closed"),
        (r".*: but found another document", False, "a second document (---) begins; write all schedules in one"),
        (r".*: could not determine a constructor", False, "a tag (!) is not read here; write a plain value"),
    )
)


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
        SettingsError: it is not YAML; says why.
    """
    try:
        return cast("Any", _Loader(text)).get_single_data()
    except yaml.YAMLError as error:
        raise SettingsError(_fault(error, text)[1]) from None
    except RecursionError:
        raise SettingsError("it is nested too deep, or contains itself") from None


def read_document(text: str, path: str) -> tuple[dict[str, Any], Lines]:
    """The mapping that `text` is, and the line of each name and entry in it. Every name is text, as it is written.

    Args:
        path: name of the file, for messages only.

    Raises:
        SettingsError: it is not a mapping, or not YAML; names file and line.
    """
    lines: Lines = {}
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is not None:
            _take_names(root, (), lines)
        document: Any = cast("Any", loader).construct_document(root) if root is not None else {}
    except yaml.YAMLError as error:
        line, words = _fault(error, text)
        raise SettingsError(f"{path}:{line}: {words}") from None  # the error's text holds a piece of the file: a key?
    except RecursionError as error:
        deep = "something in it is nested too deep, or contains itself (an anchor & and its alias *)"
        raise SettingsError(f"{path}: {deep}") from error
    if not isinstance(document, dict):
        raise SettingsError(f"{path}:1: must be a mapping with the key 'schedules'")
    return cast("dict[str, Any]", document), lines


def line_of(lines: Lines, path: tuple[str, ...]) -> int:
    """The line of `path`, or of the nearest thing above it."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _take_names(node: yaml.Node, path: tuple[str, ...], lines: Lines) -> None:
    """Write down the lines, and let each name be text: without quotes `on` would be a truth, and `5` a number."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                key.tag = "tag:yaml.org,2002:str"
            lines[(*path, str(key.value))] = key.start_mark.line + 1
            _take_names(value, (*path, str(key.value)), lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines[(*path, str(index))] = value.start_mark.line + 1
            _take_names(value, (*path, str(index)), lines)


def _fault(error: yaml.YAMLError, text: str) -> tuple[int, str]:
    """The line to look at, and what is wrong there."""
    if isinstance(error, yaml.reader.ReaderError):
        place = int(cast("Any", error).position)
        return text.count("\n", 0, place) + 1, f"the character #x{int(cast('Any', error).character):04x} is not allowed"
    marked = cast("yaml.MarkedYAMLError", error)
    found, began = marked.problem_mark, marked.context_mark
    line = found.line + 1 if found else 1
    begin = began.line + 1 if began else line
    problem, context = str(marked.problem or error), str(marked.context or "")
    for pattern, at_begin, words in _WORDS:
        if match := pattern.match(f"{context}: {problem}"):
            told = words.replace("{line}", str(line)).replace("{begin}", str(begin))
            return begin if at_begin else line, told.replace("{}", match[1]) if match.groups() else told
    if begin < line and context:
        return begin, f"{context}, {problem} (line {line})"
    return line, problem
