"""The CloudFormation API."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlparse

from botocore.exceptions import ClientError

from smproject.sandbox.cloudformation import executor, intrinsics, parameters, template, types
from smproject.sandbox.cloudformation.stacks import Stack
from smproject.sandbox.service import Caller, Request, Service, ServiceError, page
from smproject.sandbox.world import World

types.load()
_IAM_TYPES = ("AWS::IAM::",)


class CloudFormation(Service):
    """Stacks: created and deleted asynchronously, with events, rollback and outputs."""

    name = "cloudformation"
    unsupported = frozenset(
        {
            "DeploymentConfig",
            "EnableTerminationProtection",
            "NotificationARNs",
            "ResourceTypes",
            "RetainResources",
            "RollbackConfiguration",
            "StackPolicyBody",
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
        stack = self._stack(caller, request)
        order = executor.plan(stack)
        with self._lock:
            if self._live(caller, stack.name):
                raise ServiceError("AlreadyExistsException", f"Stack [{stack.name}] already exists")
            self.stacks.append(stack)
        self.world.background(f"create {stack.name}", lambda: executor.create(self.world, stack, order))
        return {"StackId": stack.id}

    def update_stack(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Tell that nothing changed; the sandbox does not update stacks yet."""
        stack = self._find(caller, request["StackName"])
        text = stack.text if request.get("UsePreviousTemplate") else self._text(caller, request)
        declared, given = template.read(text).get("Parameters", {}), _given(request, stack)
        values = parameters.resolve(declared, given, lambda name: self._ssm(stack.owner, name))
        if text == stack.text and values == stack.values:
            raise ServiceError("ValidationError", "No updates are to be performed.")
        raise ServiceError(
            "ValidationError", f"The sandbox does not update stacks yet: delete {stack.name} and create it again."
        )

    def delete_stack(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete a stack in the background; a stack that isn't there is deleted already."""
        stack = self._live(caller, request["StackName"])
        if stack:
            stack.move("DELETE_IN_PROGRESS", "User Initiated")
            self.world.background(f"delete {stack.name}", lambda: executor.delete(self.world, stack))
        return {}

    def describe_stacks(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe one stack by name or id, or all live ones."""
        if name := request.get("StackName"):
            return {"Stacks": [_describe(self._find(caller, name))]}
        return page([_describe(stack) for stack in self._all_live(caller)], request, "Stacks")

    def list_stacks(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List stacks, deleted ones too, by status."""
        wanted = request.get("StackStatusFilter")
        mine = [s for s in self.stacks if s.owner.account == caller.account and s.owner.region == caller.region]
        found = [s for s in reversed(mine) if not wanted or s.status in wanted]
        return page([_describe(s) for s in found], request, "StackSummaries")

    def describe_stack_events(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return a stack's events, newest first."""
        return page(self._find(caller, request["StackName"]).events[::-1], request, "StackEvents")

    def list_stack_resources(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List a stack's resources."""
        stack = self._find(caller, request["StackName"])
        items = [r.describe() | {"LastUpdatedTimestamp": r.updated} for r in stack.resources.values()]
        return page(items, request, "StackResourceSummaries")

    def describe_stack_resources(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a stack's resources, or the one with a logical id."""
        stack, wanted = self._find(caller, request["StackName"]), request.get("LogicalResourceId")
        base = {"StackId": stack.id, "StackName": stack.name}
        found = [r for r in stack.resources.values() if wanted in (None, r.logical_id)]
        return {"StackResources": [base | r.describe() | {"Timestamp": r.updated} for r in found]}

    def describe_stack_resource(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe one resource of a stack."""
        found = self.describe_stack_resources(caller, request)["StackResources"]
        if not found:
            name, stack = request["LogicalResourceId"], request["StackName"]
            raise ServiceError("ValidationError", f"Resource {name} does not exist for stack {stack}")
        return {"StackResourceDetail": found[0] | {"LastUpdatedTimestamp": found[0]["Timestamp"]}}

    def get_template(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return a stack's template as it was given."""
        return {
            "TemplateBody": self._find(caller, request["StackName"]).text,
            "StagesAvailable": ["Original", "Processed"],
        }

    def validate_template(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Read a template and list its parameters and the capabilities it needs."""
        content = template.read(self._text(caller, request))
        declared = [_declared(name, spec) for name, spec in content.get("Parameters", {}).items()]
        return {"Parameters": declared, "Description": content.get("Description", ""), "Capabilities": _needed(content)}

    get_template_summary = validate_template

    def _stack(self, caller: Caller, request: Request) -> Stack:
        text = self._text(caller, request)
        content = template.read(text)
        missing = [c for c in _needed(content) if c not in _granted(request)]
        if missing:
            raise ServiceError("InsufficientCapabilitiesException", f"Requires capabilities : [{', '.join(missing)}]")
        owner = self._owner(caller, request.get("RoleARN"))
        given = _given(request)
        values = parameters.resolve(content.get("Parameters", {}), given, lambda name: self._ssm(owner, name))
        name = request["StackName"]
        on_failure = "DO_NOTHING" if request.get("DisableRollback") else request.get("OnFailure") or "ROLLBACK"
        return Stack(
            name,
            caller.arn_of("cloudformation", f"stack/{name}/{uuid.uuid4()}"),
            owner,
            text,
            content,
            given,
            values,
            {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])},
            request.get("Capabilities", []),
            on_failure,
            request.get("RoleARN") or "",
        )

    def _owner(self, caller: Caller, role_arn: str | None) -> Caller:
        if not role_arn:
            return caller
        credentials = self.world.assume(role_arn, "cloudformation.amazonaws.com", "AWSCloudFormation")
        return Caller(caller.account, caller.region, credentials.arn, credentials)

    def _ssm(self, owner: Caller, name: str) -> str:
        try:
            found = self.world.client("ssm", owner.credentials, owner.region).get_parameter(Name=name)
        except ClientError as error:
            message = f"Unable to fetch parameters [{name}] from parameter store for this account."
            raise ServiceError("ValidationError", message) from error
        return str(found["Parameter"]["Value"])

    def _text(self, caller: Caller, request: Request) -> str:
        if body := request.get("TemplateBody"):
            if len(body) > 51200:
                raise ServiceError("ValidationError", "Template may not exceed 51200 bytes in size; use TemplateURL.")
            return str(body)
        if url := request.get("TemplateURL"):
            return self.fetch(caller, url)
        raise ServiceError("ValidationError", "Either Template URL or Template Body must be specified.")

    def fetch(self, caller: Caller, url: str) -> str:
        """Read a template from S3 with the caller's credentials."""
        bucket, key = _s3_location(url)
        try:
            body = self.world.client("s3", caller.credentials).get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as error:
            raise ServiceError("ValidationError", f"S3 error: {error.response['Error']['Message']} ({url})") from error
        return str(body.decode())

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


def _given(request: Request, before: Stack | None = None) -> dict[str, str]:
    old = before.parameters if before else {}
    return {
        p["ParameterKey"]: old.get(p["ParameterKey"], "") if p.get("UsePreviousValue") else p.get("ParameterValue", "")
        for p in request.get("Parameters", [])
    }


def _needed(content: dict[str, Any]) -> list[str]:
    iam = [item for item in content["Resources"].values() if str(item.get("Type")).startswith(_IAM_TYPES)]
    named = any({"RoleName", "UserName", "GroupName", "ManagedPolicyName"} & set(i.get("Properties", {})) for i in iam)
    return ["CAPABILITY_NAMED_IAM" if named else "CAPABILITY_IAM"] if iam else []


def _granted(request: Request) -> set[str]:
    granted = set(request.get("Capabilities", []))
    return granted | ({"CAPABILITY_IAM"} if "CAPABILITY_NAMED_IAM" in granted else set())


def _s3_location(url: str) -> tuple[str, str]:
    """Read bucket and key out of an S3 address, path style or virtual-hosted."""
    parsed = urlparse(url)
    host, path = parsed.netloc, parsed.path.lstrip("/")
    bucket, _, rest = host.partition(".s3")
    if rest and bucket:
        return bucket, path
    bucket, _, key = path.partition("/")
    if not key:
        raise ServiceError(
            "ValidationError", f"TemplateURL must reference a valid S3 object to which you have access: {url}"
        )
    return bucket, key


def _declared(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    default = {"DefaultValue": intrinsics.text(spec["Default"])} if "Default" in spec else {}
    return {
        "ParameterKey": name,
        "Description": spec.get("Description", ""),
        "NoEcho": bool(spec.get("NoEcho")),
        **default,
        "ParameterType": spec["Type"],
    }


def _describe(stack: Stack) -> dict[str, Any]:
    declared = stack.template.get("Parameters", {})
    shown = {
        name: "****" if spec.get("NoEcho") else stack.parameters.get(name, spec.get("Default"))
        for name, spec in declared.items()
    }
    return {
        "StackId": stack.id,
        "StackName": stack.name,
        "CreationTime": stack.created,
        "StackStatus": stack.status,
        "Description": stack.template.get("Description", ""),
        "DisableRollback": stack.on_failure == "DO_NOTHING",
        "Capabilities": stack.capabilities,
        "Parameters": [{"ParameterKey": k, "ParameterValue": intrinsics.text(v)} for k, v in shown.items()],
        "Tags": [{"Key": k, "Value": v} for k, v in stack.tags.items()],
        "Outputs": stack.outputs,
        **({"StackStatusReason": stack.reason} if stack.reason else {}),
        **({"DeletionTime": stack.deleted} if stack.deleted else {}),
        **({"RoleARN": stack.role_arn} if stack.role_arn else {}),
    }
