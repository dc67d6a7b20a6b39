"""How an operation on a stack is to go, as its request says."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from smproject.sandbox.cloudformation import definitions, policy
from smproject.sandbox.cloudformation.stacks import Stack
from smproject.sandbox.service import Caller, Request, ServiceError
from smproject.sandbox.world import World

_TOPIC = re.compile(r"arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[\w.-]+")
_TRIGGERS = {"AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"}


@dataclass
class Options:
    """What a request says besides the definition; None leaves what an existing stack has."""

    on_failure: str = "ROLLBACK"  # of a creation: ROLLBACK, DELETE or DO_NOTHING
    disable_rollback: bool = False
    retain_except_on_create: bool = False
    timeout_minutes: int | None = None
    notification_arns: list[str] | None = None
    termination_protection: bool | None = None
    stack_policy: str | None = None
    stack_policy_during_update: str | None = None
    rollback_configuration: dict[str, Any] | None = None
    client_request_token: str = ""

    @property
    def keeps_failure(self) -> bool:
        """Tell whether a failure leaves everything as far as it came."""
        return self.disable_rollback or self.on_failure == "DO_NOTHING"

    @classmethod
    def of(cls, request: Request) -> Options:
        """Return the options of CreateStack or UpdateStack; raises ServiceError for those that exclude each other."""
        if "DisableRollback" in request and "OnFailure" in request:
            raise ServiceError("ValidationError", "You can specify either DisableRollback or OnFailure, but not both.")
        return cls(
            on_failure=request.get("OnFailure") or "ROLLBACK",
            disable_rollback=bool(request.get("DisableRollback")),
            retain_except_on_create=bool(request.get("RetainExceptOnCreate")),
            timeout_minutes=request.get("TimeoutInMinutes"),
            notification_arns=request.get("NotificationARNs"),
            termination_protection=request.get("EnableTerminationProtection"),
            rollback_configuration=request.get("RollbackConfiguration"),
            client_request_token=request.get("ClientRequestToken") or "",
        )

    def check(self) -> None:
        """Raise ServiceError (ValidationError) for rollback triggers that are no alarms, and topics that are none."""
        for topic in self.notification_arns or []:
            if not _TOPIC.fullmatch(topic):
                raise ServiceError("ValidationError", f"Invalid notification ARN: {topic}")
        for trigger in (self.rollback_configuration or {}).get("RollbackTriggers", []):
            if trigger["Type"] not in _TRIGGERS or len(trigger["Arn"].split(":", 6)) != 7:
                message = f"Rollback trigger {trigger['Arn']} of type {trigger['Type']} is not a CloudWatch alarm"
                raise ServiceError("ValidationError", message)

    def put(self, stack: Stack) -> None:
        """Give the options to a stack."""
        if self.rollback_configuration is not None:
            stack.rollback_configuration = self.rollback_configuration
        stack.on_failure = "DO_NOTHING" if self.keeps_failure else self.on_failure
        stack.retain_except_on_create = self.retain_except_on_create
        stack.timeout_minutes = self.timeout_minutes or stack.timeout_minutes
        if self.notification_arns is not None:
            stack.notification_arns = self.notification_arns
        if self.termination_protection is not None:
            stack.termination_protection = self.termination_protection
        stack.policy = stack.policy if self.stack_policy is None else self.stack_policy
        stack.policy_during_update = self.stack_policy_during_update or ""


def documents(world: World, caller: Caller, options: Options, request: Request) -> Options:
    """Return the options with the stack policies that a request holds or points to, which are checked."""
    return replace(
        options,
        stack_policy=document(world, caller, request, "StackPolicy"),
        stack_policy_during_update=document(world, caller, request, "StackPolicyDuringUpdate"),
    )


def document(world: World, caller: Caller, request: Request, member: str) -> str | None:
    """Return the stack policy that a request's member `<member>Body` holds or `<member>URL` points to."""
    body, url = request.get(f"{member}Body"), request.get(f"{member}URL")
    if body is not None and url is not None:
        raise ServiceError("ValidationError", f"You cannot specify both {member}Body and {member}URL")
    text = definitions.fetch(world, caller, url) if url else body
    if text:
        policy.check(text)
    return text
