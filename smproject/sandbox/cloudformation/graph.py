"""The order of resources, and what is wrong with their references."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any

from smproject.sandbox.cloudformation import signatures
from smproject.sandbox.cloudformation.syntax import (
    PSEUDO,
    attribute_of,
    call_of,
    calls,
    invalid,
    malformed,
    references,
    variables,
)

BLOCKS = ("Resources", "Outputs")
Holds = Callable[[str], bool | None]


def order(template: dict[str, Any], active: set[str], holds: Holds | None = None) -> list[str]:
    """Return the logical ids of the active resources, each after those it depends on.

    A dependency on a resource whose condition doesn't hold is none, and with `holds` neither is one in a branch of
    Fn::If that won't be taken. Raises ServiceError (ValidationError), in AWS's words, for circular dependencies.
    """
    resources = template["Resources"]
    try:
        graph = {name: dependencies(resources[name], holds) & active for name in resources if name in active}
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        names = ", ".join(sorted(set(error.args[1])))
        raise invalid(f"Circular dependency between resources: [{names}]") from error


def check_circles(template: dict[str, Any], active: set[str], holds: Holds | None = None) -> None:
    """Refuse circular dependencies; without `holds` those that Fn::If may break are passed over."""
    order(template, active, holds or _neither)


def _neither(name: str) -> None:
    """Stand for a condition that isn't decided: neither branch is taken."""


def dependencies(resource: dict[str, Any], holds: Holds | None) -> set[str]:
    """Return the names that a resource depends on, parameters among them; without `holds` in any branch of Fn::If."""
    found = values("Resources", resource)
    return _depends_on(resource) | set(references(_taken(found, holds) if holds else found))


def _depends_on(resource: dict[str, Any]) -> set[str]:
    depends = resource.get("DependsOn", [])
    return {depends} if isinstance(depends, str) else set(depends)


def values(block: str, item: dict[str, Any]) -> Any:
    """Return what of a resource or output may hold functions that are computed."""
    if block == "Resources":
        return [item.get(member, {}) for member in ("Properties", "CreationPolicy", "UpdatePolicy")]
    return [item["Value"], item.get("Export", {})]


def check_functions(template: dict[str, Any], extended: bool) -> None:
    """Refuse functions in resources and outputs that are malformed or out of place."""
    for block in BLOCKS:
        for item in template.get(block, {}).values():
            signatures.check(values(block, item), signatures.VALUES, block, extended)
    for name in _imports(template):
        if set(references(name)) & set(template["Resources"]) or _calls_any(name, "Fn::ImportValue", "Fn::GetAZs"):
            raise invalid(
                "Template error: the attribute in Fn::ImportValue must not depend on any resources, imported values, "
                "or Fn::GetAZs"
            )


def _imports(template: dict[str, Any]) -> Iterator[Any]:
    for block in BLOCKS:
        for item in template.get(block, {}).values():
            yield from (argument for name, argument in calls(values(block, item)) if name == "Fn::ImportValue")


def _calls_any(value: Any, *names: str) -> bool:
    return any(name in names for name, _ in calls(value))


def check_names(template: dict[str, Any]) -> None:
    """Refuse references to what is neither resource, parameter nor pseudo parameter."""
    resources = set(template["Resources"])
    known = PSEUDO | set(template.get("Parameters", {})) | resources
    for block in BLOCKS:
        for item in template.get(block, {}).values():
            value = values(block, item)
            _check_attributes(value, resources)
            if unknown := sorted(set(references(value)) - known | _depends_on(item) - resources):
                raise _unresolved(unknown, block)


def _check_attributes(value: Any, resources: set[str]) -> None:
    for function, argument in calls(value):
        if function == "Fn::GetAtt" and attribute_of(argument)[0] not in resources:
            name = attribute_of(argument)[0]
            raise invalid(f"Template error: instance of Fn::GetAtt references undefined resource {name}")
        for key in variables(argument) if function == "Fn::Sub" else []:
            if "." in key and key.split(".")[0] not in resources:
                raise invalid(f"Template error: instance of Fn::Sub references invalid resource attribute {key}")


def check_active(template: dict[str, Any], holds: Holds) -> set[str]:
    """Return the resources whose condition holds; refuse references to others from where they will be computed."""
    active = _active(template["Resources"], holds)
    inactive = set(template["Resources"]) - active
    for block in BLOCKS:
        for value in _taken_of(template, block, holds):
            if missing := sorted(inactive & set(references(value))):
                raise _unresolved(missing, block)
    return active


def taken(template: dict[str, Any], holds: Holds) -> Iterator[Any]:
    """Yield what of each resource and output will be computed."""
    for block in BLOCKS:
        yield from _taken_of(template, block, holds)


def _taken_of(template: dict[str, Any], block: str, holds: Holds) -> Iterator[Any]:
    items = template.get(block, {})
    yield from (_taken(values(block, items[name]), holds) for name in items if name in _active(items, holds))


def _active(items: dict[str, Any], holds: Holds) -> set[str]:
    return {name for name, item in items.items() if "Condition" not in item or holds(item["Condition"])}


def _taken(value: Any, holds: Holds) -> Any:
    """Return a value with the branches of Fn::If that will be taken in the place of each."""
    call = call_of(value)
    if call and call[0] == "Fn::If":
        name, yes, no = call[1]
        held = holds(name)
        return None if held is None else _taken(yes if held else no, holds)
    if isinstance(value, dict):
        return {key: _taken(item, holds) for key, item in value.items()}
    return [_taken(item, holds) for item in value] if isinstance(value, list) else value


def _unresolved(names: list[str], block: str) -> Exception:
    return malformed(f"Unresolved resource dependencies [{', '.join(names)}] in the {block} block of the template")
