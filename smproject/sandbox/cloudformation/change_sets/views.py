"""Change sets as the API shows them."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation import views
from smproject.sandbox.cloudformation.change_sets.change_set import ChangeSet

_VALUES = {"BeforeContext", "AfterContext"}
_TARGET_VALUES = {"Path", "BeforeValue", "AfterValue", "AttributeChangeType"}


def description(found: ChangeSet) -> dict[str, Any]:
    """Return what DescribeChangeSet tells besides the changes."""
    return summary(found) | {
        "Parameters": views.parameters(found.definition),
        "Tags": views.tags(found.definition),
        "Capabilities": found.definition.capabilities,
        "NotificationARNs": found.notification_arns or [],
        "RollbackConfiguration": found.rollback_configuration or {},
        **({"OnStackFailure": found.on_stack_failure} if found.on_stack_failure else {}),
    }


def summary(found: ChangeSet) -> dict[str, Any]:
    """Return what ListChangeSets tells of a change set."""
    return {
        "StackId": found.stack.id,
        "StackName": found.stack.name,
        "ChangeSetId": found.id,
        "ChangeSetName": found.name,
        "ExecutionStatus": found.execution,
        "Status": found.status,
        "CreationTime": found.created,
        "IncludeNestedStacks": False,
        "ImportExistingResources": False,
        **({"StatusReason": found.reason} if found.reason else {}),
        **({"Description": found.description} if found.description else {}),
    }


def changes(found: ChangeSet, with_values: bool) -> list[dict[str, Any]]:
    """Return the changes; the values of properties only where they are asked for."""
    shown = found.changes if with_values else [_without_values(change) for change in found.changes]
    return [{"Type": "Resource", "ResourceChange": change} for change in shown]


def _without_values(change: dict[str, Any]) -> dict[str, Any]:
    details = [detail | {"Target": _left(detail["Target"], _TARGET_VALUES)} for detail in change["Details"]]
    return _left(change, _VALUES) | {"Details": details}


def _left(members: dict[str, Any], out: set[str]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if name not in out}
