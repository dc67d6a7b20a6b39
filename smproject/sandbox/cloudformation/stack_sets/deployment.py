"""Bringing one instance about: its stack is made, updated or deleted by calls to CloudFormation in its account."""

from __future__ import annotations

import time
import uuid
from typing import Any

from botocore.exceptions import ClientError

from smproject.sandbox.cloudformation.stack_sets import access
from smproject.sandbox.cloudformation.stack_sets.records import Instance, Operation, StackSet
from smproject.sandbox.service import ServiceError, now
from smproject.sandbox.world import World

_SECONDS = 0.2  # between two looks at a stack that changes
_UNMADE = {"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"}  # these can only be deleted


class Deployment:
    """The instances of a set, acted on with the credentials of their accounts."""

    def __init__(self, world: World, stack_set: StackSet, operation: Operation) -> None:
        self.world, self.set, self.operation = world, stack_set, operation

    def perform(self, instance: Instance) -> None:
        """Do to an instance what the operation is for; raises ServiceError or ClientError where that fails."""
        if self.operation.action == "DELETE":
            if instance.stack_id and not self.operation.retains:
                self._delete(self._client(instance), instance)
        elif self.operation.action == "DETECT_DRIFT":
            self._detect(self._client(instance), instance)
        else:
            self._bring(self._client(instance), instance)

    def _client(self, instance: Instance) -> Any:
        found = access.credentials(self.world, self.set, instance.account)
        return self.world.client("cloudformation", found, instance.region)

    def _bring(self, client: Any, instance: Instance) -> None:
        """Make the stack, or update the one there is; one that was never made whole is made anew."""
        status = _status(client, instance.stack_id) if instance.stack_id else "DELETE_COMPLETE"
        if status in _UNMADE:
            self._delete(client, instance)
            status = "DELETE_COMPLETE"
        if status == "DELETE_COMPLETE":
            name = f"StackSet-{self.set.name}-{uuid.uuid4()}"
            instance.stack_id = client.create_stack(StackName=name, **self._definition(instance))["StackId"]
        elif not self._begin_update(client, instance):
            return
        ended = _ended(client, instance.stack_id)
        if ended not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            raise ServiceError("StackFailed", _reason(client, instance.stack_id, ended))

    def _begin_update(self, client: Any, instance: Instance) -> bool:
        """Begin to update the stack; tell whether there is anything to be updated."""
        try:
            client.update_stack(StackName=instance.stack_id, **self._definition(instance))
        except ClientError as error:
            if "No updates are to be performed" in error.response["Error"]["Message"]:
                return False
            raise
        return True

    def _definition(self, instance: Instance) -> dict[str, Any]:
        values = self.set.parameters | instance.overrides
        return {
            **self.set.template,
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()],
            "Capabilities": self.set.capabilities,
            "Tags": [{"Key": key, "Value": value} for key, value in self.set.tags.items()],
        }

    def _delete(self, client: Any, instance: Instance) -> None:
        client.delete_stack(StackName=instance.stack_id)
        ended = _ended(client, instance.stack_id)
        if ended != "DELETE_COMPLETE":
            raise ServiceError("StackFailed", _reason(client, instance.stack_id, ended))

    def _detect(self, client: Any, instance: Instance) -> None:
        """Detect the drift of the stack."""
        begun = client.detect_stack_drift(StackName=instance.stack_id)["StackDriftDetectionId"]
        found = client.describe_stack_drift_detection_status(StackDriftDetectionId=begun)
        while found["DetectionStatus"] == "DETECTION_IN_PROGRESS":
            time.sleep(_SECONDS)
            found = client.describe_stack_drift_detection_status(StackDriftDetectionId=begun)
        instance.drift, instance.drift_checked = found["StackDriftStatus"], now()
        if found["DetectionStatus"] == "DETECTION_FAILED":
            raise ServiceError("StackFailed", found["DetectionStatusReason"])


def _status(client: Any, stack_id: str) -> str:
    return str(client.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"])


def _ended(client: Any, stack_id: str) -> str:
    while (status := _status(client, stack_id)).endswith("_IN_PROGRESS"):
        time.sleep(_SECONDS)
    return status


def _reason(client: Any, stack_id: str, status: str) -> str:
    """Return why a stack failed: its first resource that did, of the latest events."""
    events = client.describe_stack_events(StackName=stack_id)["StackEvents"]
    latest: list[dict[str, Any]] = []
    for event in events:  # newest first
        if event.get("ResourceStatusReason") == "User Initiated":
            break
        latest.append(event)
    failed = [event for event in latest if event["ResourceStatus"].endswith("_FAILED")]
    if not failed:
        return f"Stack {stack_id} is in status {status}"
    first = failed[-1]
    return (
        f"ResourceLogicalId:{first['LogicalResourceId']}, ResourceType:{first['ResourceType']}, "
        f"ResourceStatusReason:{first.get('ResourceStatusReason', '')}."
    )
