"""The details of a modified resource: which property changes, why, and whether that takes a new resource.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChangeDetail.html
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

from smproject.sandbox.cloudformation import schemas
from smproject.sandbox.cloudformation.intrinsics import text

Detail = dict[str, Any]
Cause = tuple[str, str, str]  # ChangeSource, CausingEntity, Evaluation
UNKNOWN = "{{changeSet:KNOWN_AFTER_APPLY}}"  # what AWS shows for a value that only the execution can tell
ATTRIBUTES = ("Metadata", "CreationPolicy", "UpdatePolicy", "DeletionPolicy", "UpdateReplacePolicy")


def is_unknown(value: Any) -> bool:
    """Tell whether a value, or a part of it, is known only after the execution."""
    return UNKNOWN in json.dumps(value, default=str)


def of_attributes(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Detail]:
    """Yield a detail for each attribute of a resource's declaration, other than its properties, that differs."""
    for name in ATTRIBUTES:
        if before.get(name) != after.get(name):
            target = {"Attribute": name, "RequiresRecreation": "Never", "Path": f"/{name}"}
            target |= values(before.get(name), after.get(name))
            yield {"Target": target, "Evaluation": "Static", "ChangeSource": "DirectModification"}


def of_property(type_: str, name: str, replacing: Collection[str]) -> Detail:
    """Return the target of a property's change, without its values; `replacing` are those that take a new resource."""
    recreation = _recreation(type_, name) if name in replacing else "Never"
    place = {"RequiresRecreation": recreation, "Path": f"/Properties/{name}"}
    return place | ({"Attribute": "Tags"} if name == "Tags" else {"Attribute": "Properties", "Name": name})


def values(before: Any, after: Any) -> Detail:
    """Return the values of a target; None where there is none."""
    return {
        "AttributeChangeType": "Add" if before is None else "Remove" if after is None else "Modify",
        **({} if before is None else {"BeforeValue": _shown(before)}),
        **({} if after is None else {"AfterValue": _shown(after)}),
    }


def of_causes(target: Detail, causes: list[Cause]) -> Iterator[Detail]:
    """Yield a detail for each cause of a change."""
    for source, entity, evaluation in causes:
        causing = {"CausingEntity": entity} if entity else {}
        yield {"Target": target, "Evaluation": evaluation, "ChangeSource": source} | causing


def automatic() -> Detail:
    """Return the detail of a nested stack whose own template may have changed."""
    target = {"Attribute": "Properties", "RequiresRecreation": "Never"}
    return {"Target": target, "Evaluation": "Dynamic", "ChangeSource": "Automatic"}


def replacement(details: list[Detail]) -> str:
    """Return whether a resource is replaced: `True`, `False` or `Conditional`; the strongest detail decides."""
    found = {(detail["Target"]["RequiresRecreation"], detail["Evaluation"]) for detail in details}
    if ("Always", "Static") in found:
        return "True"
    return "Conditional" if any(recreation != "Never" for recreation, _ in found) else "False"


def _recreation(type_: str, name: str) -> str:
    declared = schemas.find(type_) or {}
    always = {path[0] for path in schemas.paths(declared, "createOnlyProperties")}
    conditionally = {path[0] for path in schemas.paths(declared, "conditionalCreateOnlyProperties")}
    return "Conditionally" if name in conditionally - always else "Always"


def _shown(value: Any) -> str:
    """Return a value as BeforeValue and AfterValue have it."""
    return json.dumps(value, default=str) if isinstance(value, (dict, list)) else text(value)
