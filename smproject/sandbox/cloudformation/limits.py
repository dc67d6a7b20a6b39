"""What CloudFormation sets bounds to: the names of stacks, the size of a template and of its parts.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
"""

from __future__ import annotations

import re
from typing import Any

from smproject.sandbox.cloudformation.syntax import invalid, malformed
from smproject.sandbox.service import ServiceError

BODY_BYTES, OBJECT_BYTES = 51_200, 1_000_000
DESCRIPTION_BYTES, VALUE_BYTES, NAME_LENGTH = 1_024, 4_096, 255
_MEMBERS = {"Resources": 500, "Parameters": 200, "Outputs": 200, "Mappings": 200}
_MAPPING_ATTRIBUTES = 200
_STACK_NAME_LENGTH = 128
_STACK_NAME = "[a-zA-Z][-a-zA-Z0-9]*"
_STACK_NAME_OR_ID = f"{_STACK_NAME}|arn:[-a-zA-Z0-9:/._+]*"


def check_new_name(member: str, name: str) -> None:
    """Refuse a name that no stack or stack set may be given; `member` is the request's."""
    _check_pattern(member, name, _STACK_NAME)
    if len(name) > _STACK_NAME_LENGTH:
        raise _broken(member, name, f"Member must have length less than or equal to {_STACK_NAME_LENGTH}")


def check_name_or_id(name: str) -> None:
    """Refuse what can be neither a stack's name nor its id."""
    _check_pattern("stackName", name, _STACK_NAME_OR_ID)


def _check_pattern(member: str, value: str, pattern: str) -> None:
    if not re.fullmatch(pattern, value):
        raise _broken(member, value, f"Member must satisfy regular expression pattern: {pattern}")


def _broken(member: str, value: str, constraint: str) -> ServiceError:
    return invalid(
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
    )


def check_body(body: str) -> None:
    """Refuse a template in a request that has to come from S3."""
    if len(body.encode()) > BODY_BYTES:
        told = f"Member must have length less than or equal to {BODY_BYTES}"
        raise _broken("templateBody", f"{body[:64]}...", told)


def check_object(size: int) -> None:
    """Refuse a template in S3 that is too large."""
    if size > OBJECT_BYTES:
        raise invalid(f"Template may not exceed {OBJECT_BYTES} bytes in size.")


def check_members(template: dict[str, Any]) -> None:
    """Refuse a template with too many members of a section, or a description that is too long."""
    for section, most in _MEMBERS.items():
        if (count := len(template.get(section, {}))) > most:
            raise malformed(f"Number of {section.lower()}, {count}, is greater than maximum allowed, {most}")
    for name, mapping in template.get("Mappings", {}).items():
        if (count := len(mapping)) > _MAPPING_ATTRIBUTES:
            told = f"Number of attributes in mapping {name}, {count}, is greater than maximum allowed"
            raise malformed(f"{told}, {_MAPPING_ATTRIBUTES}")
    if len(str(template.get("Description", "")).encode()) > DESCRIPTION_BYTES:
        raise malformed(f"'Description' length is greater than {DESCRIPTION_BYTES}.")


def check_value(name: str, value: str) -> None:
    """Refuse a parameter's value that is too long."""
    if len(value.encode()) > VALUE_BYTES:
        raise invalid(f"Parameter '{name}' must contain at most {VALUE_BYTES} bytes")
