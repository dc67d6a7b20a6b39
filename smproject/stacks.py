"""CloudFormation stacks: create or update one, wait for it, and say readably what went wrong."""

import time
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from smproject.catalog import Template
from smproject.errors import DeploymentError

PREFIX = "sagemaker-project-templates-"
# Stacks of this tool take seconds to a few minutes.
PATIENCE = {"Delay": 0.5, "MaxAttempts": 2400}
# What AWS calls credentials that are no longer valid, and calls that are not allowed; services spell them differently.
EXPIRED = {
    *("ExpiredToken", "ExpiredTokenException", "RequestExpired"),
    *("InvalidClientTokenId", "UnrecognizedClientException"),
}
# What brings a stack back that an update left in between; one that was never made is deleted.
MENDS = {"UPDATE_FAILED": "rollback-stack", "UPDATE_ROLLBACK_FAILED": "continue-update-rollback"}
DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}


@dataclass(frozen=True)
class Stack:
    """A deployed stack: what became of it (created, updated or unchanged), and its outputs."""

    name: str
    result: str
    outputs: Mapping[str, str]


@contextmanager
def refusals(doing: str) -> Iterator[None]:
    """Turn what AWS, or the way to it, refuses into a DeploymentError that says what was being done, and the way on."""
    try:
        yield
    except ClientError as error:
        raise DeploymentError(f"AWS refused to {doing}: {error} {_way_on(error.response['Error']['Code'])}") from error
    except BotoCoreError as error:
        raise DeploymentError(f"AWS refused to {doing}: {error} Check the credentials and try again.") from error


def _way_on(code: str) -> str:
    """What to do about a refusal; whatever was done before it stays, and is not done twice."""
    if code in EXPIRED:
        return "Sign in again, then run the command again: it goes on where it stopped."
    if code in DENIED:
        return "Ask for that permission, or use other credentials, then run the command again."
    return "Mend the cause, then run the command again: it goes on where it stopped."


def stack_name(template: Template, subject: str = "") -> str:
    """Name of the stack that this tool makes of a template; one of several stacks says by `subject` what it is for."""
    return f"{PREFIX}{template.id}-{subject}".rstrip("-")


def deploy(cloudformation: Any, template: Template, parameters: Mapping[str, str], subject: str = "") -> Stack:
    """Create the template's stack, or update it; raises DeploymentError with the resources that failed."""
    name = stack_name(template, subject)
    request = {
        "StackName": name,
        "TemplateBody": template.path.read_text(),
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
    }
    if settled(cloudformation, name) is None:
        # A stack that failed to be created can only be deleted: then the next run starts afresh.
        identifier = cloudformation.create_stack(**request, OnFailure="DELETE")["StackId"]
        _wait(cloudformation, "stack_create_complete", identifier)
        return Stack(name, "created", outputs(cloudformation, name))
    changed = _update(cloudformation, request)
    return Stack(name, "updated" if changed else "unchanged", outputs(cloudformation, name))


def settled(cloudformation: Any, name: str) -> dict[str, Any] | None:
    """Describe a stack once nobody is at work on it: an interrupted run, or another's, may have left it under way.

    Raises DeploymentError for a stack that can neither be updated nor made anew.
    """
    found = find(cloudformation, name)
    deadline = time.monotonic() + PATIENCE["Delay"] * PATIENCE["MaxAttempts"]
    while found and found["StackStatus"].endswith("_IN_PROGRESS") and time.monotonic() < deadline:
        time.sleep(PATIENCE["Delay"])
        found = find(cloudformation, name)
    if found:
        refuse_stuck(found)
    return found


def refuse_stuck(found: Mapping[str, Any]) -> None:
    """Raise DeploymentError for a described stack that can neither be updated nor made anew."""
    name, reason = found["StackName"], found.get("StackStatusReason", "its events say why.")
    if found["StackStatus"].endswith("_FAILED") or found["StackStatus"] == "ROLLBACK_COMPLETE":
        raise DeploymentError(
            f"Stack {name} is {found['StackStatus']} and can't be updated: {reason} "
            f"Run: aws cloudformation {MENDS.get(found['StackStatus'], 'delete-stack')} --stack-name {name}; "
            "then run the command again."
        )


def find(cloudformation: Any, name: str) -> dict[str, Any] | None:
    """Describe a stack, or None when there is none of that name."""
    try:
        found: dict[str, Any] = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        # CloudFormation has no error code of its own for a stack that isn't there.
        if "does not exist" in str(error):
            return None
        raise
    return found


def outputs(cloudformation: Any, name: str) -> dict[str, str]:
    """Outputs of a stack; raises DeploymentError when there is none of that name."""
    stack = find(cloudformation, name)
    if stack is None:
        raise DeploymentError(f"There is no stack {name} in this account and Region. Run: smproject publish")
    return outputs_of(stack)


def outputs_of(stack: Mapping[str, Any]) -> dict[str, str]:
    """Outputs of a described stack by name."""
    return {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}


def parameters(cloudformation: Any, name: str) -> dict[str, str]:
    """Parameters that a stack was given, defaults included; none when there is no such stack."""
    return parameters_of(find(cloudformation, name) or {})


def parameters_of(stack: Mapping[str, Any]) -> dict[str, str]:
    """Parameters of a described stack by name."""
    return {item["ParameterKey"]: item["ParameterValue"] for item in stack.get("Parameters", [])}


def _update(cloudformation: Any, request: Mapping[str, Any]) -> bool:
    """Update a stack; False when it is as requested already."""
    try:
        identifier = cloudformation.update_stack(**request)["StackId"]
    except ClientError as error:
        # Nor one for a stack that has nothing to change.
        if "No updates are to be performed" in str(error):
            return False
        raise
    _wait(cloudformation, "stack_update_complete", identifier)
    return True


def _wait(cloudformation: Any, state: str, identifier: str) -> None:
    try:
        cloudformation.get_waiter(state).wait(StackName=identifier, WaiterConfig=PATIENCE)
    except WaiterError as error:
        found = "\n".join(f"  {line}" for line in failures(events(cloudformation, identifier))) or f"  {error}"
        raise DeploymentError(
            f"Stack {identifier.split('/')[1]} failed:\n{found}\nMend the cause, then run the command again."
        ) from error


def events(cloudformation: Any, name: str, seen: Container[str] = ()) -> list[dict[str, Any]]:
    """Events of a stack, the oldest first; only those that are newer than any in `seen`, which holds their ids."""
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=name)
    newest_first = (event for page in pages for event in page["StackEvents"])
    return list(takewhile(lambda event: event["EventId"] not in seen, newest_first))[::-1]


def failures(events: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the resources that failed of themselves, in the order of the events."""
    for event in events:
        reason = event.get("ResourceStatusReason", "")
        # What is cancelled failed only because something else did.
        if event["ResourceStatus"].endswith("_FAILED") and "cancelled" not in reason:
            yield f"{event['LogicalResourceId']} ({event['ResourceType']}): {reason}"
