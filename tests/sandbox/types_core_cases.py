"""A resource of each core type, before and after an update in place, and how its service shows it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Client = Callable[[str], Any]
Item = dict[str, Any]
ACCOUNT = "222222222222"


@dataclass(frozen=True)
class Case:
    """A resource whose properties change from `before` to `after`; `shown` is what `look` then finds.

    Once it is deleted `look` raises ClientError or finds nothing. `attributes` are those that GetAtt must tell.
    """

    type: str
    before: Item
    after: Item
    look: Callable[[Client, str], Any]
    shown: Any
    others: Item = field(default_factory=dict)  # further resources of the template
    attributes: tuple[str, ...] = ()
    profile: str = "development"


def resource(type_: str, **properties: Any) -> Item:
    return {"Type": type_, "Properties": properties}


def get(name: str, attribute: str = "Arn") -> Item:
    return {"Fn::GetAtt": [name, attribute]}


def ref(name: str) -> Item:
    return {"Ref": name}


def tags(value: str) -> list[Item]:
    return [{"Key": "k", "Value": value}]


def policy(action: str, target: Any = "*", **more: Any) -> Item:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": target, **more}]}


def only(items: list[Any]) -> Any:
    """Return the one item, or nothing when there is none."""
    assert len(items) <= 1, items
    return items[0] if items else None


def url(name: str) -> str:
    return f"/{ACCOUNT}/{name}"


def action_of(text: str | Item) -> str:
    found = json.loads(text) if isinstance(text, str) else text
    return str(found["Statement"][0]["Action"])
