"""Delete a project and all that it leaves behind in an account."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from smproject.destroy import sagemaker, stacks, storage
from smproject.destroy.items import Finder, Item
from smproject.destroy.owner import Owner, find
from smproject.errors import DeploymentError
from smproject.stacks import refusals

# In the order of deletion: data is encrypted by keys and pulled from repositories until nothing uses it.
REST: tuple[Finder, ...] = (
    *(stacks.stacks, sagemaker.find, storage.images, storage.code, storage.logs, storage.buckets, storage.keys),
)


@dataclass(frozen=True)
class Inventory:
    """A project, and what in this account is its and nobody else's."""

    owner: Owner
    items: tuple[Item, ...]


def inventory(session: Any, project: str) -> Inventory:
    """Find a project by name or id and what is its; raises DeploymentError for none, for several and when refused."""
    with refusals(f"list what project {project} has"):
        found = [Inventory(owner, _items(session, owner, (stacks.project, *REST))) for owner in find(session, project)]
    # A key that waits for its deletion still has the tags of its project, of which nothing is left.
    left = [each for each in found if each.items] or found[:1]
    if len(left) > 1:
        known = ", ".join(each.owner.id for each in left)
        raise DeploymentError(f"{project!r} stands for several deleted projects. Give --project an id: {known}.")
    return left[0]


def destroy(session: Any, found: Inventory, progress: Callable[[str], None]) -> tuple[Item, ...]:
    """Delete the project, then what is left; raises DeploymentError with all that could not be deleted, in the end."""
    failures: list[str] = []
    done: list[Item] = []
    with refusals(f"delete project {found.owner.name}"):
        # Deleting the project deletes its stack, which decides about most of the rest.
        for finder in (stacks.project, *REST):
            for item in _items(session, found.owner, (finder,)):
                reason = _delete(item)
                if reason:
                    failures.append(f"{item}: {reason}")
                else:
                    done.append(item)
                    progress(f"deleted {item}")
            if failures and finder is stacks.project:
                break  # its stack still uses the rest
    if failures:
        told = "\n".join(f"  {line}" for line in failures)
        raise DeploymentError(f"Not deleted:\n{told}\nMend the cause, then run the command again.")
    return tuple(done)


def _items(session: Any, owner: Owner, finders: tuple[Finder, ...]) -> tuple[Item, ...]:
    return tuple(item for finder in finders for item in finder(session, owner))


def _delete(item: Item) -> str:
    """Delete a thing; returns why that failed, or nothing."""
    try:
        item.delete()
    except (ClientError, BotoCoreError, DeploymentError) as error:
        return str(error)
    return ""
