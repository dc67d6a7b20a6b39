"""What CloudFormation remembers of a stack."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from smproject.sandbox.cloudformation.provider import Made
from smproject.sandbox.service import Caller, now


@dataclass
class Resource:
    """A resource of a stack; `made` is None until it exists."""

    logical_id: str
    type: str
    deletion_policy: str
    status: str = "CREATE_IN_PROGRESS"
    reason: str = ""
    made: Made | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    updated: datetime = field(default_factory=now)

    def describe(self) -> dict[str, Any]:
        """Return the members that DescribeStackResources, ListStackResources and stack events share."""
        return {
            "LogicalResourceId": self.logical_id,
            "PhysicalResourceId": self.made.ref if self.made else "",
            "ResourceType": self.type,
            "ResourceStatus": self.status,
            **({"ResourceStatusReason": self.reason} if self.reason else {}),
        }


@dataclass
class Stack:
    """A stack; `owner` is who acts for it."""

    name: str
    id: str
    owner: Caller
    text: str
    template: dict[str, Any]
    parameters: dict[str, str]
    values: dict[str, Any]
    tags: dict[str, str]
    capabilities: list[str]
    on_failure: str
    role_arn: str = ""
    status: str = "CREATE_IN_PROGRESS"
    reason: str = ""
    created: datetime = field(default_factory=now)
    deleted: datetime | None = None
    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: list[dict[str, str]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
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
