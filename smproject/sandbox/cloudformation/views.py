"""Stacks and their resources as the API shows them."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation import intrinsics
from smproject.sandbox.cloudformation.stacks import Stack


def stack(found: Stack) -> dict[str, Any]:
    """Return the description of a stack, which serves as its summary too."""
    definition = found.definition
    declared = definition.template.get("Parameters", {})
    shown = {name: "****" if spec.get("NoEcho") else definition.given(name) for name, spec in declared.items()}
    return {
        "StackId": found.id,
        "StackName": found.name,
        "CreationTime": found.created,
        "StackStatus": found.status,
        "Description": definition.template.get("Description", ""),
        "DisableRollback": found.on_failure == "DO_NOTHING",
        "Capabilities": definition.capabilities,
        "Parameters": [{"ParameterKey": k, "ParameterValue": intrinsics.text(v)} for k, v in shown.items()],
        "Tags": [{"Key": k, "Value": v} for k, v in definition.tags.items()],
        "Outputs": found.outputs,
        **({"StackStatusReason": found.reason} if found.reason else {}),
        **({"LastUpdatedTime": found.updated} if found.updated else {}),
        **({"DeletionTime": found.deleted} if found.deleted else {}),
        **({"RoleARN": found.role_arn} if found.role_arn else {}),
    }


def resources(found: Stack, logical_id: str | None = None) -> list[dict[str, Any]]:
    """Return the descriptions of a stack's resources, or of the one with a logical id."""
    base = {"StackId": found.id, "StackName": found.name}
    wanted = [r for r in list(found.resources.values()) if logical_id in (None, r.logical_id)]
    return [base | r.describe() | {"Timestamp": r.updated} for r in wanted]


def resource_summaries(found: Stack) -> list[dict[str, Any]]:
    """Return the summaries of a stack's resources."""
    return [r.describe() | {"LastUpdatedTimestamp": r.updated} for r in list(found.resources.values())]


def parameter(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Return a template's parameter as ValidateTemplate and GetTemplateSummary show it."""
    default = {"DefaultValue": intrinsics.text(spec["Default"])} if "Default" in spec else {}
    return {
        "ParameterKey": name,
        "Description": spec.get("Description", ""),
        "NoEcho": bool(spec.get("NoEcho")),
        **default,
        "ParameterType": spec["Type"],
    }
