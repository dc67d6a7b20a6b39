"""What CloudFormation remembers of a stack."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from smproject.sandbox.cloudformation.provider import Made
from smproject.sandbox.service import Caller, now

NESTED = "AWS::CloudFormation::Stack"


def default_policy(kind: str, declared: dict[str, Any]) -> str:
    """Return what becomes of a resource that says nothing of it: databases leave a snapshot.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
    """
    type_, properties = declared.get("Type"), declared.get("Properties") or {}
    alone = type_ == "AWS::RDS::DBInstance" and "DBClusterIdentifier" not in properties
    return "Snapshot" if kind == "DeletionPolicy" and (alone or type_ == "AWS::RDS::DBCluster") else "Delete"


@dataclass
class Resource:
    """A resource of a stack; `made` is None until it exists, `properties` are those it was made with.

    `shown` is those properties as JSON, without secrets, for the stack's events.
    """

    logical_id: str
    type: str
    declared: dict[str, Any]
    status: str = "CREATE_IN_PROGRESS"
    reason: str = ""
    made: Made | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    updated: datetime = field(default_factory=now)
    shown: str = ""
    drift: dict[str, Any] = field(default_factory=dict)  # as DescribeStackResourceDrifts shows it

    def policy(self, kind: str) -> str:
        """Return what is to become of the resource: its DeletionPolicy or UpdateReplacePolicy."""
        return str(self.declared.get(kind, default_policy(kind, self.declared)))

    @property
    def exists(self) -> bool:
        """Tell whether there is something to be deleted."""
        return self.made is not None and self.status != "DELETE_COMPLETE"


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
class Undo:
    """What a stack was when it was last stable, and what has been done to it since.

    `definition` is None where it never was: it is being created. `touched` are the resources changed in place,
    `superseded` those that were replaced, oldest first, as they were then. Once it is being taken back, `reached` tells
    what became of the former resources, `discarded` what else was made, `reverted` what is as it was. `nested` are the
    former definitions of nested stacks, by their ids.
    """

    definition: Definition | None = None
    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: list[dict[str, str]] = field(default_factory=list)
    imports: set[str] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)
    superseded: list[Resource] = field(default_factory=list)
    reached: dict[str, Resource] = field(default_factory=dict)
    discarded: list[Resource] = field(default_factory=list)
    reverted: set[str] = field(default_factory=set)
    nested: dict[str, Definition] = field(default_factory=dict)


@dataclass(eq=False)
class Stack:
    """A stack; `owner` is who acts for it, `undo` is kept from the start of an operation until it has ended well.

    `token` and `operation` belong to the operation under way or just ended, `tokens` tells what each token was for.
    """

    name: str
    id: str
    owner: Caller
    definition: Definition
    on_failure: str = "ROLLBACK"
    role_arn: str = ""
    status: str = "CREATE_IN_PROGRESS"
    reason: str = ""
    created: datetime = field(default_factory=now)
    updated: datetime | None = None
    deleted: datetime | None = None
    parent: str = ""
    root: str = ""
    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: list[dict[str, str]] = field(default_factory=list)
    imports: set[str] = field(default_factory=set)
    events: list[dict[str, Any]] = field(default_factory=list)
    published: int = 0  # how many of the events were told to `notification_arns`
    undo: Undo | None = None
    timeout_minutes: int | None = None
    retain_except_on_create: bool = False
    notification_arns: list[str] = field(default_factory=list)
    termination_protection: bool = False
    deletion_mode: str = ""
    policy: str = ""
    policy_during_update: str = ""
    rollback_configuration: dict[str, Any] = field(default_factory=dict)
    token: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    operations: list[dict[str, str]] = field(default_factory=list)
    change_set_id: str = ""  # the one that made it, or updated it last
    drift: dict[str, Any] = field(default_factory=dict)  # as DescribeStacks shows it
    awaited: dict[str, dict[str, str]] = field(default_factory=dict)  # by logical id: the signals so far, by their ids
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def disables_rollback(self) -> bool:
        """Tell whether a failure leaves everything as far as it came."""
        return self.on_failure == "DO_NOTHING"

    def begin(self, operation: str, status: str, token: str = "") -> None:
        """Begin an operation such as UPDATE_STACK on a user's behalf."""
        self.token, self.awaited = token, {}
        self.tokens |= {token: operation} if token else {}
        self.operations.append({"OperationType": operation, "OperationId": str(uuid.uuid4())})
        self.move(status, "User Initiated")

    def move(self, status: str, reason: str = "") -> None:
        """Change the stack's status and record the event."""
        self._event(self.name, self.id, NESTED, status, reason)
        self.status, self.reason = status, reason  # last: who sees the status finds its event

    def move_resource(self, resource: Resource, status: str, reason: str = "") -> None:
        """Change a resource's status and record the event."""
        resource.status, resource.reason, resource.updated = status, reason, now()
        physical_id = resource.made.ref if resource.made else ""
        self._event(resource.logical_id, physical_id, resource.type, status, reason, resource.shown)

    def _event(  # noqa: PLR0913, PLR0917 - an event's members
        self, logical_id: str, physical_id: str, type_: str, status: str, reason: str, properties: str = ""
    ) -> None:
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
        also = {
            "ResourceStatusReason": reason,
            "ResourceProperties": properties,
            "ClientRequestToken": self.token,
            "OperationId": self.operations[-1]["OperationId"] if self.operations else "",
        }
        self.events.append(event | {name: value for name, value in also.items() if value})
