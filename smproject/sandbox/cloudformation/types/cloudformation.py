"""Nested stacks.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-nested-stacks.html
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from smproject.sandbox.cloudformation.api import known
from smproject.sandbox.cloudformation.book import book_of
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.options import Options
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides
from smproject.sandbox.cloudformation.stacks import NESTED, Definition, Stack
from smproject.sandbox.cloudformation.tags import spelled
from smproject.sandbox.service import ServiceError

_POLL_SECONDS = 0.1
_MEMBERS = ("NotificationARNs", "Parameters", "Tags", "TemplateURL", "TimeoutInMinutes")
_GOOD = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
_REVERTED = _GOOD | {"UPDATE_ROLLBACK_COMPLETE"}
_NO_UPDATES = "No updates are to be performed"


@provides
class NestedStack(Provider):
    """A stack in a stack; its outputs are attributes."""

    type = NESTED

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the stack with the parent's credentials and capabilities, and wait for its end."""
        known(properties, *_MEMBERS)
        parent, name = _parent(context), context.name(128)
        timeout = {"TimeoutInMinutes": int(properties["TimeoutInMinutes"])} if "TimeoutInMinutes" in properties else {}
        request = _request(parent, properties) | timeout
        made = _called(context, name, lambda client: client.create_stack(StackName=name, **request))
        context.begun(made["StackId"], {})
        return _ended(context, made["StackId"], "created")

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Update the stack, which may find nothing to change, and wait for its end."""
        known(after, *_MEMBERS)
        parent, child = _parent(context), book_of(context.world).by_id(made.ref)
        request = _request(parent, after)
        if parent.undo:
            parent.undo.nested.setdefault(child.id, child.definition)
        try:
            _called(context, made.ref, lambda client: client.update_stack(StackName=made.ref, **request))
        except ClientError as error:
            if _NO_UPDATES not in str(error):
                raise
            return made
        return _ended(context, made.ref, "updated")

    def revert(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Bring the stack back to what it was when its parent was last stable; one that failed rolls back first."""
        child, parent = book_of(context.world).by_id(made.ref), _parent(context)
        former = parent.undo.nested.get(child.id) if parent.undo else None
        if child.status == "UPDATE_ROLLBACK_FAILED":
            _called(context, made.ref, lambda client: client.continue_update_rollback(StackName=made.ref))
        elif child.status == "UPDATE_FAILED":
            _called(context, made.ref, lambda client: client.rollback_stack(StackName=made.ref))
        found = _ended(context, made.ref, "updated", _REVERTED)
        if former is None or not _begun(context, child, former):
            return found
        return _ended(context, made.ref, "updated", _REVERTED)

    def delete(self, context: Context, made: Made) -> None:
        """Delete the stack and wait for its end."""
        _called(context, made.ref, lambda client: client.delete_stack(StackName=made.ref))
        _ended(context, made.ref, "deleted", {"DELETE_COMPLETE"})


def _parent(context: Context) -> Stack:
    return book_of(context.world).by_id(context.stack_id)


def _begun(context: Context, child: Stack, definition: Definition) -> bool:
    """Begin to bring a nested stack to a definition, for its parent; tell whether there is anything to do."""
    service: Any = context.world.services["cloudformation"]
    parent = _parent(context)
    try:
        service.operations.begin_update(child, definition, parent.owner, parent.role_arn, Options())
    except ServiceError as error:
        if _NO_UPDATES not in error.message:
            raise
        return False
    return True


def _request(parent: Stack, properties: Properties) -> dict[str, Any]:
    """Return what CreateStack and UpdateStack take of a nested stack's properties, and what its parent passes on."""
    parameters = {name: _parameter(value) for name, value in properties.get("Parameters", {}).items()}
    return {
        "TemplateURL": properties["TemplateURL"],
        "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        "Tags": spelled(properties.get("Tags")),
        "NotificationARNs": properties.get("NotificationARNs", []),
        "Capabilities": parent.definition.capabilities,
        "DisableRollback": parent.disables_rollback,
    }


def _parameter(value: Any) -> str:
    return ",".join(map(text, value)) if isinstance(value, list) else text(value)


def _called(context: Context, child: str, call: Callable[[Any], Any]) -> Any:
    """Make a call about a nested stack, which is known to be its parent's."""
    book, parent = book_of(context.world), _parent(context)
    book.expect(parent, child)
    try:
        return call(context.client("cloudformation"))
    finally:
        book.parent_of(context.caller, child)


def _ended(context: Context, child_id: str, verb: str, good: set[str] = _GOOD) -> Made:
    """Wait until a nested stack is at rest; raises ServiceError when that is not as it should be."""
    child = book_of(context.world).by_id(child_id)
    while child.status.endswith("_IN_PROGRESS"):
        if context.halted():
            _give_up(context, child)
        time.sleep(_POLL_SECONDS)
    if child.status not in good:
        message = f"Embedded stack {child.id} was not successfully {verb}: {_why(child)}"
        raise ServiceError("ValidationError", message)
    return Made(child.id, {f"Outputs.{output['OutputKey']}": output["OutputValue"] for output in child.outputs})


def _give_up(context: Context, child: Stack) -> None:
    """Take an update that nobody waits for any more back; a creation is deleted with what its parent has made."""
    if child.status == "CREATE_IN_PROGRESS":
        raise ServiceError("Cancelled", "Resource creation cancelled")
    if child.status == "UPDATE_IN_PROGRESS":
        _called(context, child.id, lambda client: client.cancel_update_stack(StackName=child.id))


def _why(child: Stack) -> str:
    """Return why a nested stack's latest operation failed: the first reason its own events give after its begin."""
    own = [event for event in child.events if event["PhysicalResourceId"] == child.id]
    begun = max(place for place, event in enumerate(own) if event.get("ResourceStatusReason") == "User Initiated")
    reasons = (event.get("ResourceStatusReason", "") for event in own[begun + 1 :])
    found = next(filter(None, reasons), child.reason)
    return found.replace("Rollback requested by user.", "").strip()
