"""Bicep files to ARM templates, so that they can be checked without the Bicep compiler, which no registry offers.

    .venv-infra/bin/python tests/project/deploy/checks/bicep.py            writes arm/main.json, ebb.json and flex.json
    .venv-infra/bin/python tests/project/deploy/checks/bicep.py --check    fails when the Bicep files say otherwise

The real compiler (`az bicep build`) stays the authority: the deployment uses it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import tree_sitter_bicep
from expression import BicepError, Scope, code, fail, template, text_of, value
from tree_sitter import Language, Node, Parser

ROOT = Path(__file__).resolve().parents[4]
INFRA = ROOT / "infra"
ARM = Path(__file__).resolve().parents[1] / "arm"
TEMPLATES = ("main", "ebb", "flex")
SCHEMA = "https://schema.management.azure.com/schemas/{}#"
_PARSER = Parser(Language(tree_sitter_bicep.language()))
_KINDS = {
    "parameter_declaration": "param",
    "variable_declaration": "var",
    "resource_declaration": "resource",
    "module_declaration": "module",
}


def compile_file(path: Path, root: Path = ROOT) -> dict[str, Any]:
    """The ARM template of the Bicep file at `path`, its modules within; messages name its place below `root`.

    Raises:
        BicepError: it is not valid Bicep, names what is not declared, or leaves a declaration unused.
    """
    tree = _PARSER.parse(path.read_bytes()).root_node
    scope = Scope(path.relative_to(root).as_posix())
    if tree.has_error:
        raise fail(scope, _first_error(tree), "is not valid Bicep")
    _declare(tree, scope)
    result: dict[str, Any] = {
        "$schema": SCHEMA.format("2019-04-01/deploymentTemplate.json"),
        "languageVersion": "2.0",
        "contentVersion": "1.0.0.0",
        "parameters": {},
        "variables": {},
        "resources": {},
        "outputs": {},
    }
    decorators: dict[str, Any] = {}
    for node in tree.named_children:
        if node.type == "decorators":
            decorators = _decorators(node, scope)
        elif node.type != "comment":
            _statement(node, scope, result, decorators, path, root)
            decorators = {}
    unused = [name for name, kind in scope.kinds.items() if kind in ("param", "var") and name not in scope.used]
    if unused:
        raise BicepError(f"{scope.file}: declared and never used: {', '.join(unused)}")
    return result


def _first_error(node: Node) -> Node:
    return next((_first_error(child) for child in node.children if child.has_error), node)


def _declare(tree: Node, scope: Scope) -> None:
    for node in tree.named_children:
        if node.type in _KINDS:
            name = text_of(node.named_children[0])
            if name in scope.kinds:
                raise fail(scope, node, f"{name} is declared twice")
            scope.kinds[name] = _KINDS[node.type]
            if node.type == "resource_declaration":
                kind, _, version = text_of(node.named_children[1]).strip("'").partition("@")
                scope.resources[name] = (kind, version)
    for node in tree.named_children:
        if node.type == "resource_declaration":
            name = text_of(node.named_children[0])
            if any(text_of(child) == "existing" for child in node.children):
                scope.existing.add(name)
            scope.names[name] = _full_name(node, scope)


def _full_name(node: Node, scope: Scope) -> tuple[str, ...]:
    body = {text_of(part.named_children[0]): part.named_children[1] for part in _fields(node)}
    own = code(value(body["name"], scope))
    if "parent" not in body:
        return (own,)
    return (*scope.names[text_of(body["parent"])], own)


def _body(node: Node) -> Node:
    last = node.named_children[-1]
    return last.named_children[-1] if last.type == "if_statement" else last


def _decorators(node: Node, scope: Scope) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for decorator in node.named_children:
        call = decorator.named_children[0]
        name = text_of(call.named_children[0])
        arguments = call.named_children[1].named_children
        found[name] = value(arguments[0], scope) if arguments else True
    return found


def _statement(
    node: Node, scope: Scope, result: dict[str, Any], decorators: dict[str, Any], path: Path, root: Path
) -> None:
    if node.type == "target_scope_assignment":
        target = text_of(node.named_children[0]).strip("'")
        result["$schema"] = SCHEMA.format(f"2018-05-01/{target}DeploymentTemplate.json")
        return
    name = text_of(node.named_children[0])
    if node.type == "parameter_declaration":
        result["parameters"][name] = _parameter(node, scope, decorators)
    elif node.type == "variable_declaration":
        _variable(node, name, scope, result)
    elif node.type == "resource_declaration":
        result["resources"][name] = _resource(node, name, scope)
    elif node.type == "module_declaration":
        result["resources"][name] = _module(node, scope, path, root)
    elif node.type == "output_declaration":
        given = value(node.named_children[2], scope)
        result["outputs"][name] = {"type": text_of(node.named_children[1]), "value": template(given)}
    else:
        raise fail(scope, node, f"{node.type} is not known here")
    if node.type in ("variable_declaration", "output_declaration"):
        scope.touched.clear()


def _variable(node: Node, name: str, scope: Scope, result: dict[str, Any]) -> None:
    """Variables of a template are worked out before its resources: one that looks at a resource is put in place."""
    given = value(node.named_children[1], scope)
    if "reference(" in json.dumps(template(given)):
        scope.inlined[name], scope.inlined_touched[name] = given, set(scope.touched)
    else:
        result["variables"][name] = template(given)


def _parameter(node: Node, scope: Scope, decorators: dict[str, Any]) -> dict[str, Any]:
    if "description" not in decorators:
        raise fail(scope, node, "a parameter needs a description")
    found: dict[str, Any] = {"type": text_of(node.named_children[1])}
    if len(node.named_children) > 2:
        found["defaultValue"] = template(value(node.named_children[2], scope))
    for decorator, key in (
        ("allowed", "allowedValues"),
        ("minLength",) * 2,
        ("maxLength",) * 2,
        ("minValue",) * 2,
        ("maxValue",) * 2,
    ):
        if decorator in decorators:
            found[key] = decorators[decorator]
    found["metadata"] = {"description": decorators["description"]}
    return found


def _resource(node: Node, name: str, scope: Scope) -> dict[str, Any]:
    kind, version = scope.resources[name]
    fields = {text_of(part.named_children[0]): part.named_children[1] for part in _fields(node)}
    found: dict[str, Any] = {"type": kind, "apiVersion": version}
    if name in scope.existing:
        found = {"existing": True, **found}
    _condition(node, scope, found)
    if "scope" in fields:
        target = text_of(fields.pop("scope"))
        scope.used.add(target)
        scope.touched.add(target)
        found["scope"] = f"[resourceId({code(scope.resources[target][0])}, {', '.join(scope.names[target])})]"
    if "parent" in fields:
        parent = text_of(fields.pop("parent"))
        scope.touched.add(parent)
        places = "/".join(f"{{{index}}}" for index in range(len(scope.names[name])))
        found["name"] = f"[format('{places}', {', '.join(scope.names[name])})]"
        fields.pop("name")
    found |= {field: template(value(part, scope)) for field, part in fields.items()}
    return _with_dependencies(found, scope)


def _module(node: Node, scope: Scope, path: Path, root: Path) -> dict[str, Any]:
    file = path.parent / text_of(node.named_children[1]).strip("'")
    inner = compile_file(file, root)
    fields = {text_of(part.named_children[0]): part.named_children[1] for part in _fields(node)}
    found: dict[str, Any] = {"type": "Microsoft.Resources/deployments", "apiVersion": "2025-04-01"}
    _condition(node, scope, found)
    found["name"] = template(value(fields["name"], scope))
    if "scope" in fields:
        group = text_of(fields["scope"])
        scope.touched.add(group)
        found["resourceGroup"] = f"[{scope.names[group][-1]}]"
    given = value(fields["params"], scope)
    _check_parameters(node, scope, given, inner["parameters"])
    found["properties"] = {
        "expressionEvaluationOptions": {"scope": "inner"},
        "mode": "Incremental",
        "parameters": {key: {"value": template(part)} for key, part in given.items()},
        "template": inner,
    }
    return _with_dependencies(found, scope)


def _fields(node: Node) -> list[Node]:
    return [child for child in _body(node).named_children if child.type != "comment"]


def _condition(node: Node, scope: Scope, found: dict[str, Any]) -> None:
    last = node.named_children[-1]
    if last.type == "if_statement":
        found["condition"] = template(value(last.named_children[0], scope))


def _check_parameters(node: Node, scope: Scope, given: dict[str, Any], wanted: dict[str, Any]) -> None:
    unknown = sorted(set(given) - set(wanted))
    missing = sorted(name for name in wanted if "defaultValue" not in wanted[name] and name not in given)
    if unknown or missing:
        raise fail(scope, node, f"parameters of the module: unknown {unknown}, missing {missing}")


def _with_dependencies(found: dict[str, Any], scope: Scope) -> dict[str, Any]:
    needed = scope.take()
    return {**found, "dependsOn": needed} if needed else found


def main(arguments: list[str]) -> int:
    """Write the templates, or with --check compare them."""
    stale: list[str] = []
    for name in TEMPLATES:
        try:
            text = json.dumps(compile_file(INFRA / f"{name}.bicep"), indent=2) + "\n"
        except BicepError as error:
            sys.stderr.write(f"{error}\n")
            return 1
        target = ARM / f"{name}.json"
        if "--check" not in arguments:
            target.parent.mkdir(exist_ok=True)
            target.write_text(text, encoding="utf-8")
        elif not target.is_file() or target.read_text(encoding="utf-8") != text:
            stale.append(target.relative_to(ARM.parent).as_posix())
    if stale:
        sys.stderr.write(
            f"not what the Bicep files say: {', '.join(stale)}; run tests/project/deploy/checks/bicep.py\n"
        )
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
