"""Reading a template: YAML with CloudFormation's short tags, or JSON, into plain dictionaries."""

from __future__ import annotations

from typing import Any

import yaml

from smproject.sandbox.service import ServiceError

SECTIONS = {
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Rules",
    "Transform",
}
UNSUPPORTED_SECTIONS = {"Mappings", "Transform"}
RESOURCE_MEMBERS = {"Condition", "DeletionPolicy", "DependsOn", "Metadata", "Properties", "Type", "UpdateReplacePolicy"}
POLICIES = {"DeletionPolicy": {"Delete", "Retain", "RetainExceptOnCreate"}, "UpdateReplacePolicy": {"Delete", "Retain"}}


class _Loader(yaml.SafeLoader):
    """YAML 1.1 as CloudFormation reads it: dates stay text, `!Ref x` means `{"Ref": "x"}`."""


def _tag(loader: _Loader, suffix: str, node: Any) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: _mapping(loader, node)}


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
    twice = {str(key) for key in keys if keys.count(key) > 1}
    if twice:
        raise ServiceError(
            "ValidationError", f"Template format error: duplicate key {sorted(twice)[0]} {node.start_mark}"
        )
    return loader.construct_mapping(node, deep=True)


_Loader.add_multi_constructor("!", _tag)
_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, regex) for tag, regex in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(text: str) -> dict[str, Any]:
    """Return a template's sections; raises ServiceError (ValidationError) for what is not a template."""
    try:
        template = yaml.load(text, _Loader)  # noqa: S506 (a SafeLoader)
    except yaml.YAMLError as error:
        raise ServiceError("ValidationError", f"Template format error: YAML not well-formed. {error}") from error
    if not isinstance(template, dict):
        raise ServiceError("ValidationError", "Template format error: unsupported structure.")
    _check_sections(template)
    for section, check in _CHECKS.items():
        for name, item in template.get(section, {}).items():
            check(name, item if isinstance(item, dict) else {})
    return template


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationError", f"Template format error: {message}")


def _check_sections(template: dict[str, Any]) -> None:
    unknown = sorted(set(template) - SECTIONS)
    if unknown:
        raise ServiceError("ValidationError", f"Invalid template property or properties [{', '.join(unknown)}]")
    if not template.get("Resources"):
        raise ServiceError("ValidationError", "Template format error: At least one Resources member must be defined.")
    unsupported = sorted(UNSUPPORTED_SECTIONS & set(template))
    if unsupported:
        raise ServiceError("ValidationError", f"The sandbox does not execute the template section {unsupported[0]}.")


def _resource(name: str, item: dict[str, Any]) -> None:
    if not isinstance(item.get("Type"), str):
        raise _invalid(f"[/Resources/{name}] Every Resources object must contain a Type member.")
    if unknown := sorted(set(item) - RESOURCE_MEMBERS):
        raise _invalid(f"Resource {name} has the attribute {unknown[0]}, which the sandbox does not execute.")
    for attribute, known in POLICIES.items():
        if (policy := item.get(attribute, "Delete")) not in known:
            raise _invalid(f"Resource {name} has the {attribute} {policy}, which the sandbox does not execute.")


def _parameter(name: str, item: dict[str, Any]) -> None:
    if not isinstance(item.get("Type"), str):
        raise _invalid(f"[/Parameters/{name}] Every Parameters object must contain a Type member.")


def _output(name: str, item: dict[str, Any]) -> None:
    if item.get("Value") is None:
        raise _invalid(f"[/Outputs/{name}] Every Outputs object must contain a Value member.")


def _rule(name: str, item: dict[str, Any]) -> None:
    assertions = item.get("Assertions")
    if not isinstance(assertions, list) or not all(isinstance(each, dict) and "Assert" in each for each in assertions):
        raise _invalid(f"[/Rules/{name}] Every Rules object must contain a list of Assertions, each with an Assert.")


_CHECKS = {"Resources": _resource, "Parameters": _parameter, "Outputs": _output, "Rules": _rule}
