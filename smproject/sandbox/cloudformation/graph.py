"""The order of resources, and what is wrong with their references."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import Any

from smproject.sandbox.cloudformation.intrinsics import PSEUDO, references
from smproject.sandbox.service import ServiceError


def order(template: dict[str, Any], active: set[str]) -> list[str]:
    """Return the logical ids of the active resources, each after those it depends on.

    Raises ServiceError (ValidationError), in AWS's words, for unresolved and circular dependencies.
    """
    try:
        _check_names(template)
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise ServiceError("ValidationError", f"Template format error: a function is malformed ({error}).") from error
    graph = {
        name: _dependencies(template["Resources"][name]) & active for name in template["Resources"] if name in active
    }
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        names = ", ".join(sorted(set(error.args[1])))
        raise ServiceError("ValidationError", f"Circular dependency between resources: [{names}]") from error


def _dependencies(resource: dict[str, Any]) -> set[str]:
    depends = resource.get("DependsOn", [])
    named = {depends} if isinstance(depends, str) else set(depends)
    return named | set(references(resource.get("Properties", {})))


def _check_names(template: dict[str, Any]) -> None:
    known = PSEUDO | set(template.get("Parameters", {})) | set(template["Resources"])
    for section in ("Resources", "Outputs"):
        for item in template.get(section, {}).values():
            names = set(references(item.get("Properties", item)))
            depends = item.get("DependsOn", [])
            names |= {depends} if isinstance(depends, str) else set(depends)
            unknown = sorted(names - known)
            if unknown:
                message = (
                    f"Unresolved resource dependencies [{', '.join(unknown)}] in the {section} block of the template"
                )
                raise ServiceError("ValidationError", f"Template format error: {message}")
