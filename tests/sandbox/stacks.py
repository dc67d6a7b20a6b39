"""CloudFormation in a few words, for the tests of stacks and of what is made of stacks."""

from __future__ import annotations

import textwrap
import uuid
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError
from harness import Sandbox, eventually

Item = dict[str, Any]


class Stacks:
    """Makes stacks in the development account from templates in YAML."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    @cached_property
    def api(self) -> Any:
        return self.sandbox.client("cloudformation")

    @cached_property
    def ssm(self) -> Any:
        return self.sandbox.client("ssm")

    def start(self, template: str, parameters: dict[str, str] | None = None, **options: Any) -> str:
        """Begin to create a stack; return its id."""
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in (parameters or {}).items()]
        body = {} if "TemplateURL" in options else {"TemplateBody": textwrap.dedent(template)}
        name = options.pop("StackName", f"stack-{uuid.uuid4().hex[:8]}")
        return str(self.api.create_stack(StackName=name, Parameters=given, **body, **options)["StackId"])

    def create(self, template: str, parameters: dict[str, str] | None = None, **options: Any) -> Item:
        """Create a stack; return how it ended."""
        return self.ended(self.start(template, parameters, **options))

    def ended(self, stack: str) -> Item:
        """Wait until a stack has come to rest; return its description."""
        return eventually(lambda: self._at_rest(stack))

    def _at_rest(self, stack: str) -> Item | None:
        found: Item = self.api.describe_stacks(StackName=stack)["Stacks"][0]
        return None if found["StackStatus"].endswith("_IN_PROGRESS") else found

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

    def reason(self, stack: str) -> str:
        """Return the reason of the first failure among a stack's events."""
        return next(reason for _, status, reason in self.events(stack) if status.endswith("_FAILED"))

    def parameter(self, name: str) -> str | None:
        """Return the value of a parameter in Systems Manager; None when there is none."""
        try:
            return str(self.ssm.get_parameter(Name=name)["Parameter"]["Value"])
        except ClientError:
            return None
