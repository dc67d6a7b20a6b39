"""Stack sets with their instances.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-stackset.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from smproject.sandbox.cloudformation.api import call, updatable
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides, undone_on_failure

_POLL_SECONDS = 0.2
_GROUPS, _HOW = "StackInstancesGroup", "OperationPreferences"
_CONTENT = (
    "AdministrationRoleARN",
    "AutoDeployment",
    "CallAs",
    "Capabilities",
    "Description",
    "ExecutionRoleName",
    "ManagedExecution",
    "Parameters",
    "PermissionModel",
    "StackSetName",
    "Tags",
    "TemplateBody",
    "TemplateURL",
)
_Target = tuple[str, str]  # deployment targets as JSON, one account each where they are accounts, and a region


@provides
class StackSet(Provider):
    """A stack set and the stacks that its groups of instances ask for."""

    type = "AWS::CloudFormation::StackSet"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the set, then its instances."""
        client = context.client("cloudformation")
        id_ = call(client, "CreateStackSet", _only(properties, *_CONTENT))["StackSetId"]
        made = Made(id_, {"StackSetId": id_, "_call_as": _only(properties, "CallAs")})
        context.begun(made.ref, made.attributes)
        with undone_on_failure(lambda: self.delete(context, made)):
            self._bring(context, made, {}, properties)
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Update the set with the instances that it has, then make new ones and delete those no longer asked for."""
        updatable(before, after, *_CONTENT, _GROUPS, _HOW)
        if {"TemplateURL", *changed(before, after)} & set(_CONTENT) & set(before | after):
            request = _only(after, *_CONTENT, _HOW) | {"StackSetName": made.ref}
            self._perform(context, made, "UpdateStackSet", request)
        self._bring(context, made, before, after)
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Delete the instances with their stacks, then the set."""
        client, named = context.client("cloudformation"), {"StackSetName": made.ref, **made.attributes["_call_as"]}
        found = client.describe_stack_set(**named)["StackSet"]
        pages = client.get_paginator("list_stack_instances").paginate(**named)
        accounts = sorted({each["Account"] for page in pages for each in page["Summaries"]})
        units = {"OrganizationalUnitIds": found.get("OrganizationalUnitIds")}
        targets = units if found["PermissionModel"] == "SERVICE_MANAGED" else {"Accounts": accounts}
        if accounts:
            request = {"DeploymentTargets": targets, "Regions": found["Regions"], "RetainStacks": False}
            self._perform(context, made, "DeleteStackInstances", request)
        client.delete_stack_set(**named)

    def _bring(self, context: Context, made: Made, before: Properties, after: Properties) -> None:
        """Make the instances that are new or have other overrides, then delete those that are gone."""
        old, new, how = _targets(before), _targets(after), _only(after, _HOW)
        for target, overrides in new.items():
            if old.get(target) != overrides:
                request = _named(target) | {"ParameterOverrides": overrides} | how
                self._perform(context, made, "CreateStackInstances", request)
        for target in [target for target in old if target not in new]:
            self._perform(context, made, "DeleteStackInstances", _named(target) | {"RetainStacks": False} | how)

    def _perform(self, context: Context, made: Made, operation: str, request: Properties) -> None:
        """Run an operation on the set and wait for its end; raises ValueError, with the reasons, when it fails."""
        client, named = context.client("cloudformation"), {"StackSetName": made.ref, **made.attributes["_call_as"]}
        begun = named | {"OperationId": call(client, operation, request | named)["OperationId"]}
        while (status := _status(client, begun)) in {"RUNNING", "STOPPING", "QUEUED"} and not context.halted():
            time.sleep(_POLL_SECONDS)
        if status != "SUCCEEDED":
            results = client.list_stack_set_operation_results(**begun)["Summaries"]
            reasons = {each["StatusReason"] for each in results if each["Status"] == "FAILED"}
            raise ValueError(f"Operation {begun['OperationId']} is {status}: {' '.join(sorted(reasons))}")


def _status(client: Any, begun: Properties) -> str:
    return str(client.describe_stack_set_operation(**begun)["StackSetOperation"]["Status"])


def _only(properties: Properties, *names: str) -> Properties:
    return {name: properties[name] for name in names if name in properties}


def _named(target: _Target) -> Properties:
    return {"DeploymentTargets": json.loads(target[0]), "Regions": [target[1]]}


def _targets(properties: Mapping[str, Any]) -> dict[_Target, list[Any]]:
    """Return the overrides by target: accounts one by one, so that one more does not touch the others."""
    found: dict[_Target, list[Any]] = {}
    for group in properties.get(_GROUPS, []):
        given = group["DeploymentTargets"]
        each = [given] if "OrganizationalUnitIds" in given else [{"Accounts": [one]} for one in given["Accounts"]]
        for region in group["Regions"]:
            found |= {(json.dumps(one, sort_keys=True), region): group.get("ParameterOverrides", []) for one in each}
    return found
