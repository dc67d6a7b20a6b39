"""What CloudFormation remembers of a change set."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from smproject.sandbox.cloudformation.stacks import Definition, Stack
from smproject.sandbox.service import now

_ENDED = {"CREATE_COMPLETE": "EXECUTE_COMPLETE", "UPDATE_COMPLETE": "EXECUTE_COMPLETE"}


@dataclass
class ChangeSet:
    """A change set of a stack; `changes` are as DescribeChangeSet shows them, with property values.

    `basis` is when the stack had last been updated: a stack updated since makes the change set obsolete.
    `begun` is how many events the stack had when the change set was executed.
    """

    name: str
    id: str
    type: str
    stack: Stack
    definition: Definition
    role_arn: str
    description: str
    on_stack_failure: str
    notification_arns: list[str] | None
    rollback_configuration: dict[str, Any] | None
    basis: datetime | None
    created: datetime = field(default_factory=now)
    status: str = "CREATE_PENDING"
    reason: str = ""
    changes: list[dict[str, Any]] = field(default_factory=list)
    begun: int | None = None
    token: str = ""
    deleted: bool = False

    @property
    def execution(self) -> str:
        """Return the execution status."""
        if self.begun is not None:
            return self._outcome(self.stack.events[self.begun :])
        if self.status != "CREATE_COMPLETE":
            return "UNAVAILABLE"
        in_review = self.stack.status == "REVIEW_IN_PROGRESS"
        current = in_review if self.type == "CREATE" else self.stack.updated == self.basis
        return "AVAILABLE" if current else "OBSOLETE"

    def _outcome(self, events: list[dict[str, Any]]) -> str:
        """Read how the execution ended out of the stack's own first event that is an end."""
        own = (event["ResourceStatus"] for event in events if event["PhysicalResourceId"] == self.stack.id)
        ended = next((status for status in own if not status.endswith("_IN_PROGRESS")), "")
        return _ENDED.get(ended, "EXECUTE_FAILED") if ended else "EXECUTE_IN_PROGRESS"
