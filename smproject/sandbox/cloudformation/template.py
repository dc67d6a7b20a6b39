"""The sections of a template and their members: what there may be, refused in CloudFormation's words.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html
"""

from __future__ import annotations

import re
from typing import Any

from smproject.sandbox.cloudformation import attributes, format, limits, mappings, parameter_types
from smproject.sandbox.cloudformation.syntax import NO_VALUE, call_of, invalid, malformed

SECTIONS = {
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Globals",
    "Hooks",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Rules",
    "Transform",
}
_VERSION = "2010-09-09"
_MAPS = ("Parameters", "Mappings", "Conditions", "Rules", "Resources", "Outputs")
_LABELS = {"Parameters": "Parameter name {}", "Resources": "Resource name {}"}  # the rest: `Outputs name '{}'`
_OUTPUT_MEMBERS = {"Condition", "Description", "Export", "Value"}
_OUTPUT_VALUE = "The Value field of every Outputs member must evaluate to a String"
_RULE_MEMBERS = {"Assertions", "RuleCondition"}


def read(text: str) -> dict[str, Any]:
    """Return a template's sections; raises ServiceError (ValidationError) for what is not a template.

    Transforms are not applied: what they stand for is checked by `check` when they are.
    """
    template = format.parse(text)
    if not isinstance(template, dict):
        raise malformed("unsupported structure.")
    check_sections(template)
    if not has_transforms(template):
        check(template)
    return template


def has_transforms(template: dict[str, Any]) -> bool:
    """Tell whether a template is not yet what CloudFormation executes."""
    return "Transform" in template or _holds(template, "Fn::Transform")


def _holds(value: Any, key: str) -> bool:
    if isinstance(value, dict):
        return key in value or any(_holds(item, key) for item in value.values())
    return isinstance(value, list) and any(_holds(item, key) for item in value)


def check_sections(template: dict[str, Any]) -> None:
    """Refuse unknown sections, and those that aren't of their section's kind; members are not looked into."""
    unknown = sorted(set(template) - SECTIONS - {"Fn::Transform"})
    if "Globals" in template and "Transform" not in template:
        unknown.append("Globals")
    if unknown:
        raise invalid(f"Invalid template property or properties [{', '.join(unknown)}]")
    if (version := template.get("AWSTemplateFormatVersion", _VERSION)) != _VERSION:
        raise malformed(f"{version} is not a supported value for AWSTemplateFormatVersion.")
    if not isinstance(template.get("Description", ""), str):
        raise malformed("Every Description member must be a string.")
    for section in (*_MAPS, "Metadata"):
        if not isinstance(template.get(section, {}), dict):
            raise malformed(f"[/{section}] section must be a map; received {_kind(template[section])} instead")
    for name, spec in template.get("Parameters", {}).items():
        _check_name("Parameters", name)
        parameter_types.check(name, spec)


def _kind(value: Any) -> str:
    return "a list" if isinstance(value, list) else "a string"


def check(template: dict[str, Any]) -> None:
    """Refuse members of sections that are not what they must be."""
    if "Hooks" in template:
        raise invalid("The sandbox does not execute the template section Hooks.")
    if not template.get("Resources"):
        raise malformed("At least one Resources member must be defined.")
    for section in _MAPS:
        for name, item in template.get(section, {}).items():
            _check_name(section, name)
            if section in _CHECKS:
                _CHECKS[section](name, item)
    limits.check_members(template)
    if common := sorted(set(template["Resources"]) & set(template.get("Parameters", {}))):
        told = "all resources and parameters must have unique names. Common name(s)"
        raise invalid(f"Template error: {told}: [{', '.join(common)}]")


def _check_name(section: str, name: str) -> None:
    label = _LABELS.get(section, section + " name '{}'").format(name)
    if not re.fullmatch("[A-Za-z0-9&_]+" if section == "Conditions" else "[A-Za-z0-9]+", name):
        raise malformed(f"{label} is non alphanumeric.")
    if len(name) > limits.NAME_LENGTH:
        raise malformed(f"{label} is longer than {limits.NAME_LENGTH} characters.")


def _output(name: str, item: Any) -> None:
    if not isinstance(item, dict):
        raise malformed("Any Outputs member must be an object.")
    if unknown := sorted(set(item) - _OUTPUT_MEMBERS):
        raise invalid(f"Invalid outputs property : [{', '.join(unknown)}]")
    if "Value" not in item:
        raise malformed(f"[/Outputs/{name}] Every Outputs object must contain a Value member.")
    if isinstance(item["Value"], list):
        raise malformed(f"{_OUTPUT_VALUE} and not a List.")
    if isinstance(item["Value"], dict) and call_of(item["Value"]) is None:
        raise malformed(f"{_OUTPUT_VALUE} and not a Map.")
    if not isinstance(item.get("Description", ""), str):
        raise malformed("Every Description member must be a string.")
    if len(item.get("Description", "").encode()) > limits.DESCRIPTION_BYTES:
        raise malformed(f"'Description' length is greater than {limits.DESCRIPTION_BYTES}.")
    if "Export" in item:
        _export(name, item["Export"])
    attributes.check_condition(item)


def demand_text(value: Any) -> None:
    """Refuse an output whose value comes out as something else than text."""
    if isinstance(value, (dict, list)) or value is NO_VALUE:
        raise malformed(f"{_OUTPUT_VALUE}.")


def _export(name: str, export: Any) -> None:
    if isinstance(export, dict) and set(export) == {"Name"}:
        value = export["Name"]
        if isinstance(value, dict) or (isinstance(value, str) and re.fullmatch("[A-Za-z0-9:-]+", value)):
            return
    raise malformed(
        f"Output {name} is malformed. The Name field of every Export member must be specified and consist only of "
        "alphanumeric characters, colons, or hyphens."
    )


def _rule(name: str, item: Any) -> None:
    assertions = item.get("Assertions") if isinstance(item, dict) and set(item) <= _RULE_MEMBERS else None
    if not isinstance(assertions, list) or not all(isinstance(each, dict) and "Assert" in each for each in assertions):
        raise malformed(f"[/Rules/{name}] Every Rules object must contain a list of Assertions, each with an Assert.")


def _condition(name: str, item: Any) -> None:
    if not isinstance(item, dict) or len(item) != 1:
        raise malformed("Conditions can only be boolean operations on parameters and other conditions")


_CHECKS = {
    "Resources": attributes.check,
    "Outputs": _output,
    "Rules": _rule,
    "Mappings": mappings.check,
    "Conditions": _condition,
}
