"""Stack sets, their instances and operations as the API shows them."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation.stack_sets.records import SELF_MANAGED, Instance, Operation, Result, StackSet

View = dict[str, Any]


def _given(**members: Any) -> View:
    """Return the members that there are."""
    return {name: value for name, value in members.items() if value not in ("", None)}


def _pairs(values: dict[str, str], key: str, value: str) -> list[dict[str, str]]:
    return [{key: name, value: text} for name, text in values.items()]


def _roles(found: StackSet) -> View:
    if found.model != SELF_MANAGED:
        return {}
    return {"AdministrationRoleARN": found.administration, "ExecutionRoleName": found.execution}


def _base(found: StackSet) -> View:
    return {
        "StackSetName": found.name,
        "StackSetId": found.id,
        "Status": found.status,
        "PermissionModel": found.model,
        "ManagedExecution": {"Active": False},
        **_given(Description=found.description),
        **({"AutoDeployment": found.auto_deployment} if found.auto_deployment else {}),
    }


def _drift(found: StackSet) -> tuple[str, Any]:
    """Return the drift of a set's instances taken together, and when it was looked at last."""
    statuses = {instance.drift for instance in found.instances.values()}
    checked = [each.drift_checked for each in found.instances.values() if each.drift_checked]
    kinds = ("DRIFTED", "IN_SYNC")
    return next((status for status in kinds if status in statuses), "NOT_CHECKED"), max(checked, default=None)


def stack_set(found: StackSet) -> View:
    """Return what DescribeStackSet tells."""
    status, checked = _drift(found)
    counted = [instance.drift for instance in found.instances.values()]
    drift = _given(DriftStatus=status, LastDriftCheckTimestamp=checked)
    return _base(found) | {
        "StackSetARN": found.arn,
        "TemplateBody": found.text,
        "Parameters": _pairs(
            {k: "****" if found.declared[k].get("NoEcho") else v for k, v in found.parameters.items()},
            "ParameterKey",
            "ParameterValue",
        ),
        "Capabilities": found.capabilities,
        "Tags": _pairs(found.tags, "Key", "Value"),
        "OrganizationalUnitIds": found.units,
        "Regions": sorted({region for _, region in found.instances}),
        "StackSetDriftDetectionDetails": drift
        | {
            "TotalStackInstancesCount": len(counted),
            "DriftedStackInstancesCount": counted.count("DRIFTED"),
            "InSyncStackInstancesCount": counted.count("IN_SYNC"),
        },
        **_roles(found),
    }


def stack_set_summary(found: StackSet) -> View:
    """Return what ListStackSets tells."""
    status, checked = _drift(found)
    return _base(found) | _given(DriftStatus=status, LastDriftCheckTimestamp=checked)


def instance(found: Instance, owner: StackSet) -> View:
    """Return what DescribeStackInstance and ListStackInstances tell."""
    return {
        "StackSetId": owner.id,
        "Account": found.account,
        "Region": found.region,
        "Status": found.status,
        "StackInstanceStatus": {"DetailedStatus": found.detailed},
        "DriftStatus": found.drift,
        "ParameterOverrides": _pairs(found.overrides, "ParameterKey", "ParameterValue"),
        **_given(
            StackId=found.stack_id,
            StatusReason=found.reason,
            OrganizationalUnitId=found.unit,
            LastOperationId=found.operation,
            LastDriftCheckTimestamp=found.drift_checked,
        ),
    }


def operation(found: Operation, owner: StackSet) -> View:
    """Return what DescribeStackSetOperation and ListStackSetOperations tell."""
    failed = sum(result.status == "FAILED" for result in found.results.values())
    return {
        "OperationId": found.id,
        "StackSetId": owner.id,
        "Action": found.action,
        "Status": found.status,
        "OperationPreferences": found.preferences,
        "CreationTimestamp": found.created,
        "StatusDetails": {"FailedStackInstancesCount": failed},
        **({"RetainStacks": found.retains} if found.action == "DELETE" else {}),
        **({"DeploymentTargets": found.targets} if found.targets else {}),
        **_given(EndTimestamp=found.ended, StatusReason=found.reason),
        **_roles(owner),
    }


def result(found: Result) -> View:
    """Return what ListStackSetOperationResults tells."""
    shown = {"Account": found.account, "Region": found.region, "Status": found.status}
    return shown | _given(StatusReason=found.reason, OrganizationalUnitId=found.unit)
