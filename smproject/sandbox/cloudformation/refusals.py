"""What CloudFormation refuses to do with a stack in the state that it is in."""

from __future__ import annotations

from smproject.sandbox.cloudformation.book import Book
from smproject.sandbox.cloudformation.deletion import Deletion
from smproject.sandbox.cloudformation.options import Options
from smproject.sandbox.cloudformation.stacks import Stack
from smproject.sandbox.cloudformation.syntax import invalid
from smproject.sandbox.service import ServiceError

UPDATABLE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}
FAILED = {"CREATE_FAILED", "UPDATE_FAILED"}  # to be updated only with rollback disabled


def refuse_token(stack: Stack, token: str, operation: str) -> bool:
    """Refuse a token that another operation has had; tell whether this one has."""
    former = stack.tokens.get(token, operation)
    if former != operation:
        raise ServiceError("TokenAlreadyExistsException", f"Token already exists for a different operation: {token}")
    return token in stack.tokens


def refuse_update(stack: Stack, options: Options) -> None:
    """Refuse to update a stack that is not at rest, or failed and not to stay so if it fails again."""
    if stack.status in FAILED and not options.keeps_failure:
        raise invalid(
            f"This stack is currently in a non-terminal [{stack.status}] state. To update the stack from this state, "
            "please use the disable-rollback parameter with update-stack API. To rollback to the last known good "
            "state, use the rollback-stack API"
        )
    if stack.status not in UPDATABLE | FAILED:
        raise invalid(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")


def refuse_continuation(stack: Stack, skipped: list[str]) -> None:
    """Refuse to go on with a rollback that has not failed, and to skip what has not failed in it."""
    if stack.status != "UPDATE_ROLLBACK_FAILED" or stack.undo is None:
        raise invalid(f"Stack:{stack.id} is in {stack.status} state and can not continue its update rollback.")
    wrong = [name for name in skipped if getattr(stack.resources.get(name), "status", "") != "UPDATE_FAILED"]
    if wrong:
        raise invalid(f"The following resources to skip are not in UPDATE_FAILED state: [{', '.join(wrong)}]")


def refuse_deletion(book: Book, stack: Stack, how: Deletion, *, is_parent_s: bool) -> None:
    """Refuse to delete a protected stack, one under update, and options that only a failed deletion takes."""
    root = book.by_id(stack.root) if stack.root else stack
    if root.termination_protection and not is_parent_s:
        raise invalid(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
    if stack.status.startswith("UPDATE_") and stack.status.endswith("_IN_PROGRESS"):
        raise invalid(f"Stack [{stack.id}] cannot be deleted while in status {stack.status}")
    if stack.status != "DELETE_FAILED" and how.retained:
        raise invalid(
            f"Invalid operation on stack [{stack.id}]: RetainResources can only be specified for a stack that is in "
            "DELETE_FAILED state"
        )
    if stack.status != "DELETE_FAILED" and how.by_force:
        raise invalid(
            f"Invalid operation on stack [{stack.id}]: DeletionMode FORCE_DELETE_STACK can only be specified for a "
            "stack that is in DELETE_FAILED state"
        )
    unknown = [name for name in how.retained if name not in stack.resources]
    if unknown:
        raise invalid(f"The specified resources to retain do not exist: [{', '.join(unknown)}]")
    if any(stack.resources[name].status == "DELETE_COMPLETE" for name in how.retained):
        raise invalid(
            "The specified resources to retain must be in a valid state. Do not specify resources that are in the "
            "DELETE_COMPLETE state."
        )
