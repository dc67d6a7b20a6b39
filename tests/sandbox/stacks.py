"""CloudFormation in a few words, for the tests of stacks and of what is made of stacks."""

from __future__ import annotations

import textwrap
import uuid
from functools import cached_property
from typing import Any

import pytest
from botocore.exceptions import ClientError
from harness import Sandbox, eventually

Item = dict[str, Any]
# `First` is replaced when its name changes; `Second` follows it, `Third` has nothing to do with either.
FOLLOWED = """
Parameters: {Name: {Type: String}, Value: {Type: String, Default: one}}
Resources:
  First: {Type: AWS::SSM::Parameter, Properties: {Name: !Ref Name, Type: String, Value: !Ref Value}}
  Second: {Type: AWS::SSM::Parameter, Properties: {Name: !Sub "${AWS::StackName}-2", Type: String, Value: !Ref First}}
  Third: {Type: AWS::SSM::Parameter, Properties: {Name: !Sub "${AWS::StackName}-3", Type: String, Value: third}}
Outputs: {First: {Value: !Ref First}, Value: {Value: !GetAtt First.Value}}
"""
# A resource that can't be made, since no parameter may bear its name; it comes after `Third` and so after the rest.
BAD = """
  Bad:
    Type: AWS::SSM::Parameter
    DependsOn: [Second, Third, Added]
    Properties: {Name: aws/ssm, Type: String, Value: bad}
  Added: {Type: AWS::SSM::Parameter, Properties: {Name: !Sub "${AWS::StackName}-4", Type: String, Value: added}}
"""


def with_bad(template: str) -> str:
    """Return a template with resources of which one fails."""
    return template.replace("Outputs:", f"{BAD.strip(chr(10))}\nOutputs:")


def given(parameters: dict[str, str] | None) -> list[dict[str, str]]:
    """Return parameters as the API takes them."""
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in (parameters or {}).items()]


class Stacks:
    """Makes stacks from templates in YAML, in the development account unless another profile is named."""

    def __init__(self, sandbox: Sandbox, profile: str = "development") -> None:
        self.sandbox, self.profile = sandbox, profile

    @cached_property
    def api(self) -> Any:
        return self.sandbox.client("cloudformation", self.profile)

    @cached_property
    def ssm(self) -> Any:
        return self.sandbox.client("ssm", self.profile)

    def start(self, template: str, parameters: dict[str, str] | None = None, **options: Any) -> str:
        """Begin to create a stack; return its id."""
        body = {} if "TemplateURL" in options else {"TemplateBody": textwrap.dedent(template)}
        name = options.pop("StackName", f"stack-{uuid.uuid4().hex[:8]}")
        return str(self.api.create_stack(StackName=name, Parameters=given(parameters), **body, **options)["StackId"])

    def create(self, template: str, parameters: dict[str, str] | None = None, **options: Any) -> Item:
        """Create a stack; return how it ended."""
        return self.ended(self.start(template, parameters, **options))

    def refusal(self, template: str, parameters: dict[str, str] | None = None, **options: Any) -> str:
        """Return the message with which a template is refused; nothing may have been made."""
        name = f"refused-{uuid.uuid4().hex[:8]}"
        with pytest.raises(ClientError) as refused:
            self.start(template, parameters, StackName=name, **options)
        with pytest.raises(ClientError, match="does not exist"):
            self.api.describe_stacks(StackName=name)
        error = refused.value.response["Error"]
        assert error["Code"] in {"ValidationError", "InsufficientCapabilitiesException"}
        return str(error["Message"])

    def start_update(
        self, stack: str, template: str | None = None, parameters: dict[str, str] | None = None, **options: Any
    ) -> str:
        """Begin to update a stack, to its own template if no other is given; return its id."""
        body = {"UsePreviousTemplate": True} if template is None else {"TemplateBody": textwrap.dedent(template)}
        return str(self.api.update_stack(StackName=stack, Parameters=given(parameters), **body, **options)["StackId"])

    def update(
        self, stack: str, template: str | None = None, parameters: dict[str, str] | None = None, **options: Any
    ) -> Item:
        """Update a stack; return how it ended."""
        return self.ended(self.start_update(stack, template, parameters, **options))

    def physical(self, stack: str) -> dict[str, str]:
        """Return the physical id of each resource of a stack."""
        listed = self.api.describe_stack_resources(StackName=stack)["StackResources"]
        return {item["LogicalResourceId"]: item.get("PhysicalResourceId", "") for item in listed}

    def ended(self, stack: str) -> Item:
        """Wait until a stack has come to rest; return its description."""
        return eventually(lambda: self._at_rest(stack))

    def _at_rest(self, stack: str) -> Item:
        found: Item = self.api.describe_stacks(StackName=stack)["Stacks"][0]
        return {} if found["StackStatus"].endswith("_IN_PROGRESS") else found

    def delete(self, stack: str) -> Item:
        """Delete a stack by its id; return how that ended."""
        self.api.delete_stack(StackName=stack)
        return self.ended(stack)

    def outputs(self, stack: Item) -> dict[str, str]:
        """Return a stack's outputs."""
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def events(self, stack: str) -> list[tuple[str, str, str]]:
        """Return logical id, status and reason of each event, oldest first."""
        found = self.api.get_paginator("describe_stack_events").paginate(StackName=stack)
        events = [event for page in found for event in page["StackEvents"]][::-1]
        return [(e["LogicalResourceId"], e["ResourceStatus"], e.get("ResourceStatusReason", "")) for e in events]

    def latest(self, stack: str) -> list[tuple[str, str, str]]:
        """Return the events of a stack's latest operation, oldest first, the stack's own under the name `stack`."""
        events, name = self.events(stack), stack.split("/")[1]
        begun = max(index for index, event in enumerate(events) if event[0] == name and event[2] == "User Initiated")
        return [("stack" if who == name else who, status, reason) for who, status, reason in events[begun:]]

    def reason(self, stack: str) -> str:
        """Return the reason of the first failure among a stack's events."""
        return next(reason for _, status, reason in self.events(stack) if status.endswith("_FAILED"))

    def parameter(self, name: str) -> str | None:
        """Return the value of a parameter in Systems Manager; None when there is none."""
        try:
            return str(self.ssm.get_parameter(Name=name)["Parameter"]["Value"])
        except ClientError:
            return None
