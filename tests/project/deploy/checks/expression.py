"""Bicep expressions to expressions of an ARM template, from the syntax tree of tree-sitter-bicep.

A small part of the language, the one that the templates here use; anything else is refused by name, never guessed.
Source of the meaning: https://learn.microsoft.com/azure/azure-resource-manager/bicep/file and the functions and
symbolic names of https://learn.microsoft.com/azure/azure-resource-manager/templates/syntax.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from tree_sitter import Node

OPERATORS = {"==": "equals", "!=": None, "&&": "and", "||": "or", "+": "add", "-": "sub", ">": "greater", "<": "less"}
FUNCTIONS = {
    "concat", "empty", "environment", "guid", "json", "padLeft", "range", "resourceGroup", "subscription",
    "subscriptionResourceId", "tenant", "toLower", "uniqueString", "union",
}  # fmt: skip


_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}


class BicepError(Exception):
    """The template is wrong, or uses what this check does not know; the text has file and line."""


@dataclass(frozen=True)
class Code:
    """An ARM expression, without its brackets."""

    text: str


@dataclass
class Scope:
    """The names that a file declares, and which of them were used."""

    file: str
    kinds: dict[str, str] = field(default_factory=dict[str, str])  # name -> param, var, resource, module
    resources: dict[str, tuple[str, str]] = field(
        default_factory=dict[str, tuple[str, str]]
    )  # name -> type, API version
    inlined: dict[str, Any] = field(default_factory=dict[str, Any])  # variables that a template cannot hold: they look
    inlined_touched: dict[str, set[str]] = field(default_factory=dict[str, set[str]])  # at resources
    names: dict[str, tuple[str, ...]] = field(
        default_factory=dict[str, tuple[str, ...]]
    )  # resource -> its name in full: those of its parents, then its own
    existing: set[str] = field(default_factory=set[str])
    used: set[str] = field(default_factory=set[str])
    locals: set[str] = field(default_factory=set[str])
    touched: set[str] = field(default_factory=set[str])  # resources and modules used since the last `take`

    def take(self) -> list[str]:
        """What was touched since the last call: what the declaration just read depends on."""
        touched, self.touched = sorted(name for name in self.touched if name not in self.existing), set()
        return touched


def text_of(node: Node) -> str:
    """The source of `node`."""
    return (node.text or b"").decode()


def fail(scope: Scope, node: Node, message: str) -> BicepError:
    """The error, with its place."""
    return BicepError(f"{scope.file}:{node.start_point[0] + 1}: {message}")


def value(node: Node, scope: Scope) -> Any:
    """Plain JSON where `node` is a literal; `Code` inside it where it is computed."""
    kind = node.type
    if kind == "object":
        return {_key(part.named_children[0], scope): value(part.named_children[1], scope) for part in _parts(node)}
    if kind == "array":
        return [value(child, scope) for child in _parts(node)]
    if kind == "string":
        return _string(node, scope)
    if kind in ("number", "boolean", "null"):
        return json.loads(text_of(node))
    if kind == "unary_expression" and text_of(node).lstrip("-").isdigit():
        return int(text_of(node))
    if kind == "parenthesized_expression":
        return value(node.named_children[0], scope)
    return Code(_computed(node, scope))


def code(given: Any) -> str:
    """`given` as the inside of an ARM expression."""
    if isinstance(given, Code):
        return given.text
    if isinstance(given, str):
        return "'" + given.replace("'", "''") + "'"
    if isinstance(given, bool):
        return f"{str(given).lower()}()"
    if given is None:
        return "null()"
    if isinstance(given, dict):
        pairs = ", ".join(f"{code(unwrapped(key))}, {code(part)}" for key, part in given.items())
        return f"createObject({pairs})"
    if isinstance(given, list):
        return f"createArray({', '.join(code(part) for part in given)})"
    return str(given)


def template(given: Any) -> Any:
    """`given` as it stands in the JSON of a template: expressions in brackets."""
    if isinstance(given, Code):
        return f"[{given.text}]"
    if isinstance(given, str) and given.startswith("["):
        return f"[{given}"  # a text, not an expression
    if isinstance(given, dict):
        return {key: template(part) for key, part in given.items()}
    if isinstance(given, list):
        return [template(part) for part in given]
    return given


def unwrapped(key: str) -> Any:
    """An object's key: text, or the expression that it stands for."""
    return Code(key[1:-1]) if key.startswith("[") else key


def _parts(node: Node) -> list[Node]:
    return [child for child in node.named_children if child.type != "comment"]


def _key(node: Node, scope: Scope) -> str:
    given = _string(node, scope) if node.type == "string" else text_of(node)
    return given if isinstance(given, str) else f"[{given.text}]"


