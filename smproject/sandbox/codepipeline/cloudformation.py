"""The action Deploy/CloudFormation: a stack is created, updated or deleted, in the account of the action's role.

The role needs cloudformation:DescribeStacks, CreateStack, UpdateStack, DeleteStack (for REPLACE_ON_FAILURE and
DELETE_ONLY), iam:PassRole for RoleArn, and to read the artifact store (s3:GetObject, kms:Decrypt); with
cloudformation:DescribeStackEvents, a failure names the resources that failed.
Source: docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CloudFormation.html
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from urllib.parse import quote

from botocore.exceptions import ClientError

from smproject.sandbox.codepipeline.stack_request import stack_request
from smproject.sandbox.codepipeline.work import ActionFailedError, Work, explain
from smproject.sandbox.service import Request

# In these states REPLACE_ON_FAILURE deletes a stack and creates it anew
# (docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/continuous-delivery-codepipeline-action-reference.html).
_FAILED = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", "UPDATE_ROLLBACK_FAILED"}
_NO_CHANGE = "No updates are to be performed"
_NOT_THERE = "does not exist"
_STARTED = "User Initiated"  # the reason in the event with which an operation on a stack begins
_CANCELLED = ("Resource creation cancelled", "Resource update cancelled")  # consequences, no causes


def run(work: Work) -> None:
    """Do what ActionMode says, and wait for its end."""
    _MODES[work.run.configuration["ActionMode"]](_Deployment(work))


class _Deployment:
    """One action's work on its stack."""

    def __init__(self, work: Work) -> None:
        self._work, self._name = work, work.run.configuration["StackName"]
        self._api = work.client("cloudformation")
        self._place = f"stack {self._name} in account {work.credentials.account}"

    def create_update(self) -> None:
        """Create the stack, or update the one that is there, whatever its state."""
        self._submit(stack_request(self._work), self._find(self._name))

    def replace_on_failure(self) -> None:
        """Like `create_update`, but a failed stack is deleted first."""
        request, found = stack_request(self._work), self._find(self._name)
        if found and found["StackStatus"] in _FAILED:
            self._delete(found)
            found = None
        self._submit(request, found)

    def delete_only(self) -> None:
        """Delete the stack; one that is not there is no error."""
        found = self._find(self._name)
        if found:
            self._delete(found)
        self._work.run.summary = f"Stack {self._name} was deleted." if found else f"Stack {self._name} does not exist."

    def _submit(self, request: Request, found: Request | None) -> None:
        verb = "update" if found else "create"
        try:
            made = self._api.update_stack(**request) if found else self._api.create_stack(**request)
        except ClientError as error:
            if not found or _NO_CHANGE not in str(error):
                raise self._refused(verb, error, found) from error
            self._show(found["StackId"])
            self._work.run.summary = f"{_NO_CHANGE} on stack {self._name}."
            self._hand_on(found)
        else:
            self._show(made["StackId"])
            self._hand_on(self._end(made["StackId"], {"CREATE_COMPLETE", "UPDATE_COMPLETE"}))
            self._work.run.summary = f"Stack {self._name} was {verb}d."

    def _delete(self, found: Request) -> None:
        self._show(found["StackId"])
        role = self._work.run.configuration.get("RoleArn")
        try:
            self._api.delete_stack(StackName=found["StackId"], **({"RoleARN": role} if role else {}))
        except ClientError as error:
            raise self._refused("delete", error, found) from error
        self._end(found["StackId"], {"DELETE_COMPLETE"})

    def _find(self, name: str) -> Request | None:
        try:
            found: Request = self._api.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if _NOT_THERE not in str(error):
                raise self._refused("describe", error) from error
            return None
        return found

    def _refused(self, verb: str, error: ClientError, found: Request | None = None) -> ActionFailedError:
        """Say what CloudFormation refused, and why."""
        message = f"CloudFormation refused to {verb} {self._place}: {error.response['Error']['Message']}"
        if found and found["StackStatus"] == "ROLLBACK_COMPLETE":
            message += " Its creation had failed: delete the stack, then retry the stage."
        return ActionFailedError(explain(error).code, message)

    def _show(self, stack_id: str) -> None:
        region, run = self._work.pipeline.region, self._work.run
        run.external_id = stack_id
        console = f"https://{region}.console.aws.amazon.com/cloudformation/home?region={region}"
        run.external_url = f"{console}#/stack/detail?stackId={quote(stack_id, safe='')}"

    def _end(self, stack_id: str, wanted: set[str]) -> Request:
        """Wait for the end of an operation; raises ActionFailedError when it is another than the wanted one."""
        for _ in self._work.polls():
            found: Request = self._api.describe_stacks(StackName=stack_id)["Stacks"][0]
            if not found["StackStatus"].endswith("_IN_PROGRESS"):
                break
        if found["StackStatus"] in wanted:
            return found
        message = f"The {self._place} ended as {found['StackStatus']}. {self._why(stack_id)}"
        raise ActionFailedError("JobFailed", message.strip())

    def _why(self, stack_id: str) -> str:
        """Name the resources that failed, the first cause first."""
        try:
            failed = [event for event in self._events(stack_id) if event["ResourceStatus"].endswith("_FAILED")]
        except ClientError as error:
            return f"Its events, which hold the reasons, could not be read: {error.response['Error']['Message']}"
        told = [
            f"{event['LogicalResourceId']} ({event['ResourceType']}) is {event['ResourceStatus']}: {reason}"
            for event in reversed(failed)
            if not (reason := event.get("ResourceStatusReason", "no reason given")).startswith(_CANCELLED)
        ]
        return "; ".join(told)

    def _events(self, stack_id: str) -> Iterator[Request]:
        """Yield the resources' events of the latest operation on a stack, the newest first."""
        pages = self._api.get_paginator("describe_stack_events").paginate(StackName=stack_id)
        for event in (event for page in pages for event in page["StackEvents"]):
            if event["PhysicalResourceId"] != stack_id:
                yield event
            elif event.get("ResourceStatusReason") == _STARTED:
                return

    def _hand_on(self, stack: Request) -> None:
        """Make the stack's outputs the action's variables and, when it has a name for it, its artifact."""
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        self._work.run.variables = outputs
        name, artifacts = (
            self._work.run.configuration.get("OutputFileName"),
            self._work.run.declaration["outputArtifacts"],
        )
        if name and artifacts:
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(name, json.dumps(outputs))
            self._work.store(artifacts[0]["name"], buffer.getvalue())


_MODES: dict[str, Callable[[_Deployment], None]] = {
    "CREATE_UPDATE": _Deployment.create_update,
    "REPLACE_ON_FAILURE": _Deployment.replace_on_failure,
    "DELETE_ONLY": _Deployment.delete_only,
}
