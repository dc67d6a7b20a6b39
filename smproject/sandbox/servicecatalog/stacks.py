"""The stacks behind provisioned products: made, changed and deleted with the launch role's rights, or the caller's."""

from __future__ import annotations

import json
import time
from typing import Any

from botocore.exceptions import ClientError

from smproject.sandbox.moto_seam import Credentials
from smproject.sandbox.service import ServiceError, told
from smproject.sandbox.servicecatalog.launches import Provisioned
from smproject.sandbox.servicecatalog.products import keep
from smproject.sandbox.servicecatalog.state import State
from smproject.sandbox.world import World

_POLL_SECONDS = 0.1
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
Parameters = list[dict[str, Any]]


class UpdateRolledBackError(ServiceError):
    """An update that was taken back: the product is still what it was."""


def create(state: State, made: Provisioned, parameters: Parameters) -> None:
    """Create a product's stack and wait for it; raises ServiceError with the reason when it fails."""
    client = _client(state.world, made)
    topics = _topics(state, made)
    made.stack_id = client.create_stack(
        StackName=_name(made),
        **_wanted(state, made, parameters),
        **({"NotificationARNs": topics} if topics else {}),
    )["StackId"]
    _wait(client, made.stack_id, "CREATE_COMPLETE")


def update(state: State, made: Provisioned, parameters: Parameters) -> None:
    """Bring a product's stack to its version, parameters and tags; one that is there already is left alone."""
    client = _client(state.world, made)
    try:
        client.update_stack(StackName=made.stack_id, **_wanted(state, made, parameters))
    except ClientError as error:
        if "No updates are to be performed" not in told(error)[1]:
            raise
        return
    _wait(client, made.stack_id, "UPDATE_COMPLETE")


def delete(state: State, made: Provisioned) -> None:
    """Delete a product's stack, if there is one."""
    if made.stack_id:
        client = _client(state.world, made)
        client.delete_stack(StackName=made.stack_id)
        _wait(client, made.stack_id, "DELETE_COMPLETE")


def find(state: State, made: Provisioned) -> bool:
    """Tell whether a product has a stack; one whose creation was not heard of any more is found by its name."""
    if not made.stack_id:
        try:
            found = _client(state.world, made).describe_stacks(StackName=_name(made))["Stacks"]
        except ClientError:  # there is none of that name
            return False
        made.stack_id = found[0]["StackId"]
    return True


def wait(state: State, made: Provisioned, wanted: str) -> None:
    """Wait until a product's stack has come to rest; raises ServiceError when that is not as wanted."""
    _wait(_client(state.world, made), made.stack_id, wanted)


def _name(made: Provisioned) -> str:
    return f"SC-{made.caller.account}-{made.id}"


def outputs(state: State, made: Provisioned) -> list[dict[str, str]]:
    """Return the outputs of a product: its stack's, after the stack itself."""
    client = _client(state.world, made)
    stack = client.describe_stacks(StackName=made.stack_id)["Stacks"][0] if made.stack_id else {}
    arn = {"OutputKey": "CloudformationStackARN", "OutputValue": made.stack_id, "Description": "The ARN of the stack"}
    shown = ("OutputKey", "OutputValue", "Description")
    return [arn, *({k: v for k, v in output.items() if k in shown} for output in stack.get("Outputs", []))]


def _wanted(state: State, made: Provisioned, parameters: Parameters) -> dict[str, Any]:
    return {
        "TemplateURL": _template(state, made),
        "Parameters": parameters,
        "Capabilities": _CAPABILITIES,
        "Tags": made.tags,
    }


def _template(state: State, made: Provisioned) -> str:
    """Return the address of the version's template, with the rules of the portfolio's template constraints.

    https://docs.aws.amazon.com/servicecatalog/latest/adminguide/catalogs_constraints_template-constraints.html
    """
    constraints = state.constraints_of(made.path, made.product.id, "TEMPLATE")
    if not constraints:
        return made.artifact.url
    rules = dict(made.artifact.template.get("Rules", {}))
    for constraint in constraints:
        rules |= constraint.parameters["Rules"]
    return keep(state.world, made.caller, json.dumps({**made.artifact.template, "Rules": rules}, default=str))


def _topics(state: State, made: Provisioned) -> list[str]:
    """Return the topics that the launch and the portfolio's notification constraints name."""
    constraints = state.constraints_of(made.path, made.product.id, "NOTIFICATION")
    named = [topic for constraint in constraints for topic in constraint.parameters["NotificationArns"]]
    return list(dict.fromkeys([*made.topics, *named]))


def _client(world: World, made: Provisioned) -> Any:
    credentials: Credentials = made.caller.credentials
    if made.role_arn:
        credentials = world.assume(made.role_arn, "servicecatalog.amazonaws.com", "servicecatalog", made.arn)
    return world.client("cloudformation", credentials, made.caller.region)


def _wait(client: Any, stack_id: str, wanted: str) -> None:
    """Wait until a stack has come to rest; raises ServiceError with the first failed resource's reason."""
    while (stack := client.describe_stacks(StackName=stack_id)["Stacks"][0])["StackStatus"].endswith("_IN_PROGRESS"):
        time.sleep(_POLL_SECONDS)
    if stack["StackStatus"] == wanted:
        return
    name, reason = _failure(client, stack)
    message = f"Stack {stack_id} is {stack['StackStatus']}: {name}: {reason}"
    if stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE":
        raise UpdateRolledBackError("StackFailed", message)
    raise ServiceError("StackFailed", message)


def _failure(client: Any, stack: dict[str, Any]) -> tuple[str, str]:
    """Return what failed first in a stack's latest operation, and why."""
    events = client.describe_stack_events(StackName=stack["StackId"])["StackEvents"]
    begun = next((i for i, e in enumerate(events) if e.get("ResourceStatusReason") == "User Initiated"), len(events))
    latest = events[: begun + 1][::-1]
    failed: dict[str, Any] = next((e for e in latest if e["ResourceStatus"].endswith("_FAILED")), stack)
    reason = failed.get("ResourceStatusReason") or stack.get("StackStatusReason", "no reason was given")
    return failed.get("LogicalResourceId", stack["StackName"]), reason
