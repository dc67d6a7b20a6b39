"""All that CloudFormation refuses of a template before it makes anything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from smproject.sandbox.cloudformation import conditions, dynamic, graph, properties, rules, schemas
from smproject.sandbox.cloudformation.intrinsics import Scope
from smproject.sandbox.cloudformation.provider import provider_of
from smproject.sandbox.cloudformation.syntax import attribute_of, calls, invalid, malformed, references, variables
from smproject.sandbox.cloudformation.template import demand_text

_ASKING = {"Fn::GetAZs", "Fn::ImportValue"}
_OPEN = ("AWS::CloudFormation::CustomResource", "AWS::CloudFormation::Stack")  # whose attributes only they know


def check(template: dict[str, Any], extended: bool) -> None:
    """Refuse what is wrong whatever the parameters are; `extended` allows AWS::LanguageExtensions' functions."""
    graph.check_functions(template, extended)
    rules.check_functions(template)
    conditions.check(template, extended)
    graph.check_names(template)
    types = unrecognized(template)
    if unknown := [type_ for type_ in types if schemas.find(type_) is None]:
        raise malformed(f"Unrecognized resource types: [{', '.join(unknown)}]")
    if types:
        raise malformed(f"The sandbox does not execute these resource types: [{', '.join(types)}]")
    _check_attributes(template)
    dynamic.check(template)
    graph.check_circles(template, set(template["Resources"]))


def check_active(template: dict[str, Any], scope: Scope) -> None:
    """Refuse what is wrong once it is known which conditions hold."""
    active = graph.check_active(template, scope.condition)
    graph.check_circles(template, active, scope.condition)
    _compute(template, scope)
    _check_outputs(template, scope)
    properties.check_template(template, active)


def _compute(template: dict[str, Any], scope: Scope) -> None:
    """Compute what neither a resource nor another service has a say in: what is wrong with it is known now."""
    for value in graph.taken(template, scope.condition):
        for function, argument in calls(value):
            if _is_computable(call := {function: argument}, template):
                scope.resolve(call)


def _is_computable(value: Any, template: dict[str, Any]) -> bool:
    asked = {name for name, _ in calls(value)} & _ASKING
    return not asked and not set(references(value)) & set(template["Resources"])


def _check_outputs(template: dict[str, Any], scope: Scope) -> None:
    for item in template.get("Outputs", {}).values():
        is_active = "Condition" not in item or scope.condition(item["Condition"])
        if is_active and _is_computable(item["Value"], template):
            demand_text(scope.resolve(item["Value"]))


def unrecognized(template: dict[str, Any]) -> list[str]:
    """Return the types of resources that can't be made."""
    types = {item["Type"] for item in template["Resources"].values()}
    return sorted(type_ for type_ in types if provider_of(type_) is None)


def _check_attributes(template: dict[str, Any]) -> None:
    types = {name: item["Type"] for name, item in template["Resources"].items()}
    found = [graph.values(block, item) for block in graph.BLOCKS for item in template.get(block, {}).values()]
    for name, attribute, function in _attributes(found):
        if isinstance(attribute, str) and not _has(types[name], attribute):
            raise invalid(f"Template error: resource {name} does not support attribute type {attribute} in {function}")


def _attributes(value: Any) -> Iterator[tuple[str, Any, str]]:
    for function, argument in calls(value):
        if function == "Fn::GetAtt":
            yield (*attribute_of(argument), function)
        elif function == "Fn::Sub":
            yield from ((*attribute_of(key), function) for key in variables(argument) if "." in key)


def _has(type_: str, attribute: str) -> bool:
    if type_ in _OPEN or type_.startswith("Custom::") or schemas.find(type_) is None:
        return True
    return any(name == attribute or re.fullmatch(name, attribute) for name in schemas.attributes(type_))
