"""Stack policies: which resources of a stack updates may modify, replace or delete.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/protect-stack-resources.html
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any

from smproject.sandbox.cloudformation.stacks import Stack
from smproject.sandbox.service import ServiceError

Statement = dict[str, Any]
_MEMBERS = {"Sid", "Effect", "Action", "NotAction", "Principal", "Resource", "NotResource", "Condition"}
_ACTIONS = {"Update:Modify", "Update:Replace", "Update:Delete", "Update:*"}
_OPERATORS = {"StringEquals", "StringLike"}


def check(text: str) -> None:
    """Raise ServiceError (ValidationError) for what is not a stack policy."""
    try:
        valid = all(_is_valid(statement) for statement in _statements(text))
    except (ValueError, KeyError, TypeError, AttributeError):
        valid = False
    if not valid:
        raise ServiceError("ValidationError", "Error validating stack policy: Invalid stack policy")


def demand(stack: Stack, action: str, logical_id: str, type_: str) -> None:
    """Raise ServiceError when a stack's policy denies `Update:Modify`, `Update:Replace` or `Update:Delete`."""
    policy = stack.policy_during_update or stack.policy
    if not policy:
        return
    resource = f"LogicalResourceId/{logical_id}"
    met = [(n, s) for n, s in enumerate(_statements(policy)) if _applies(s, action, resource, type_)]
    for number, statement in met:
        if statement["Effect"] == "Deny":
            denied = f"[{', '.join(_items(statement.get('Action', action)))}] for resource [{resource}]"
            raise _refused(f"Action denied by stack policy: Statement [#{number}] does not allow {denied}")
    if not met:
        raise _refused(f"Action not allowed by stack policy: No statement allows [{action}] for resource [{resource}]")


def _refused(message: str) -> ServiceError:
    return ServiceError("ValidationError", message)


def _statements(text: str) -> list[Statement]:
    found = json.loads(text)["Statement"]
    return found if isinstance(found, list) else [found]


def _is_valid(statement: Statement) -> bool:
    actions = _items(statement.get("Action", statement.get("NotAction")))
    resources = _items(statement.get("Resource", statement.get("NotResource")))
    conditions = statement.get("Condition", {})
    return (
        set(statement) <= _MEMBERS
        and statement["Effect"] in {"Allow", "Deny"}
        and statement.get("Principal") in ("*", {"AWS": "*"})
        and ("Action" in statement) != ("NotAction" in statement)
        and ("Resource" in statement) != ("NotResource" in statement)
        and all(_ACTIONS & {action} or action == "*" for action in actions)
        and all(name == "*" or name.startswith("LogicalResourceId/") for name in resources)
        and all(name in _OPERATORS and set(test) == {"ResourceType"} for name, test in conditions.items())
    )


def _applies(statement: Statement, action: str, resource: str, type_: str) -> bool:
    return (
        _matches(statement, "Action", action)
        and _matches(statement, "Resource", resource)
        and all(_holds(name, test["ResourceType"], type_) for name, test in statement.get("Condition", {}).items())
    )


def _matches(statement: Statement, member: str, value: str) -> bool:
    if member in statement:
        return any(fnmatchcase(value, pattern) for pattern in _items(statement[member]))
    return not any(fnmatchcase(value, pattern) for pattern in _items(statement[f"Not{member}"]))


def _holds(operator: str, wanted: Any, type_: str) -> bool:
    return any(type_ == each if operator == "StringEquals" else fnmatchcase(type_, each) for each in _items(wanted))


def _items(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
