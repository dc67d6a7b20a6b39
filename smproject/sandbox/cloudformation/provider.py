"""Resource providers: one small class a resource type, acting by boto3 calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from smproject.sandbox.cloudformation.api import updatable
from smproject.sandbox.cloudformation.changes import Properties, replacing
from smproject.sandbox.cloudformation.keywords import Schema
from smproject.sandbox.cloudformation.schemas import CUSTOM, is_custom
from smproject.sandbox.service import Caller, unique_id
from smproject.sandbox.world import World

PROVIDERS: dict[str, Provider] = {}


@dataclass(frozen=True)
class Context:
    """Where and for whom a resource is made: the stack, the logical id, and the credentials to use.

    A provider that waits for long calls `begun` with what `Ref` will return, and the attributes that it needs to delete
    it, as soon as there is something to be deleted. It looks at `halted`, which tells that nobody waits any more.
    `policy` is what the resource's CreationPolicy says or, when it is changed, its UpdatePolicy. A change can `tell`
    how far it is, and be `signalled`: it waits for so many signals, so many seconds, and learns who told what, SUCCESS
    or FAILURE.
    """

    world: World
    caller: Caller
    stack_name: str
    logical_id: str
    stack_id: str = ""
    begun: Callable[[str, Properties], None] = lambda ref, attributes: None
    halted: Callable[[], bool] = bool
    policy: Properties = field(default_factory=dict)
    tell: Callable[[str], None] = lambda reason: None
    signalled: Callable[[int, float], list[tuple[str, str]]] = lambda count, seconds: []

    def client(self, service: str) -> Any:
        """Return a boto3 client with the stack's credentials."""
        return self.world.client(service, self.caller.credentials, self.caller.region)

    def name(self, limit: int, lower: bool = False) -> str:
        """Return a generated physical name `stack-logical-RANDOM` within a length limit."""
        suffix = unique_id(12)
        stem = f"{self.stack_name}-{self.logical_id}"[: limit - 13].rstrip("-")
        return f"{stem}-{suffix}".lower() if lower else f"{stem}-{suffix.upper()}"

    def snapshot_name(self, limit: int) -> str:
        """Return a generated name for a final snapshot, `stack-snapshot-logical-random`, within a length limit."""
        return replace(self, logical_id=f"snapshot-{self.logical_id}").name(limit, lower=True)


@dataclass
class Made:
    """A resource that exists: what `Ref` returns, and its `GetAtt` attributes."""

    ref: str
    attributes: dict[str, Any] = field(default_factory=dict)


class Provider:
    """Creates, updates and deletes resources of one type. The properties' tags hold the stack's."""

    type: ClassVar[str]
    state_only: ClassVar[bool] = False  # kept and described, but it does nothing here
    renews: ClassVar[bool] = False  # an update after which `Ref` differs has made a new resource: the old one goes
    obeys: ClassVar[Mapping[str, Schema]] = {}  # CreationPolicy, UpdatePolicy: the schema of what is obeyed of them

    def named(self, type_: str) -> Provider:
        """Return the provider for one of the names of its type; all but custom resources have one only."""
        return self

    def create(self, context: Context, properties: Properties) -> Made:
        """Make the resource; an exception's text becomes the stack event's reason."""
        raise NotImplementedError

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change the resource in place; raises NotUpdatableError, before any call, for what can't be changed so.

        A failed update is taken back by an update the other way round, so each must do from any point between.
        """
        updatable(before, after)
        return made

    def replacing(self, policy: Properties, before: Properties, after: Properties) -> list[str]:
        """Return the changed properties that take a new resource, under what its UpdatePolicy says."""
        return replacing(self.type, before, after)

    def revert(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Take a change in place back."""
        return self.update(context, made, before, after)

    def delete(self, context: Context, made: Made) -> None:
        """Remove the resource."""
        raise NotImplementedError

    def snapshot(self, context: Context, made: Made) -> None:
        """Take the final snapshot of a resource that is about to be deleted, under `context.snapshot_name(limit)`.

        Called before `delete`, where DeletionPolicy or UpdateReplacePolicy is Snapshot; a failure keeps the resource.
        A type that AWS takes snapshots of is refused with such a policy, before anything is made, until it overrides
        this; an UpdateReplacePolicy of a type that AWS takes none of means Delete.
        """


def provider_of(type_: str) -> Provider | None:
    """Return who makes resources of a type; None for a type that the sandbox does not execute."""
    found = PROVIDERS.get(CUSTOM if is_custom(type_) else type_)
    return found.named(type_) if found else None


def provides(cls: type[Provider]) -> type[Provider]:
    """Register a provider under its type."""
    PROVIDERS[cls.type] = cls()
    return cls


@contextmanager
def undone_on_failure(undo: Callable[[], object]) -> Iterator[None]:
    """Undo a resource's first call when a later one fails: a failed resource leaves nothing behind."""
    try:
        yield
    except Exception:
        undo()
        raise
