"""Properties that can't be updated in place, by CloudFormation's schemas of resource types, which cfn-lint carries."""

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

Path = tuple[str, ...]
# The one whose schemas know every type; what they say hardly differs.
REGION = "us-east-1"


@dataclass(frozen=True)
class Fixed:
    """Paths of properties whose change takes a new resource, always or in some cases; `*` is each item of a list.

    https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
    """

    always: tuple[Path, ...]
    sometimes: tuple[Path, ...]


def can_tell() -> bool:
    """Whether cfn-lint is installed, without which nothing is known to be fixed."""
    return find_spec("cfnlint") is not None


@lru_cache(maxsize=256)
def fixed(type_: str) -> Fixed | None:
    """What is fixed of a type; None when there is no schema of it, or nothing here that reads them."""
    try:
        from cfnlint.schema._exceptions import ResourceNotFoundError  # noqa: PLC0415  # an extra, and slow to load
        from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # noqa: PLC0415
    except ImportError:
        return None
    try:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, type_).schema
    except ResourceNotFoundError:
        return None
    return Fixed(_paths(schema, "createOnlyProperties"), _paths(schema, "conditionalCreateOnlyProperties"))


def _paths(schema: Any, member: str) -> tuple[Path, ...]:
    return tuple(tuple(pointer.split("/")[2:]) for pointer in schema.get(member) or ())
