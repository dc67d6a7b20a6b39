"""What a template says of itself: parameters, resources, and what it takes to execute it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_GetTemplateSummary.html
"""

from __future__ import annotations

import json
from typing import Any

from smproject.sandbox.cloudformation import capabilities, checks, schemas, template, transforms
from smproject.sandbox.cloudformation.parameter_types import is_secret
from smproject.sandbox.cloudformation.syntax import text

Item = dict[str, Any]
_HIDDEN = "****"


def check(content: Item, tolerant: bool = False) -> list[str]:
    """Refuse a template that can't be executed; return the resource types that are passed over when `tolerant`.

    What transforms make of a template depends on parameters, so such a template is only looked at from outside.
    """
    if template.has_transforms(content):
        transforms.check(content)
        return []
    unrecognized = checks.unrecognized(content) if tolerant else []
    if not unrecognized:
        checks.check(content, extended=False)
    return unrecognized


def short(content: Item) -> Item:
    """Return what ValidateTemplate answers."""
    declared = content.get("Parameters", {})
    return {
        "Parameters": [parameter(name, spec) for name, spec in declared.items()],
        "Description": content.get("Description", ""),
        **_needs(content),
    }


def whole(content: Item) -> Item:
    """Return what GetTemplateSummary answers."""
    declared, items = content.get("Parameters", {}), _resources(content)
    return {
        "Parameters": [_typed(name, spec) for name, spec in declared.items()],
        "ResourceTypes": sorted({item["Type"] for item in items.values()}),
        "ResourceIdentifierSummaries": _identifiers(items),
        **{member: content[member] for member in ("Description",) if member in content},
        **({"Version": content["AWSTemplateFormatVersion"]} if "AWSTemplateFormatVersion" in content else {}),
        **({"Metadata": json.dumps(content["Metadata"])} if "Metadata" in content else {}),
        **_needs(content),
    }


def _resources(content: Item) -> Item:
    """Return the resources that a template declares outright, without those that transforms make."""
    return {
        name: item
        for name, item in content.get("Resources", {}).items()
        if isinstance(item, dict) and isinstance(item.get("Type"), str)
    }


def _needs(content: Item) -> Item:
    outright = {"Resources": _resources(content)}
    names, needed = transforms.declared(content), capabilities.needed(outright)
    reason = capabilities.reason(outright)
    if names:
        needed.append(capabilities.AUTO_EXPAND)
        reason = reason or f"The following transform(s) require capabilities: [{', '.join(names)}]"
    return {
        "Capabilities": needed,
        **({"CapabilitiesReason": reason} if needed else {}),
        **({"DeclaredTransforms": names} if names else {}),
    }


def parameter(name: str, spec: Item) -> Item:
    """Return a template's parameter as ValidateTemplate shows it; a secret one's default is hidden."""
    default = {"DefaultValue": _HIDDEN if is_secret(spec) else text(spec["Default"])} if "Default" in spec else {}
    described = {"Description": text(spec["Description"])} if "Description" in spec else {}
    return {"ParameterKey": name, **default, "NoEcho": is_secret(spec), **described}


def _typed(name: str, spec: Item) -> Item:
    allowed = {"AllowedValues": [text(value) for value in spec["AllowedValues"]]} if "AllowedValues" in spec else {}
    return parameter(name, spec) | {"ParameterType": spec["Type"], "ParameterConstraints": allowed}


def _identifiers(items: Item) -> list[Item]:
    """Return, for each type, the properties that would identify a resource at its import."""
    found: dict[str, list[str]] = {}
    for name, item in items.items():
        found.setdefault(item["Type"], []).append(name)
    return [
        {"ResourceType": type_, "LogicalResourceIds": names, "ResourceIdentifiers": _identifier(type_)}
        for type_, names in found.items()
        if _identifier(type_)
    ]


def _identifier(type_: str) -> list[str]:
    schema = schemas.find(type_)
    return [path[-1] for path in schemas.paths(schema, "primaryIdentifier")] if schema else []
