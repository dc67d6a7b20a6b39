"""What a call asks for: its operation and the members of its request, whatever the protocol."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from smproject.sandbox import calls, models
from smproject.sandbox.calls import Call, Environ
from smproject.sandbox.permissions import actions

if TYPE_CHECKING:
    from smproject.sandbox.permissions.records import Records

Members = dict[str, Any]
_STEP = re.compile(r"(\w[\w-]*)(\[\])?")
_HOLE = re.compile(r"\{([^{}]+)\}")
_BLOBS = {"blob"}


@dataclass(frozen=True)
class Asked:
    """One call: `account` is the caller's, `environ` the WSGI request; `records` know the resources."""

    call: Call
    account: str
    environ: Environ
    records: Records | None = None

    @property
    def prefix(self) -> str:
        """Return the prefix of the service's IAM actions."""
        return actions.prefix(self.call.service)

    @property
    def operation(self) -> str:
        """Return the operation's name."""
        return self.call.operation

    @property
    def region(self) -> str:
        """Return the region in which the call was made."""
        return self.call.region

    def stack_id(self, known: dict[str, str]) -> str:
        """Return the id of a stack of the caller's account by its name or a change set's; empty when there is none."""
        return self.records.stack_id(self.account, self.region, known) if self.records else ""

    @cached_property
    def members(self) -> Members:
        """Return the members of the request by their names in the service's model."""
        if self.call.wire == calls.JSON:
            return dict(calls.parsed(self.environ))
        if self.call.wire == calls.QUERY:
            return _unflattened(calls.form(self.environ))
        return self._of_rest()

    def _of_rest(self) -> Members:
        found = models.operation(self.call.service, self.operation)
        if found is None or found.input_shape is None:
            return {}
        labels = models.labels(self.call.service, self.operation, calls.sent_path(self.environ))
        query, body = calls.query(self.environ), self._body(found.input_shape)
        members: Members = {}
        for member, shape in found.input_shape.members.items():
            place, where = shape.serialization.get("name", member), shape.serialization.get("location")
            given = {"querystring": query, "header": self._headers}.get(where, body)
            if place in given:
                members[member] = given[place]
        return members | labels

    def _body(self, shape: Any) -> Members:
        """Return the members of a JSON body; none of what an application sends through, such as to an endpoint."""
        payload = shape.serialization.get("payload")
        if payload and shape.members[payload].type_name in _BLOBS:
            return {}
        try:
            found = json.loads(calls.body(self.environ) or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @cached_property
    def _headers(self) -> Members:
        return dict(calls.headers(self.environ))

    def values(self, template: str) -> list[str]:
        """Return what a template such as `{pipeline.name}` or `{Names[]}` says of the request: none, one or several.

        Each hole is a path of members; `[]` after a list means each of its items.
        """
        holes = _HOLE.findall(template)
        found = [template]
        for hole in holes:
            texts = list(_walk(self.members, hole.split(".")))
            found = [each.replace(f"{{{hole}}}", text) for each in found for text in texts]
        return found


def _walk(value: Any, steps: list[str]) -> Iterator[str]:
    if not steps:
        if isinstance(value, (str, int)) and str(value):
            yield str(value)
        return
    step = _STEP.fullmatch(steps[0])
    found = value.get(step[1]) if step and isinstance(value, dict) else None
    several = found if isinstance(found, list) else []
    for item in several if step and step[2] else [found]:
        yield from _walk(item, steps[1:])


def _unflattened(form: dict[str, str]) -> Members:
    """Return a form's members as a tree: `Tags.member.1.Key` is the first item's `Key`."""
    tree: Members = {}
    for name, value in form.items():
        steps = [step for step in name.split(".") if step not in {"member", "entry"}]
        place = tree
        for step in steps[:-1]:
            place = place.setdefault(step, {})
            if not isinstance(place, dict):
                break
        else:
            place[steps[-1]] = value
    return {name: _listed(value) for name, value in tree.items()}


def _listed(value: Any) -> Any:
    """Return a tree whose numbered branches are lists."""
    if not isinstance(value, dict):
        return value
    items = {name: _listed(item) for name, item in value.items()}
    if items and all(name.isdigit() for name in items):
        return [items[name] for name in sorted(items, key=int)]
    return items
