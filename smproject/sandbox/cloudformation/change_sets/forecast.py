"""What executing a definition would do to each resource of a stack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from smproject.sandbox.cloudformation import resources
from smproject.sandbox.cloudformation.change_sets import details
from smproject.sandbox.cloudformation.change_sets.causes import Mention, mentions
from smproject.sandbox.cloudformation.change_sets.details import UNKNOWN, Cause, Detail
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.stacks import Definition, Resource, Stack
from smproject.sandbox.service import ServiceError
from smproject.sandbox.world import World

Change = dict[str, Any]
_NESTED = "AWS::CloudFormation::Stack"


class Forecast:
    """The changes to come, each by its logical id; `order` has each resource after those it depends on."""

    def __init__(self, world: World, stack: Stack, definition: Definition, order: list[str]) -> None:
        self._world, self.stack, self.definition, self.order = world, stack, definition, order
        self.changes: dict[str, Change] = {}
        now = resources.scope_of(world, stack, definition)
        self._actual = now.resource
        self._scope = replace(now, resource=self._expected)

    def make(self) -> list[Change]:
        """Return the changes as DescribeChangeSet shows them, with property values."""
        for name in self.order:
            there = self.stack.resources.get(name)
            change = self._modified(there) if there and there.made else self._added(name)
            if change:
                self.changes[name] = change
        gone = [resource for name, resource in self.stack.resources.items() if name not in self.order and resource.made]
        return [*self.changes.values(), *map(self._removed, reversed(gone))]

    def _removed(self, resource: Resource) -> Change:
        return {
            "Action": "Remove",
            **_identity(resource),
            "Scope": [],
            "Details": [],
            "PolicyAction": resource.policy("DeletionPolicy").removesuffix("ExceptOnCreate"),
            "BeforeContext": _context(self.stack.definition, resource.properties, resource.declared),
        }

    def _added(self, name: str) -> Change:
        item = self.definition.template["Resources"][name]
        described = {"Action": "Add", "LogicalResourceId": name, "ResourceType": item["Type"]}
        return described | {
            "Scope": [],
            "Details": [],
            "AfterContext": _context(self.definition, self._properties(name), item),
        }

    def _modified(self, resource: Resource) -> Change | None:
        item = self.definition.template["Resources"][resource.logical_id]
        after = self._properties(resource.logical_id)
        found = [*details.of_attributes(resource.declared, item), *self._of_properties(resource, item, after)]
        if not found and resource.type == _NESTED:
            found = [details.automatic()]
        if not found:
            return None
        replaced = details.replacement(found)
        return {
            "Action": "Modify",
            **_identity(resource),
            "Replacement": replaced,
            "Scope": sorted({detail["Target"]["Attribute"] for detail in found}),
            "Details": found,
            "BeforeContext": _context(self.stack.definition, resource.properties, resource.declared),
            "AfterContext": _context(self.definition, after, item),
            **({"PolicyAction": f"ReplaceAnd{resource.policy('UpdateReplacePolicy')}"} if replaced != "False" else {}),
        }

    def _of_properties(self, resource: Resource, item: dict[str, Any], after: Properties) -> Iterator[Detail]:
        before = resource.properties
        sides = [(self.stack.definition, before), (self.definition, after)]
        replacing = resources.provider_of(resource.type).replacing(self._policy(resource, item), before, after)
        for name in changed(before, after):
            old, new = ((each.get("Properties") or {}).get(name) for each in (resource.declared, item))
            causes = self._causes(new, old != new, details.is_unknown(after.get(name)))
            target = details.of_property(resource.type, name, replacing)
            target |= details.values(*(_visible(*side).get(name) for side in sides))
            yield from details.of_causes(target, causes)

    def _policy(self, resource: Resource, item: dict[str, Any]) -> Properties:
        """Return the UpdatePolicy to come; nothing of one that only the execution can tell."""
        try:
            return resources.obeyed(self._scope, resource.logical_id, item, "UpdatePolicy")
        except ServiceError:
            return {}

    def _causes(self, value: Any, is_rewritten: bool, is_unknown: bool) -> list[Cause]:
        """Return why a property changes; one that no name explains was changed itself, or through the stack's tags."""
        conditions = self.definition.template.get("Conditions", {})
        named = dict.fromkeys(mentions(value, conditions))
        found = [cause for each in named if (cause := self._cause(each))]
        direct = ("DirectModification", "", "Dynamic" if is_unknown else "Static")
        if is_rewritten or not found:
            return [*found, direct]
        by_parameter = any(source == "ParameterReference" for source, _, _ in found)
        return [*found, ("DirectModification", "", "Dynamic")] if by_parameter else found

    def _cause(self, mention: Mention) -> Cause | None:
        name, attribute = mention
        before, after = self.stack.definition.values, self.definition.values
        if name in after and before.get(name) != after[name]:
            return "ParameterReference", name, "Static"
        change = self.changes.get(name)
        if change is None or (not attribute and change.get("Replacement") == "False"):
            return None
        evaluation = "Static" if change.get("Replacement") == "True" else "Dynamic"
        return (
            ("ResourceAttribute", f"{name}.{attribute}", evaluation)
            if attribute
            else ("ResourceReference", name, evaluation)
        )

    def _properties(self, name: str) -> Properties:
        """Return what a resource's properties will come out as, as far as that is known."""
        item = self.definition.template["Resources"][name]
        declared = item.get("Properties") or {}
        known = {key: found for key, value in declared.items() for found in self._resolved(value)}
        return known if known.get("Tags") == UNKNOWN else resources.tagged(self.definition, item["Type"], known)

    def _resolved(self, value: Any) -> list[Any]:
        """Return a property's value in a list; an empty one where it comes out as `AWS::NoValue`."""
        try:
            found = self._scope.resolve({"": value})
            return list(resources.plainly_filled(self._world, self.stack, found).values())
        except ServiceError:  # a function of something unknown; what is wrong in itself is told by the execution
            return [UNKNOWN]

    def _expected(self, name: str, attribute: str | None) -> Any:
        """Return what a resource, or its attribute, will be; attributes of a changed one are not known."""
        change = self.changes.get(name)
        if change and (attribute or change.get("Replacement") != "False"):
            return UNKNOWN
        return self._actual(name, attribute)


def _identity(resource: Resource) -> Change:
    physical = resource.made.ref if resource.made else ""
    return {
        "LogicalResourceId": resource.logical_id,
        "PhysicalResourceId": physical,
        "ResourceType": resource.type,
    }


def _visible(definition: Definition, properties: Properties) -> Properties:
    """Return properties without secrets."""
    return dict(json.loads(resources.shown(definition, properties)))


def _context(definition: Definition, properties: Properties, declared: dict[str, Any]) -> str:
    also = {name: value for name, value in declared.items() if name in details.ATTRIBUTES}
    return json.dumps({"Properties": _visible(definition, properties)} | also, default=str)
