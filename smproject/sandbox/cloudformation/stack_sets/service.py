"""The operations on stack sets themselves."""

from __future__ import annotations

import uuid
from typing import Any

from smproject.sandbox.cloudformation import capabilities, definitions, limits, template
from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.stack_sets import access, targets, views
from smproject.sandbox.cloudformation.stack_sets.organization import PRINCIPAL
from smproject.sandbox.cloudformation.stack_sets.records import SELF_MANAGED, SERVICE_MANAGED, StackSet
from smproject.sandbox.cloudformation.stack_sets.shelf import Shelf
from smproject.sandbox.service import Caller, Request, ServiceError, page


class StackSets:
    """CreateStackSet, UpdateStackSet, DeleteStackSet, their descriptions, and access to the organization."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf, self.world = shelf, shelf.world

    def resume(self) -> None:
        """End the operations that a stop of the sandbox has cut off."""
        self.shelf.resume()

    def create_stack_set(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Keep a template with its parameters; stacks come with its instances."""
        _refuse_unsupported(request)
        account = self.shelf.organization.administrator(caller, request.get("CallAs") or "SELF")
        model = request.get("PermissionModel") or SELF_MANAGED
        _check_model(model, request)
        if model == SERVICE_MANAGED:
            self.shelf.organization.demand_service_managed(account)
        name = request["StackSetName"]
        made = StackSet(
            name,
            f"{name}:{uuid.uuid4()}",
            account,
            caller.region,
            model,
            administration=request.get("AdministrationRoleARN")
            or f"arn:aws:iam::{account}:role/{access.ADMINISTRATION}",
            execution=request.get("ExecutionRoleName") or access.EXECUTION,
            auto_deployment=request.get("AutoDeployment") or {},
            **self._content(caller, request, None),
        )
        self.shelf.add(made)
        return {"StackSetId": made.id}

    def update_stack_set(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Change a set, then bring its instances, or the named ones, to what it is now."""
        _refuse_unsupported(request)
        found = self.shelf.live(caller, request)
        _check_model(request.get("PermissionModel") or found.model, request)
        if request.get("PermissionModel", found.model) != found.model:
            raise ServiceError("InvalidOperationException", "The permission model of a StackSet can't be changed.")
        content = self._content(caller, request, found)
        places = targets.named(found, self.shelf.organization, request)
        with self.shelf.lock:
            operation = self.shelf.claim(found, request, "UPDATE")
            for member, value in content.items():
                setattr(found, member, value)
            found.administration = request.get("AdministrationRoleARN") or found.administration
            found.execution = request.get("ExecutionRoleName") or found.execution
            found.auto_deployment = request.get("AutoDeployment") or found.auto_deployment
            for instance in found.instances.values():
                instance.status = "OUTDATED"
        self.shelf.run(found, operation, places)
        return {"OperationId": operation.id}

    def delete_stack_set(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete a set without instances."""
        found = self.shelf.live(caller, request)
        with self.shelf.lock:
            self.shelf.demand_rest(found)
            if found.instances:
                raise ServiceError("StackSetNotEmptyException", "StackSet is not empty")
            found.status = "DELETED"
        return {}

    def describe_stack_set(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a set."""
        return {"StackSet": views.stack_set(self.shelf.find(caller, request))}

    def list_stack_sets(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the sets of the caller's account, or of the organization it administers."""
        wanted = request.get("Status")
        found = [each for each in self.shelf.all(caller, request) if wanted in (None, each.status)]
        return page([views.stack_set_summary(each) for each in found], request, "Summaries")

    def activate_organizations_access(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Let the organization trust CloudFormation's stack sets, as the caller."""
        self._organizations(caller).enable_aws_service_access(ServicePrincipal=PRINCIPAL)
        return {}

    def deactivate_organizations_access(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Take the organization's trust back."""
        self._organizations(caller).disable_aws_service_access(ServicePrincipal=PRINCIPAL)
        return {}

    def describe_organizations_access(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Tell whether the organization trusts CloudFormation's stack sets."""
        account = self.shelf.organization.administrator(caller, request.get("CallAs") or "SELF")
        if self.shelf.organization.management(account) != account:
            raise ServiceError("InvalidOperationException", _MANAGEMENT)
        return {"Status": "ENABLED" if self.shelf.organization.is_trusted(account) else "DISABLED"}

    def _organizations(self, caller: Caller) -> Any:
        if self.shelf.organization.management(caller.account) != caller.account:
            raise ServiceError("InvalidOperationException", _MANAGEMENT)
        return self.world.client("organizations", caller.credentials)

    def _content(self, caller: Caller, request: Request, before: StackSet | None) -> dict[str, Any]:
        """Return what a request says the set is; a set that there is keeps what it says nothing of."""
        if before and request.get("UsePreviousTemplate"):
            body, source = before.text, before.template
        else:
            body = definitions.template_text(self.world, caller, request)
            source = (
                {"TemplateBody": body}
                if len(body.encode()) <= limits.BODY_BYTES
                else {"TemplateURL": request["TemplateURL"]}
            )
        content = template.read(body)
        capabilities.demand(request, capabilities.needed(content))
        declared = content.get("Parameters", {})
        return {
            "text": body,
            "template": source,
            "declared": declared,
            "parameters": _parameters(declared, request, before),
            "capabilities": request.get("Capabilities") or [],
            "tags": before.tags if before and "Tags" not in request else definitions.tags_of(request),
            "description": request.get("Description") or (before.description if before else ""),
        }


_MANAGEMENT = "Only the management account of an organization can do this."


def _parameters(declared: dict[str, Any], request: Request, before: StackSet | None) -> dict[str, str]:
    """Return the value of each declared parameter; constraints are for the accounts' own CloudFormation to check."""
    given = given_parameters(request.get("Parameters", []), before.parameters if before else {})
    refuse_unknown(declared, given)
    missing = [name for name, spec in declared.items() if name not in given and "Default" not in spec]
    if missing:
        raise ServiceError("ValidationError", f"Parameters: [{', '.join(missing)}] must have values")
    return {name: given.get(name, text(spec.get("Default"))) for name, spec in declared.items()}


def given_parameters(items: list[dict[str, Any]], previous: dict[str, str]) -> dict[str, str]:
    """Return parameters as a request gives them, or as they were where it says so."""
    definitions.check_keys(items)
    kept = {item["ParameterKey"] for item in items if item.get("UsePreviousValue")}
    if unknown := sorted(kept - set(previous)):
        raise ServiceError("ValidationError", f"Parameters: [{', '.join(unknown)}] have no previous value")
    return {
        item["ParameterKey"]: previous[item["ParameterKey"]]
        if item["ParameterKey"] in kept
        else str(item.get("ParameterValue", ""))
        for item in items
    }


def refuse_unknown(declared: dict[str, Any], given: dict[str, str]) -> None:
    """Refuse parameters that the template doesn't have."""
    if unknown := sorted(set(given) - set(declared)):
        raise ServiceError("ValidationError", f"Parameters: [{', '.join(unknown)}] do not exist in the template")


def _check_model(model: str, request: Request) -> None:
    roles = {"AdministrationRoleARN", "ExecutionRoleName"} & set(request)
    if model == SERVICE_MANAGED and roles:
        raise ServiceError("ValidationError", f"{min(roles)} is for StackSets with SELF_MANAGED permissions only")
    if model == SELF_MANAGED and "AutoDeployment" in request:
        message = "AutoDeployment is for StackSets with SERVICE_MANAGED permissions only"
        raise ServiceError("ValidationError", message)


def _refuse_unsupported(request: Request) -> None:
    """Refuse what would be ignored."""
    asked = {
        "StackId": "StackId" in request,
        "ManagedExecution.Active": (request.get("ManagedExecution") or {}).get("Active"),
        "AutoDeployment.DependsOn": (request.get("AutoDeployment") or {}).get("DependsOn"),
    }
    if name := next((name for name, is_asked in asked.items() if is_asked), ""):
        raise ServiceError("NotImplemented", f"The sandbox does not implement {name} of stack sets.")
