"""The CloudFormation API."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable
from typing import Any

from smproject.sandbox.cloudformation import definitions, executor, resources, rollback, template, types, update, views
from smproject.sandbox.cloudformation.stacks import Stack
from smproject.sandbox.service import Caller, Request, Service, ServiceError, now, page
from smproject.sandbox.world import World

types.load()
_UPDATABLE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}


class CloudFormation(Service):
    """Stacks: created, updated and deleted asynchronously, with events, rollback and outputs."""

    name = "cloudformation"
    unsupported = frozenset(
        {
            "DeploymentConfig",
            "EnableTerminationProtection",
            "NotificationARNs",
            "ResourceTypes",
            "RetainExceptOnCreate",
            "RetainResources",
            "RollbackConfiguration",
            "StackPolicyBody",
            "StackPolicyDuringUpdateBody",
            "StackPolicyDuringUpdateURL",
            "StackPolicyURL",
            "TimeoutInMinutes",
        }
    )

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.stacks: list[Stack] = []
        self._lock = threading.Lock()

    def create_stack(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Refuse what can be refused, then create the resources in the background."""
        name, role = request["StackName"], request.get("RoleARN") or ""
        arn = caller.arn_of("cloudformation", f"stack/{name}/{uuid.uuid4()}")
        owner = self._owner(caller, role, arn)
        definition = definitions.read(self.world, caller, owner, request)
        on_failure = "DO_NOTHING" if request.get("DisableRollback") else request.get("OnFailure") or "ROLLBACK"
        stack = Stack(name, arn, owner, definition, on_failure, role)
        order = resources.plan(stack, definition)
        with self._lock:
            if self._live(caller, name):
                raise ServiceError("AlreadyExistsException", f"Stack [{name}] already exists")
            self.stacks.append(stack)
            stack.move("CREATE_IN_PROGRESS", "User Initiated")
        self.world.background(f"create {name}", lambda: executor.create(self.world, stack, order))
        return {"StackId": stack.id}

    def update_stack(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Refuse what can be refused and what changes nothing, then update the resources in the background."""
        stack = self._find(caller, request["StackName"])
        _refuse_update(stack)
        if request.get("DisableRollback"):
            raise ServiceError("NotImplemented", "The sandbox does not implement DisableRollback of UpdateStack.")
        role, before = request.get("RoleARN") or stack.role_arn, stack.definition
        owner = self._owner(caller, role, stack.id)
        definition = definitions.read(self.world, caller, owner, request, before)
        order = resources.plan(stack, definition)
        if not update.is_needed(stack, definition, order):
            raise ServiceError("ValidationError", "No updates are to be performed.")
        with self._lock:
            _refuse_update(stack)
            stack.owner, stack.role_arn, stack.definition, stack.updated = owner, role, definition, now()
            stack.move("UPDATE_IN_PROGRESS", "User Initiated")
        self.world.background(f"update {stack.name}", lambda: update.update(self.world, stack, before, order))
        return {"StackId": stack.id}

    def continue_update_rollback(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Go on with a rollback that failed, after its cause is mended or without the resources to skip."""
        stack, skipped = self._find(caller, request["StackName"]), request.get("ResourcesToSkip", [])
        with self._lock:
            stuck = stack.stuck
            if stuck is None or stack.status != "UPDATE_ROLLBACK_FAILED":
                message = f"Stack:{stack.id} is in {stack.status} state and can not continue its update rollback."
                raise ServiceError("ValidationError", message)
            stack.move("UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
        self.world.background(f"roll back {stack.name}", lambda: rollback.resume(stuck, skipped))
        return {}

    def delete_stack(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete a stack in the background; a stack that isn't there is deleted already."""
        with self._lock:
            stack = self._live(caller, request["StackName"])
            if stack is None:
                return {}
            if stack.status.startswith("UPDATE_") and stack.status.endswith("_IN_PROGRESS"):
                message = f"Stack [{stack.id}] cannot be deleted while in status {stack.status}"
                raise ServiceError("ValidationError", message)
            stack.move("DELETE_IN_PROGRESS", "User Initiated")
        self.world.background(f"delete {stack.name}", lambda: executor.delete(self.world, stack))
        return {}

    def describe_stacks(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe one stack by name or id, or all live ones."""
        if name := request.get("StackName"):
            return {"Stacks": [views.stack(self._find(caller, name))]}
        return page([views.stack(stack) for stack in self._all_live(caller)], request, "Stacks")

    def list_stacks(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List stacks, deleted ones too, by status."""
        wanted = request.get("StackStatusFilter")
        mine = [s for s in self.stacks if s.owner.account == caller.account and s.owner.region == caller.region]
        found = [s for s in reversed(mine) if not wanted or s.status in wanted]
        return page([views.stack(s) for s in found], request, "StackSummaries")

    def describe_stack_events(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return a stack's events, newest first."""
        return page(self._find(caller, request["StackName"]).events[::-1], request, "StackEvents")

    def list_stack_resources(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List a stack's resources."""
        stack = self._find(caller, request["StackName"])
        return page(views.resource_summaries(stack), request, "StackResourceSummaries")

    def describe_stack_resources(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a stack's resources, or the one with a logical id."""
        stack = self._find(caller, request["StackName"])
        return {"StackResources": views.resources(stack, request.get("LogicalResourceId"))}

    def describe_stack_resource(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe one resource of a stack."""
        found = self.describe_stack_resources(caller, request)["StackResources"]
        if not found:
            name, stack = request["LogicalResourceId"], request["StackName"]
            raise ServiceError("ValidationError", f"Resource {name} does not exist for stack {stack}")
        return {"StackResourceDetail": found[0] | {"LastUpdatedTimestamp": found[0]["Timestamp"]}}

    def get_template(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return a stack's template as it was given."""
        text = self._find(caller, request["StackName"]).definition.text
        return {"TemplateBody": text, "StagesAvailable": ["Original", "Processed"]}

    def validate_template(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Read a template and list its parameters and the capabilities it needs."""
        content = template.read(definitions.template_text(self.world, caller, request))
        declared = [views.parameter(name, spec) for name, spec in content.get("Parameters", {}).items()]
        needed = definitions.needed_capabilities(content)
        return {"Parameters": declared, "Description": content.get("Description", ""), "Capabilities": needed}

    get_template_summary = validate_template

    def fetch(self, caller: Caller, url: str) -> str:
        """Read a template from S3 with the caller's credentials."""
        return definitions.fetch(self.world, caller, url)

    def _owner(self, caller: Caller, role_arn: str, stack_arn: str) -> Caller:
        if not role_arn:
            return caller
        credentials = self.world.assume(role_arn, "cloudformation.amazonaws.com", "AWSCloudFormation", stack_arn)
        return Caller(caller.account, caller.region, credentials.arn, credentials)

    def _all_live(self, caller: Caller) -> Iterable[Stack]:
        scope = (caller.account, caller.region)
        return [s for s in self.stacks if (s.owner.account, s.owner.region) == scope and s.status != "DELETE_COMPLETE"]

    def _live(self, caller: Caller, name: str) -> Stack | None:
        return next((stack for stack in self._all_live(caller) if name in (stack.name, stack.id)), None)

    def _find(self, caller: Caller, name: str) -> Stack:
        by_id = next((s for s in self.stacks if s.id == name and s.owner.account == caller.account), None)
        stack = self._live(caller, name) or by_id
        if stack is None:
            raise ServiceError("ValidationError", f"Stack with id {name} does not exist")
        return stack


def _refuse_update(stack: Stack) -> None:
    if stack.status not in _UPDATABLE:
        message = f"Stack:{stack.id} is in {stack.status} state and can not be updated."
        raise ServiceError("ValidationError", message)
