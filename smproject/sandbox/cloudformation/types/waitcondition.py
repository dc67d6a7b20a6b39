"""Wait conditions: a stack waits until signals have come to a presigned URL.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-waitcondition.html
"""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from smproject.sandbox.cloudformation.api import NotUpdatableError, known
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.custom import mailbox
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides
from smproject.sandbox.cloudformation.resource_policies import SIGNALLED
from smproject.sandbox.service import ServiceError

_MOST_SECONDS = 43_200
_POLL_SECONDS = 0.1


@provides
class WaitConditionHandle(Provider):
    """A URL for signals: `Ref` returns it."""

    type = "AWS::CloudFormation::WaitConditionHandle"

    def create(self, context: Context, properties: Properties) -> Made:
        """Presign a URL of its own."""
        known(properties)
        key = f"{context.stack_id}/{uuid.uuid4()}/{context.logical_id}"
        return Made(mailbox(context).url("put_object", key, _MOST_SECONDS))

    def delete(self, context: Context, made: Made) -> None:
        """Forget the signals."""
        box = mailbox(context)
        box.forget(box.key_of(made.ref))


@provides
class WaitCondition(Provider):
    """Waits for signals. It can't be changed; a stack that needs to wait again has another one."""

    type, obeys = "AWS::CloudFormation::WaitCondition", SIGNALLED

    def create(self, context: Context, properties: Properties) -> Made:
        """Wait until so many signals of success with different ids have come, or one of failure, or the time is up.

        One with a CreationPolicy has no handle: the signals come by SignalResource.
        """
        known(properties, "Handle", "Timeout", "Count")
        ref = f"{context.stack_id}/{context.logical_id}"
        if "ResourceSignal" in context.policy and not properties:
            return Made(ref, {"Data": "{}"})  # it waits by its policy
        if missing := {"Handle", "Timeout"} - set(properties):
            raise ValueError(f"Property {min(missing)} cannot be empty.")
        box, count = mailbox(context), int(properties.get("Count", 1))
        key = box.key_of(str(properties["Handle"]))
        if not key:
            raise ValueError(
                f"Handle is not the Ref of an AWS::CloudFormation::WaitConditionHandle: {properties['Handle']}"
            )
        deadline = time.monotonic() + min(int(properties["Timeout"]), _MOST_SECONDS)
        while len(found := _signals(box.received(key))) < count:
            if context.halted():
                raise ServiceError("Cancelled", "Resource creation cancelled")
            if time.monotonic() > deadline:
                raise ValueError(f"WaitCondition timed out. Received {len(found)} conditions when expecting {count}")
            time.sleep(_POLL_SECONDS)
        return Made(ref, {"Data": json.dumps(found)})

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Refuse: AWS does not update wait conditions."""
        if changed(before, after):
            raise NotUpdatableError("Update to resource type AWS::CloudFormation::WaitCondition is not supported.")
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Nothing is left of it."""


def _signals(received: list[bytes]) -> dict[str, str]:
    """Return the signals of success: the data of each id. Raises ValueError for one of failure; others don't count."""
    found: dict[str, str] = {}
    for content in received:
        signal = _read(content)
        if signal.get("Status") == "FAILURE":
            who, why = signal.get("UniqueId"), signal.get("Reason", "")
            raise ValueError(f"WaitCondition received failed message: '{why}' for uniqueId: {who}")
        if signal.get("Status") == "SUCCESS" and signal.get("UniqueId"):
            found.setdefault(str(signal["UniqueId"]), str(signal.get("Data", "")))
    return found


def _read(content: bytes) -> dict[str, Any]:
    """Return a signal; an empty one for what is none."""
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
