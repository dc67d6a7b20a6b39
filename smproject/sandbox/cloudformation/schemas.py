"""What AWS's resource schemas say of a type; cfn-lint carries them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

_REGION = "us-east-1"  # the one whose schemas know every type


@lru_cache(maxsize=256)
def schema(type_: str) -> dict[str, Any]:
    """Return the schema of a resource type."""
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # noqa: PLC0415  # takes a second: not at the start

    return dict(PROVIDER_SCHEMA_MANAGER.get_resource_schema(_REGION, type_).schema)


def create_only(type_: str) -> list[list[str]]:
    """Return the paths of the properties whose change takes a new resource; `*` stands for each item of a list.

    https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html#schema-properties-createonlyproperties
    """
    declared = schema(type_)
    return _paths(declared, "createOnlyProperties") + _paths(declared, "conditionalCreateOnlyProperties")


def identifiers(type_: str) -> list[str]:
    """Return the properties that identify a resource, when the template chooses them; none when AWS does."""
    declared = schema(type_)
    names = [path[0] for path in _paths(declared, "primaryIdentifier")]
    given_by_aws = {path[0] for path in _paths(declared, "readOnlyProperties")}
    return [] if given_by_aws & set(names) else names


def tags_shape(type_: str) -> str:
    """Return how a type takes tags: `array` of Key and Value, `object`, or nothing when it takes none."""
    return str(schema(type_)["properties"].get("Tags", {}).get("type", ""))


def _paths(declared: dict[str, Any], member: str) -> list[list[str]]:
    return [pointer.split("/")[2:] for pointer in declared.get(member) or []]
