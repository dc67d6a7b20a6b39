"""Reading what a resource is now: a table a type, of the properties and the calls that tell them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Made

Item = dict[str, Any]
Read = Callable[[Any, Made, Item], Any]  # client, resource and its description -> the property; None when it has none
READERS: dict[str, Reader] = {}


@dataclass(frozen=True)
class Reader:
    """Reads resources of a type: `describe` finds one, `properties` tell what is to be seen of it.

    A property that is not among them is not compared: the service does not tell it.
    """

    service: str
    describe: Callable[[Any, Made], Item]
    properties: Mapping[str, Read] = field(default_factory=dict)

    def read(self, client: Any, made: Made, wanted: Properties) -> Properties | None:
        """Return the wanted properties as they are; None when the resource is gone."""
        found = absent(lambda: self.describe(client, made))
        if not found:
            return None
        values = {name: self.properties[name](client, made, found) for name in wanted if name in self.properties}
        return {name: value for name, value in values.items() if value is not None}

    def covered(self, wanted: Properties) -> Properties:
        """Return those of a resource's properties that can be read."""
        return {name: value for name, value in wanted.items() if name in self.properties}


def absent(ask: Callable[[], Any]) -> Any:
    """Return what is asked for; None when it isn't there."""
    try:
        return ask()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        is_absent = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404
        if is_absent or "NotFound" in code or "NotExist" in code or "NonExistent" in code or code.startswith("NoSuch"):
            return None
        raise


def member(*path: str) -> Read:
    """Return how to read a property that the description itself holds."""

    def read(client: Any, made: Made, found: Item) -> Any:
        value: Any = found
        for step in path:
            value = (value or {}).get(step)
        return value

    return read


def tags(found: Any, key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Return tags as templates have them, without those that AWS gives."""
    pairs = found.items() if isinstance(found, dict) else ((tag[key], tag[value]) for tag in found or [])
    return [{"Key": name, "Value": text} for name, text in pairs if not name.startswith("aws:")]


def capitalised(value: Any) -> Any:
    """Return an API's members in the spelling of templates, where that differs by the first letter's case."""
    if isinstance(value, dict):
        return {f"{name[:1].upper()}{name[1:]}": capitalised(item) for name, item in value.items()}
    return [capitalised(item) for item in value] if isinstance(value, list) else value
