"""EventBridge schedules, which invoke their targets, and their groups."""

from __future__ import annotations

from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.provider import provides
from smproject.sandbox.cloudformation.simple import Answer
from smproject.sandbox.cloudformation.state_only import StateOnly
from smproject.sandbox.cloudformation.tags import Tagging


@provides
class Schedule(StateOnly):
    """A schedule; its description must show all that was asked for."""

    state_only = False
    type, service = "AWS::Scheduler::Schedule", "scheduler"
    creates, updates, deletes, reads = "CreateSchedule", "UpdateSchedule", "DeleteSchedule", "GetSchedule"
    delete_member, name_property, name_limit, place = "Name", "Name", 64, ("GroupName",)


@provides
class ScheduleGroup(StateOnly):
    """A group of schedules."""

    type, service = "AWS::Scheduler::ScheduleGroup", "scheduler"
    creates, deletes, reads = "CreateScheduleGroup", "DeleteScheduleGroup", "GetScheduleGroup"
    delete_member, name_property, name_limit = "Name", "Name", 64
    tagging = Tagging("ResourceArn")

    def found(self, sent: Properties, answer: Answer) -> Properties:
        """Return attributes, dates as text."""
        return {name: text(value) for name, value in super().found(sent, answer).items()}