def _string(node: Node, scope: Scope) -> str | Code:
    """The text between the interpolations is cut from the source: the grammar drops escapes such as `\\$`."""
    source, position = node.text or b"", 1
    pattern, arguments = "", []
    for piece in (child for child in node.named_children if child.type == "interpolation"):
        start = piece.start_byte - node.start_byte
        pattern += _braced(_unescaped(source[position:start])) + f"{{{len(arguments)}}}"
        arguments.append(code(value(piece.named_children[0], scope)))
        position = piece.end_byte - node.start_byte
    plain = _unescaped(source[position:-1])
    return Code(f"format({', '.join([code(pattern + _braced(plain)), *arguments])})") if arguments else plain


def _braced(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _unescaped(source: bytes) -> str:
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), source.decode())


def _computed(node: Node, scope: Scope, path: tuple[str, ...] = ()) -> str:
    """`path`: properties that belong to the last operand of an operator."""
    kind = node.type
    if kind == "identifier":
        return _name(node, scope)
    if kind == "member_expression":
        return _member(node, scope)
    if kind == "call_expression":
        return _call(node, scope)
    if kind == "ternary_expression":
        return f"if({', '.join(_operands(node, scope, path))})"
    if kind == "unary_expression" and text_of(node).startswith("!"):
        return f"not({code(value(node.named_children[0], scope))})"
    if kind == "binary_expression":
        return _binary(node, scope, path)
    if kind == "for_statement":
        return _loop(node, scope)
    raise fail(scope, node, f"{kind} is not known here: {text_of(node)[:60]}")


def _name(node: Node, scope: Scope) -> str:
    name = text_of(node)
    if name in scope.locals:
        return f"lambdaVariables('{name}')"
    kind = scope.kinds.get(name)
    if kind is None:
        raise fail(scope, node, f"{name} is not declared")
    scope.used.add(name)
    if kind in ("resource", "module"):
        raise fail(scope, node, f"{name} is a {kind}: take a property of it")
    if name in scope.inlined:
        scope.touched |= scope.inlined_touched[name]
        return code(scope.inlined[name])
    return f"{'parameters' if kind == 'param' else 'variables'}('{name}')"


def _member(node: Node, scope: Scope, outer: tuple[str, ...] = ()) -> str:
    """`a.b.c`; of resources and modules `.id`, `.name`, `.properties.x` and `.outputs.x`."""
    path = list(outer)
    inner: Node = node
    while inner.type == "member_expression":
        path.insert(0, text_of(inner.child_by_field_name("property") or inner.named_children[1]))
        inner = inner.child_by_field_name("object") or inner.named_children[0]
    if inner.type in (
        "ternary_expression",
        "binary_expression",
    ):  # the grammar binds the dot of `a ? b : c.d` too far out
        return _computed(inner, scope, tuple(path))
    root = text_of(inner)
    if inner.type != "identifier" or scope.kinds.get(root) not in ("resource", "module"):
        return ".".join([code(value(inner, scope)), *path])
    scope.used.add(root)
    scope.touched.add(root)
    if scope.kinds[root] == "module":
        if len(path) != 2 or path[0] != "outputs":
            raise fail(scope, node, f"of module {root} only its outputs can be used, not .{'.'.join(path)}")
        return f"reference('{root}').outputs.{path[1]}.value"
    return _of_resource(node, root, path, scope)


def _of_resource(node: Node, root: str, path: list[str], scope: Scope) -> str:
    if path == ["id"]:
        return f"resourceId({code(scope.resources[root][0])}, {', '.join(scope.names[root])})"
    if path == ["name"]:
        return scope.names[root][-1]
    if path and path[0] == "properties":
        return ".".join([f"reference('{root}')", *path[1:]])
    raise fail(scope, node, f".{'.'.join(path)} of resource {root} is not known here")


def _call(node: Node, scope: Scope) -> str:
    function = text_of(node.child_by_field_name("function") or node.named_children[0])
    if function not in FUNCTIONS:
        raise fail(scope, node, f"function {function} is not known here")
    arguments = next((child for child in node.named_children if child.type == "arguments"), None)
    given = [code(value(child, scope)) for child in _parts(arguments)] if arguments else []
    return f"{function}({', '.join(given)})"


def _operands(node: Node, scope: Scope, path: tuple[str, ...]) -> list[str]:
    *first, last = _parts(node)
    ending = _member(last, scope, path) if path else code(value(last, scope))
    return [*(code(value(child, scope)) for child in first), ending]


def _binary(node: Node, scope: Scope, path: tuple[str, ...]) -> str:
    left, right = _operands(node, scope, path)
    sign = next(text_of(child) for child in node.children if not child.is_named)
    if sign == "!=":
        return f"not(equals({left}, {right}))"
    if not OPERATORS.get(sign):
        raise fail(scope, node, f"operator {sign} is not known here")
    return f"{OPERATORS[sign]}({left}, {right})"


def _loop(node: Node, scope: Scope) -> str:
    """`[for item in list: body]` as a lambda."""
    item, listed, body = _parts(node)
    source = code(value(listed, scope))
    scope.locals.add(text_of(item))
    mapped = code(value(body, scope))
    scope.locals.discard(text_of(item))
    return f"map({source}, lambda('{text_of(item)}', {mapped}))"
