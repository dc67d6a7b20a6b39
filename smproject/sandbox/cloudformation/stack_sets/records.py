"""What CloudFormation remembers of a stack set, its instances and the operations on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from smproject.sandbox.service import now

SELF_MANAGED, SERVICE_MANAGED = "SELF_MANAGED", "SERVICE_MANAGED"
Place = tuple[str, str]  # account and region


@dataclass
class Instance:
    """A stack of a set in one account and region; `unit` is the organizational unit through which it is meant."""

    account: str
    region: str
    unit: str = ""
    overrides: dict[str, str] = field(default_factory=dict)
    stack_id: str = ""
    status: str = "OUTDATED"
    detailed: str = "PENDING"
    reason: str = ""
    operation: str = ""
    drift: str = "NOT_CHECKED"
    drift_checked: datetime | None = None

    @property
    def place(self) -> Place:
        """Return the account and region."""
        return self.account, self.region


@dataclass
class Result:
    """How an operation went for one instance."""

    account: str
    region: str
    unit: str = ""
    status: str = "PENDING"
    reason: str = ""


@dataclass
class Operation:
    """What is done to several instances of a set; `targets` and `preferences` are as the request has them."""

    id: str
    action: str
    preferences: dict[str, Any]
    targets: dict[str, Any] = field(default_factory=dict)
    retains: bool = False
    status: str = "RUNNING"
    reason: str = ""
    created: datetime = field(default_factory=now)
    ended: datetime | None = None
    results: dict[Place, Result] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Tell whether it has not ended yet."""
        return self.status in {"RUNNING", "STOPPING"}

    def end(self, status: str, reason: str = "") -> None:
        """End the operation."""
        self.ended, self.reason, self.status = now(), reason, status


@dataclass
class StackSet:
    """A stack set; `template` holds TemplateBody, or TemplateURL where the body is too large for a request."""

    name: str
    id: str
    account: str
    region: str
    model: str
    text: str
    template: dict[str, str]
    parameters: dict[str, str]
    declared: dict[str, Any]
    capabilities: list[str]
    tags: dict[str, str]
    description: str
    administration: str
    execution: str
    auto_deployment: dict[str, Any]
    status: str = "ACTIVE"
    instances: dict[Place, Instance] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)
    units: list[str] = field(default_factory=list)

    @property
    def arn(self) -> str:
        """Return the set's ARN."""
        return f"arn:aws:cloudformation:{self.region}:{self.account}:stackset/{self.id}"

    @property
    def open_operation(self) -> Operation | None:
        """Return the operation that has not ended yet."""
        return next((operation for operation in self.operations if operation.is_open), None)
