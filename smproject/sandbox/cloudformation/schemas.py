"""What AWS's resource schemas say of a type; cfn-lint carries them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

_REGION = "us-east-1"  # the one whose schemas know every type
CUSTOM = "AWS::CloudFormation::CustomResource"


@lru_cache(maxsize=256)
def schema(type_: str) -> dict[str, Any]:
    """Return the schema of a resource type."""
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # noqa: PLC0415  # takes a second: not at the start

    return dict(PROVIDER_SCHEMA_MANAGER.get_resource_schema(_REGION, type_).schema)


def find(type_: str) -> dict[str, Any] | None:
    """Return the schema of a resource type; None when AWS publishes none."""
    from cfnlint.schema._exceptions import ResourceNotFoundError  # noqa: PLC0415

    if type_.endswith("::MODULE"):  # which an account would have registered: cfn-lint takes any
        return None
    try:
        return schema(type_)
    except ResourceNotFoundError:
        return None


def is_custom(type_: str) -> bool:
    """Tell whether a type is a custom resource's, which may be called `Custom::Name`."""
    return type_ == CUSTOM or type_.startswith("Custom::")


def attributes(type_: str) -> set[str]:
    """Return the names that `Fn::GetAtt` takes of a type, nested ones with dots (`Endpoint.Port`).

    They are the read-only properties, and for some types the others too; cfn-lint knows which from the documentation.
    A type that takes any name, such as a custom resource, has a regular expression among them.
    """
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # noqa: PLC0415

    return set(PROVIDER_SCHEMA_MANAGER.get_resource_schema(_REGION, type_).get_atts)


def create_only(type_: str) -> list[list[str]]:
    """Return the paths of the properties whose change takes a new resource; `*` stands for each item of a list.

    https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html#schema-properties-createonlyproperties
    """
    declared = schema(type_)
    return paths(declared, "createOnlyProperties") + paths(declared, "conditionalCreateOnlyProperties")


def identifiers(type_: str) -> list[str]:
    """Return the properties that identify a resource, when the template chooses them; none when AWS does."""
    declared = schema(type_)
    names = [path[0] for path in paths(declared, "primaryIdentifier")]
    given_by_aws = {path[0] for path in paths(declared, "readOnlyProperties")}
    return [] if given_by_aws & set(names) else names


def tags_shape(type_: str) -> str:
    """Return how a type takes tags: `array` of Key and Value, `object`, or nothing when it takes none."""
    return str(schema(type_)["properties"].get("Tags", {}).get("type", ""))


def paths(declared: dict[str, Any], member: str) -> list[list[str]]:
    """Return the pointers that a schema lists under a member, in steps below its properties."""
    return [pointer.split("/")[2:] for pointer in declared.get(member) or []]
