"""EventBridge's buses, their policies and archives."""

from __future__ import annotations

import json
from typing import Any

from smproject.sandbox.cloudformation.api import Setting, call
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides
from smproject.sandbox.cloudformation.simple import Simple, document
from smproject.sandbox.cloudformation.tags import Tagging

_NAMES = {"SourceArn": "EventSourceArn", "Arn": "ArchiveArn"}
_POLICY = {"Policy": Setting("PutPermission", lambda policy: {"Policy": document(policy)}, default={"Statement": []})}


@provides
class EventBus(Simple):
    """An event bus with its policy."""

    type, service, name_property = "AWS::Events::EventBus", "events", "Name"
    creates, updates, deletes = "CreateEventBus", "UpdateEventBus", "DeleteEventBus"
    delete_member, reads, tagging, settings = "Name", "DescribeEventBus", Tagging("ResourceARN"), _POLICY

    def target(self, made: Made) -> Properties:
        """Name the bus, as deletion and permissions do."""
        return {"EventBusName": made.ref}

    def delete(self, context: Context, made: Made) -> None:
        """Delete the bus, which must have no rules."""
        context.client("events").delete_event_bus(Name=made.ref)


@provides
class EventBusPolicy(Provider):
    """A statement of a bus's policy."""

    type = "AWS::Events::EventBusPolicy"

    def create(self, context: Context, properties: Properties) -> Made:
        """Put the statement, given as a whole or by its parts."""
        bus, name = properties.get("EventBusName", "default"), properties["StatementId"]
        events = context.client("events")
        if "Statement" in properties:
            events.put_permission(EventBusName=bus, Policy=_merged(events, bus, properties))
        else:
            call(events, "PutPermission", properties)
        return Made(f"{bus}|{name}", {"_bus": bus, "_statement": name})

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Put the new statement in the old one's place."""
        return self.create(context, after)

    def delete(self, context: Context, made: Made) -> None:
        """Remove the statement."""
        events = context.client("events")
        try:
            events.remove_permission(EventBusName=made.attributes["_bus"], StatementId=made.attributes["_statement"])
        except events.exceptions.ResourceNotFoundException:
            return


def _merged(events: Any, bus: str, properties: Properties) -> str:
    """Return a bus's policy with a statement put into it."""
    found = events.describe_event_bus(Name=bus).get("Policy")
    others = json.loads(found)["Statement"] if found else []
    kept = [each for each in others if each["Sid"] != properties["StatementId"]]
    statement = properties["Statement"] | {"Sid": properties["StatementId"]}
    return json.dumps({"Version": "2012-10-17", "Statement": [*kept, statement]})


@provides
class Archive(Simple):
    """An archive of a bus's events."""

    type, service, name_property, name_limit = "AWS::Events::Archive", "events", "ArchiveName", 48
    creates, updates, deletes = "CreateArchive", "UpdateArchive", "DeleteArchive"
    delete_member, documents, members = "ArchiveName", ("EventPattern",), _NAMES
