"""What a change set can't be made for, and when one can't be executed."""

from __future__ import annotations

from smproject.sandbox.cloudformation import limits
from smproject.sandbox.cloudformation.change_sets.change_set import ChangeSet
from smproject.sandbox.cloudformation.refusals import FAILED, UPDATABLE
from smproject.sandbox.cloudformation.stacks import Stack
from smproject.sandbox.service import Request, ServiceError

# Each would change what the change set is about, and is refused unless it says no.
_UNSUPPORTED = ("DeploymentMode", "DisableValidation", "ImportExistingResources", "IncludeNestedStacks")


def refuse_unsupported(type_: str, request: Request) -> None:
    """Refuse kinds of change sets that the sandbox does not make."""
    asked = next((name for name in _UNSUPPORTED if request.get(name)), "")
    if type_ == "IMPORT" or "ResourcesToImport" in request:
        asked = "ChangeSetType IMPORT"
    if asked:
        raise ServiceError("NotImplemented", f"The sandbox does not implement {asked} of CreateChangeSet.")


def check_stack(type_: str, stack: Stack | None, request: Request) -> bool:
    """Refuse stacks that such a change set can't be for; tell whether a new one is to be made."""
    name = request["StackName"]
    if type_ == "UPDATE":
        if stack is None:
            raise ServiceError("ValidationError", f"Stack [{name}] does not exist")
        if stack.status not in UPDATABLE | FAILED:
            raise ServiceError(
                "ValidationError", f"Stack:{stack.id} is in {stack.status} state and can not be updated."
            )
        return False
    if stack and stack.status != "REVIEW_IN_PROGRESS":
        message = f"Stack [{name}] already exists and cannot be created again with the changeSet"
        raise ServiceError("ValidationError", f"{message} [{request['ChangeSetName']}].")
    if stack is None and name.startswith("arn:"):
        raise ServiceError("ValidationError", f"Stack [{name}] does not exist")
    if stack is None:
        limits.check_new_name("stackName", name)
    return stack is None


def refuse_other(same: ChangeSet, made: ChangeSet) -> None:
    """Refuse a second change set of a name unless it is the first one again."""
    asked = (
        ("ChangeSetType", same.type, made.type),
        ("Template", same.definition.text, made.definition.text),
        ("Parameters", same.definition.parameters, made.definition.parameters),
        ("Tags", same.definition.tags, made.definition.tags),
        ("Capabilities", same.definition.capabilities, made.definition.capabilities),
        ("RoleARN", same.role_arn, made.role_arn),
        ("Description", same.description, made.description),
    )
    other = next((name for name, one, another in asked if one != another), "")
    if other:
        message = f"ChangeSet {made.name} cannot be created due to a mismatch with existing attribute {other}"
        raise ServiceError("AlreadyExistsException", message)


def demand_executable(found: ChangeSet) -> None:
    """Refuse to execute what is not complete, or was executed, or is for a stack that has changed since."""
    if found.status != "CREATE_COMPLETE":
        message = f"ChangeSet [{found.id}] cannot be executed in its current status of [{found.status}]"
        raise ServiceError("InvalidChangeSetStatus", message)
    if found.execution != "AVAILABLE":
        message = f"ChangeSet [{found.id}] cannot be executed in its current execution status of [{found.execution}]"
        raise ServiceError("InvalidChangeSetStatus", message)
