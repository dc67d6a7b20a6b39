"""A template's properties against the resource schemas: before anything is made, and once functions are computed.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/validate-stack-deployments.html
"""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation import schemas
from smproject.sandbox.cloudformation.constraints import violations
from smproject.sandbox.cloudformation.keywords import Schema, is_unresolved
from smproject.sandbox.service import ServiceError


def check_template(template: dict[str, Any], active: set[str]) -> None:
    """Raise ServiceError (ValidationError) for properties that no computed value can set right.

    `active` are the logical ids of the resources that are to be; a function's result is not yet known, and passes.
    """
    found = {name: _violations(item["Type"], item.get("Properties") or {}) for name, item in _among(template, active)}
    wrong = [_message(name, f"[{', '.join(told)}]") for name, told in found.items() if told]
    if wrong:
        raise ServiceError("ValidationError", "\n".join(wrong))


def check_resolved(type_: str, logical_id: str, properties: dict[str, Any]) -> None:
    """Raise ServiceError (ValidationError) for computed properties that the type's schema does not allow."""
    told = _violations(type_, properties)
    if told:
        raise ServiceError("ValidationError", _message(logical_id, "\n".join(told)))


def _among(template: dict[str, Any], active: set[str]) -> list[tuple[str, dict[str, Any]]]:
    return [(name, item) for name, item in template["Resources"].items() if name in active]


def _message(logical_id: str, told: str) -> str:
    return f"Properties validation failed for resource {logical_id} with message:\n{told}"


def _violations(type_: str, properties: dict[str, Any]) -> list[str]:
    schema = schemas.find(type_)
    return violations(_settable(schema), properties) if schema and not is_unresolved(properties) else []


def _settable(schema: Schema) -> Schema:
    """Return a schema without the properties that only AWS sets."""
    readonly = {path[0] for path in schemas.paths(schema, "readOnlyProperties") if len(path) == 1}
    declared = {name: each for name, each in schema.get("properties", {}).items() if name not in readonly}
    return schema | {"properties": declared}
