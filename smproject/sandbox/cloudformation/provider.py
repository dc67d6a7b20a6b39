"""Resource providers: one small class a resource type, acting by boto3 calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from botocore.model import ListShape, MapShape, Shape, StructureShape

from smproject.sandbox.service import Caller, unique_id
from smproject.sandbox.world import World

Properties = dict[str, Any]
PROVIDERS: dict[str, Provider] = {}


@dataclass(frozen=True)
class Context:
    """Where and for whom a resource is made: the stack, the logical id, and the credentials to use."""

    world: World
    caller: Caller
    stack_name: str
    logical_id: str
    tags: tuple[tuple[str, str], ...] = ()

    def client(self, service: str) -> Any:
        """Return a boto3 client with the stack's credentials."""
        return self.world.client(service, self.caller.credentials, self.caller.region)

    def name(self, limit: int, lower: bool = False) -> str:
        """Return a generated physical name `stack-logical-RANDOM` within a length limit."""
        suffix = unique_id(12)
        stem = f"{self.stack_name}-{self.logical_id}"[: limit - 13].rstrip("-")
        return f"{stem}-{suffix}".lower() if lower else f"{stem}-{suffix.upper()}"

    def tag_list(
        self, own: list[dict[str, str]] | None, key: str = "Key", value: str = "Value"
    ) -> list[dict[str, str]]:
        """Return the stack's tags overlaid with a resource's own, in the key spelling that an API wants."""
        merged = dict(self.tags) | {tag["Key"]: tag["Value"] for tag in own or []}
        return [{key: name, value: text} for name, text in merged.items()]


@dataclass
class Made:
    """A resource that exists: what `Ref` returns, and its `GetAtt` attributes."""

    ref: str
    attributes: dict[str, Any] = field(default_factory=dict)


class Provider:
    """Creates and deletes resources of one type."""

    type: ClassVar[str]

    def create(self, context: Context, properties: Properties) -> Made:
        """Make the resource; an exception's text becomes the stack event's reason."""
        raise NotImplementedError

    def delete(self, context: Context, made: Made) -> None:
        """Remove the resource."""
        raise NotImplementedError


def provides(cls: type[Provider]) -> type[Provider]:
    """Register a provider under its type."""
    PROVIDERS[cls.type] = cls()
    return cls


class UnsupportedPropertyError(ValueError):
    """A property that the resource type or the sandbox does not have."""


@contextmanager
def undone_on_failure(undo: Callable[[], object]) -> Iterator[None]:
    """Undo a resource's first call when a later one fails: a failed resource leaves nothing behind."""
    try:
        yield
    except Exception:
        undo()
        raise


def known(properties: Properties, *names: str) -> None:
    """Refuse properties other than the named ones."""
    extra = sorted(set(properties) - set(names))
    if extra:
        raise UnsupportedPropertyError(f"Encountered unsupported property {extra[0]}")


def request(client: Any, operation: str, properties: Properties) -> dict[str, Any]:
    """Translate properties into an API request: members matched without regard to case, scalars to the API's types."""
    shape = client.meta.service_model.operation_model(operation).input_shape
    converted = _convert(shape, properties, operation)
    return dict(converted)


def _convert(shape: Shape, value: Any, path: str) -> Any:
    if isinstance(shape, StructureShape) and not shape.is_document_type:
        return _convert_structure(shape, value, path)
    if isinstance(shape, ListShape):
        return [_convert(shape.member, item, path) for item in value]
    if isinstance(shape, MapShape):
        return {key: _convert(shape.value, item, f"{path}.{key}") for key, item in value.items()}
    scalar: Callable[[Any], Any] | None = _SCALARS.get(shape.type_name)
    return scalar(value) if scalar else value


def _convert_structure(shape: StructureShape, value: Properties, path: str) -> dict[str, Any]:
    members = {name.lower(): name for name in shape.members}
    converted = {}
    for key, item in value.items():
        name = members.get(key.lower())
        if name is None:
            raise UnsupportedPropertyError(f"Encountered unsupported property {key} in {path}")
        converted[name] = _convert(shape.members[name], item, f"{path}.{key}")
    return converted


def _boolean(value: Any) -> bool:
    return value if isinstance(value, bool) else str(value).lower() == "true"


_SCALARS: dict[str, Callable[[Any], Any]] = {
    "string": lambda value: str(value).lower() if isinstance(value, bool) else str(value),
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "boolean": _boolean,
}
