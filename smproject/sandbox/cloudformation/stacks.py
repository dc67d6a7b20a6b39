"""What CloudFormation remembers of a stack."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from smproject.sandbox.cloudformation.provider import Made
from smproject.sandbox.service import Caller, now

if TYPE_CHECKING:
    from smproject.sandbox.cloudformation.rollback import Update


@dataclass
class Resource:
    """A resource of a stack; `made` is None until it exists, `properties` are those it was made with."""

    logical_id: str
    type: str
    declared: dict[str, Any]
    status: str = "CREATE_IN_PROGRESS"
    reason: str = ""
    made: Made | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    updated: datetime = field(default_factory=now)

    def policy(self, kind: str) -> str:
        """Return what is to become of the resource: its DeletionPolicy or UpdateReplacePolicy."""
        return str(self.declared.get(kind, "Delete"))

    def describe(self) -> dict[str, Any]:
        """Return the members that DescribeStackResources, ListStackResources and stack events share."""
        return {
            "LogicalResourceId": self.logical_id,
            "PhysicalResourceId": self.made.ref if self.made else "",
            "ResourceType": self.type,
            "ResourceStatus": self.status,
            **({"ResourceStatusReason": self.reason} if self.reason else {}),
        }


@dataclass(frozen=True)
class Definition:
    """What a stack is to be: its template, as text and as read; parameters as given and as they came out; tags."""

    text: str
    template: dict[str, Any]
    parameters: dict[str, str]
    values: dict[str, Any]
    tags: dict[str, str]
    capabilities: list[str]

    def given(self, name: str) -> str | None:
        """Return the value that a parameter was given, or its default; None when there is no such parameter."""
        spec = self.template.get("Parameters", {}).get(name)
        return None if spec is None else self.parameters.get(name, spec.get("Default"))


@dataclass
class Stack:
    """A stack; `owner` is who acts for it."""

    name: str
    id: str
    owner: Caller
    definition: Definition
    on_failure: str
    role_arn: str = ""
    status: str = "CREATE_IN_PROGRESS"
    reason: str = ""
    created: datetime = field(default_factory=now)
    updated: datetime | None = None
    deleted: datetime | None = None
    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: list[dict[str, str]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    stuck: Update | None = None  # whose rollback failed
    lock: threading.Lock = field(default_factory=threading.Lock)

    def move(self, status: str, reason: str = "") -> None:
        """Change the stack's status and record the event."""
        self._event(self.name, self.id, "AWS::CloudFormation::Stack", status, reason)
        self.status, self.reason = status, reason  # last: who sees the status finds its event

    def move_resource(self, resource: Resource, status: str, reason: str = "") -> None:
        """Change a resource's status and record the event."""
        resource.status, resource.reason, resource.updated = status, reason, now()
        self._event(resource.logical_id, resource.made.ref if resource.made else "", resource.type, status, reason)

    def _event(self, logical_id: str, physical_id: str, type_: str, status: str, reason: str) -> None:
        event = {
            "StackId": self.id,
            "StackName": self.name,
            "EventId": str(uuid.uuid4()),
            "Timestamp": now(),
            "LogicalResourceId": logical_id,
            "PhysicalResourceId": physical_id,
            "ResourceType": type_,
            "ResourceStatus": status,
        }
        self.events.append(event | ({"ResourceStatusReason": reason} if reason else {}))
