"""Calls to AWS made of a template's properties."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.model import ListShape, MapShape, Shape, StructureShape

from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.syntax import text


class UnsupportedPropertyError(ValueError):
    """A property that the sandbox does not execute; those that AWS does not know the schemas refuse."""


class NotUpdatableError(ValueError):
    """A property that can't be changed in place; nothing has been changed yet."""


def known(properties: Properties, *names: str) -> None:
    """Refuse properties other than the named ones."""
    extra = sorted(set(properties) - set(names))
    if extra:
        raise UnsupportedPropertyError(f"The sandbox does not execute the property {extra[0]}.")


def updatable(before: Properties, after: Properties, *names: str) -> None:
    """Refuse changes of properties other than the named ones; to be asked before anything is changed."""
    others = [name for name in changed(before, after) if name not in names]
    if others:
        raise NotUpdatableError(
            f"The sandbox can't change the property {others[0]} in place: "
            "give the resource another logical id, so that a new one is made."
        )


def call(client: Any, operation: str, properties: Properties) -> dict[str, Any]:
    """Call an operation with properties translated into its request."""
    answer: dict[str, Any] = getattr(client, xform_name(operation))(**request(client, operation, properties))
    return answer


def request(client: Any, operation: str, properties: Properties) -> dict[str, Any]:
    """Translate properties into an API request: members matched without regard to case, scalars to the API's types."""
    converted = _convert(input_shape(client, operation), properties, operation)
    return dict(converted)


def input_shape(client: Any, operation: str) -> StructureShape:
    """Return the shape of an operation's request."""
    return client.meta.service_model.operation_model(operation).input_shape


@dataclass(frozen=True)
class Setting:
    """A property that calls of its own put and remove; without `remove`, `default` is put in its place."""

    put: str
    members: Callable[[Any], Properties]
    remove: str = ""
    default: Any = None


def settle(
    client: Any, target: Properties, settings: Mapping[str, Setting], before: Properties, after: Properties
) -> None:
    """Put the settings that differ from before; `target` holds the members that name the resource."""
    for name in changed(before, after):
        setting = settings.get(name)
        if setting is None:
            continue
        if name in after or not setting.remove:
            call(client, setting.put, target | setting.members(after.get(name, setting.default)))
        else:
            remove(client, setting.remove, target)


def remove(client: Any, operation: str, target: Properties) -> None:
    """Make a call that takes something away; what isn't there is removed."""
    try:
        call(client, operation, target)
    except ClientError as error:
        if not is_absent(error):
            raise


def is_absent(error: Exception) -> bool:
    """Tell whether a call failed since what it was about isn't there."""
    return isinstance(error, ClientError) and any(word in error.response["Error"]["Code"] for word in _ABSENT)


_ABSENT = ("NotFound", "NoSuch", "NonExistent", "DoesNotExist")  # in the codes of what isn't there


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
            raise UnsupportedPropertyError(f"The sandbox does not execute the property {key} in {path}.")
        converted[name] = _convert(shape.members[name], item, f"{path}.{key}")
    return converted


def _boolean(value: Any) -> bool:
    return value if isinstance(value, bool) else str(value).lower() == "true"


_SCALARS: dict[str, Callable[[Any], Any]] = {
    "string": text,
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "boolean": _boolean,
}
