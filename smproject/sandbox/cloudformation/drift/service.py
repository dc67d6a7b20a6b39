"""The operations that detect drift and tell what was found."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from smproject.sandbox.cloudformation import dynamic, schemas
from smproject.sandbox.cloudformation.book import Book
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.drift import readers
from smproject.sandbox.cloudformation.drift.comparison import differences
from smproject.sandbox.cloudformation.drift.reader import READERS
from smproject.sandbox.cloudformation.stacks import Resource, Stack
from smproject.sandbox.service import INTERRUPTED, Caller, Request, ServiceError, now, page
from smproject.sandbox.world import World

readers.load()

_DETECTABLE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"}
_DRIFTED = {"MODIFIED", "DELETED"}


@dataclass
class Detection:
    """One detection of a stack's drift."""

    stack: Stack
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "DETECTION_IN_PROGRESS"
    reason: str = ""
    result: str = ""
    drifted: int = 0
    time: datetime = field(default_factory=now)


class Drift:
    """DetectStackDrift, DetectStackResourceDrift and the descriptions of what they found."""

    def __init__(self, world: World, book: Book) -> None:
        self.world, self.book = world, book
        self.detections: dict[str, Detection] = {}

    def detect_stack_drift(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Compare a stack's resources, or the named ones, in the background, as the caller."""
        stack = self._stack(caller, request)
        names = request.get("LogicalResourceIds") or list(stack.resources)
        checked = [_resource(stack, name) for name in names]
        detection = Detection(stack)
        self.detections[detection.id] = detection
        self.world.background(f"drift of {stack.name}", lambda: self._detect(caller, detection, checked))
        return {"StackDriftDetectionId": detection.id}

    def describe_stack_drift_detection_status(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Tell how far a detection has come, and what it found."""
        wanted = request["StackDriftDetectionId"]
        found = self.detections.get(wanted)
        if found is None or not caller.owns(found.stack.id):
            raise ServiceError("ValidationError", f"Stack Drift Detection Operation with id {wanted} does not exist")
        shown = {
            "StackId": found.stack.id,
            "StackDriftDetectionId": found.id,
            "DetectionStatus": found.status,
            "Timestamp": found.time,
        }
        ended = {"StackDriftStatus": found.result, "DriftedStackResourceCount": found.drifted} if found.result else {}
        return shown | ended | ({"DetectionStatusReason": found.reason} if found.reason else {})

    def describe_stack_resource_drifts(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return what the latest detection found of each resource that it checked."""
        stack, wanted = self.book.find(caller, request["StackName"]), request.get("StackResourceDriftStatusFilters")
        found = [resource.drift for resource in list(stack.resources.values()) if resource.drift]
        found = [drift for drift in found if not wanted or drift["StackResourceDriftStatus"] in wanted]
        return page(found, request, "StackResourceDrifts")

    def detect_stack_resource_drift(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Compare one resource."""
        stack = self._stack(caller, request)
        resource = _resource(stack, request["LogicalResourceId"])
        self._check(caller, stack, resource)
        return {"StackResourceDrift": resource.drift}

    def resume(self) -> None:
        """Fail the detections that a stop of the sandbox has cut off."""
        for found in self.detections.values():
            if found.status == "DETECTION_IN_PROGRESS":
                found.status, found.reason = "DETECTION_FAILED", INTERRUPTED

    def _stack(self, caller: Caller, request: Request) -> Stack:
        stack = self.book.find(caller, request["StackName"])
        if stack.status not in _DETECTABLE:
            message = f"Drift detection cannot be performed on stack {stack.id} while in status {stack.status}"
            raise ServiceError("ValidationError", message)
        return stack

    def _detect(self, caller: Caller, detection: Detection, checked: list[Resource]) -> None:
        stack = detection.stack
        for resource in checked:
            self._check(caller, stack, resource)
        found = [resource.drift.get("StackResourceDriftStatus") for resource in list(stack.resources.values())]
        detection.drifted = sum(status in _DRIFTED for status in found)
        failed = [r.logical_id for r in checked if r.drift["StackResourceDriftStatus"] == "UNKNOWN"]
        detection.result = "DRIFTED" if detection.drifted else "UNKNOWN" if failed else "IN_SYNC"
        stack.drift = {"StackDriftStatus": detection.result, "LastCheckTimestamp": now()}
        if failed:
            detection.reason = f"Failed to detect drift on resource [{', '.join(failed)}]"
        detection.status = "DETECTION_FAILED" if failed else "DETECTION_COMPLETE"

    def _check(self, caller: Caller, stack: Stack, resource: Resource) -> None:
        """Compare a resource with its template, and remember what was found."""
        drift = {
            "StackId": stack.id,
            "LogicalResourceId": resource.logical_id,
            "PhysicalResourceId": resource.made.ref if resource.made else "",
            "ResourceType": resource.type,
            "PropertyDifferences": [],
            "Timestamp": now(),
        }
        try:
            drift |= self._found(caller, resource)
        except (BotoCoreError, ClientError) as error:
            drift |= {"StackResourceDriftStatus": "UNKNOWN", "DriftStatusReason": str(error)}
        resource.drift = drift

    def _found(self, caller: Caller, resource: Resource) -> dict[str, Any]:
        reader = READERS.get(resource.type)
        if reader is None or resource.made is None:
            return {"StackResourceDriftStatus": "NOT_CHECKED"}
        expected = reader.covered(_readable(resource))
        client = self.world.client(reader.service, caller.credentials, caller.region)
        actual = reader.read(client, resource.made, expected)
        shown = {"ExpectedProperties": json.dumps(expected, default=str)}
        if actual is None:
            return shown | {"StackResourceDriftStatus": "DELETED"}
        found = differences(resource.type, expected, actual)
        return shown | {
            "ActualProperties": json.dumps(actual, default=str),
            "PropertyDifferences": found,
            "StackResourceDriftStatus": "MODIFIED" if found else "IN_SYNC",
        }


def _readable(resource: Resource) -> Properties:
    """Return the properties that a template gives a resource, without those that nobody can read back.

    Nor are dynamic references compared.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-ssm.html
    """
    declared, given = schemas.find(resource.type) or {}, resource.declared.get("Properties") or {}
    hidden = {path[0] for path in schemas.paths(declared, "writeOnlyProperties") if len(path) == 1}
    hidden |= {name for name, value in given.items() if any(dynamic.found(value))}
    return {name: value for name, value in resource.properties.items() if name not in hidden}


def _resource(stack: Stack, name: str) -> Resource:
    if name not in stack.resources:
        raise ServiceError("ValidationError", f"Resource {name} does not exist for stack {stack.name}")
    return stack.resources[name]
