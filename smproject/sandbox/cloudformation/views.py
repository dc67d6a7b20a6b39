"""Stacks and their resources as the API shows them."""

from __future__ import annotations

import json
from typing import Any

from smproject.sandbox.cloudformation import intrinsics, masks
from smproject.sandbox.cloudformation.book import Book
from smproject.sandbox.cloudformation.parameter_types import is_secret, parse
from smproject.sandbox.cloudformation.stacks import Definition, Resource, Stack

_NOT_CHECKED: dict[str, Any] = {"StackDriftStatus": "NOT_CHECKED"}
_OPERATIONS = 10  # shown


def stack(found: Stack, book: Book) -> dict[str, Any]:
    """Return the description of a stack."""
    definition, root = found.definition, book.by_id(found.root) if found.root else found
    return {
        **_common(found),
        "Description": definition.template.get("Description", ""),
        "DisableRollback": found.disables_rollback,
        "RetainExceptOnCreate": found.retain_except_on_create,
        "RollbackConfiguration": found.rollback_configuration,
        "NotificationARNs": found.notification_arns,
        "Capabilities": definition.capabilities,
        "Parameters": parameters(definition),
        "Tags": tags(definition),
        "Outputs": masks.masked(found.outputs, masks.of_resources(found.resources.values())),
        "EnableTerminationProtection": root.termination_protection,
        **_given(
            TimeoutInMinutes=found.timeout_minutes,
            RoleARN=found.role_arn,
            ChangeSetId=found.change_set_id,
            DeletionMode=found.deletion_mode,
        ),
    }


def summary(found: Stack) -> dict[str, Any]:
    """Return the summary of a stack."""
    return _common(found) | _given(TemplateDescription=found.definition.template.get("Description"))


def _common(found: Stack) -> dict[str, Any]:
    return {
        "StackId": found.id,
        "StackName": found.name,
        "CreationTime": found.created,
        "StackStatus": found.status,
        "DriftInformation": found.drift or _NOT_CHECKED,
        "LastOperations": found.operations[: -_OPERATIONS - 1 : -1],
        **_given(
            StackStatusReason=found.reason,
            LastUpdatedTime=found.updated,
            DeletionTime=found.deleted,
            ParentId=found.parent,
            RootId=found.root,
        ),
    }


def _given(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value}


def parameters(definition: Definition) -> list[dict[str, str]]:
    """Return the parameters of a definition with their values."""
    return [_parameter(definition, name) for name in definition.template.get("Parameters", {})]


def tags(definition: Definition) -> list[dict[str, str]]:
    """Return the tags of a definition."""
    return [{"Key": key, "Value": value} for key, value in definition.tags.items()]


def _parameter(definition: Definition, name: str) -> dict[str, str]:
    spec = definition.template["Parameters"][name]
    if is_secret(spec):
        return {"ParameterKey": name, "ParameterValue": "****"}
    shown = {"ParameterKey": name, "ParameterValue": intrinsics.text(definition.given(name))}
    value = definition.values[name]
    if not parse(spec["Type"]).is_stored:
        return shown
    return shown | {"ResolvedValue": ",".join(value) if isinstance(value, list) else intrinsics.text(value)}


def resource(found: Stack, one: Resource) -> dict[str, Any]:
    """Return the description of a resource."""
    described = {"StackId": found.id, "StackName": found.name} | _resource(one) | {"Timestamp": one.updated}
    return described | _given(Description=one.declared.get("Description"))


def resource_detail(found: Stack, one: Resource) -> dict[str, Any]:
    """Return the description of a resource with its metadata."""
    described = resource(found, one)
    metadata = one.declared.get("Metadata")
    times = {"LastUpdatedTimestamp": described.pop("Timestamp")}
    return described | times | _given(Metadata=json.dumps(metadata) if metadata else "")


def resource_summary(one: Resource) -> dict[str, Any]:
    """Return the summary of a resource."""
    return _resource(one) | {"LastUpdatedTimestamp": one.updated}


def _resource(one: Resource) -> dict[str, Any]:
    return {
        "LogicalResourceId": one.logical_id,
        "ResourceType": one.type,
        "ResourceStatus": one.status,
        "DriftInformation": _drift(one),
        **_given(PhysicalResourceId=one.made.ref if one.made else "", ResourceStatusReason=one.reason),
    }


def _drift(one: Resource) -> dict[str, Any]:
    if not one.drift:
        return {"StackResourceDriftStatus": "NOT_CHECKED"}
    status, time = one.drift["StackResourceDriftStatus"], one.drift["Timestamp"]
    return {"StackResourceDriftStatus": status, "LastCheckTimestamp": time}
