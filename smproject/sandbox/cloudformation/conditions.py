"""The Conditions of a template: that they name only what they may, and none another in a circle.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/conditions-section-structure.html
"""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any

from smproject.sandbox.cloudformation import signatures
from smproject.sandbox.cloudformation.syntax import PSEUDO, call_of, calls, invalid, malformed, references


def check(template: dict[str, Any], extended: bool) -> None:
    """Refuse conditions that can't be decided, and names of conditions that there aren't."""
    declared = template.get("Conditions", {})
    for name, condition in declared.items():
        _check_one(condition, extended)
        _check_names(condition, declared, "Condition")
        known = PSEUDO | set(template.get("Parameters", {}))
        if other := sorted(set(references(condition)) - known):
            raise malformed(
                f"Unresolved dependencies [{', '.join(other)}]. Cannot reference resources in the Conditions block of "
                "the template"
            )
        if name in _named(condition):
            raise _circular([name])
    try:
        TopologicalSorter({name: set(_named(condition)) for name, condition in declared.items()}).prepare()
    except CycleError as error:
        raise _circular(error.args[1]) from error
    for section in ("Resources", "Outputs"):
        for item in template.get(section, {}).values():
            if (condition := item.get("Condition")) is not None and condition not in declared:
                raise malformed(f"Unresolved condition dependency {condition} in the {section} block of the template")
            _check_names(item.get("Properties", item), declared, "Fn::If")


def _check_one(condition: Any, extended: bool) -> None:
    call = call_of(condition)
    if call is None or call[0] in signatures.IN_CONDITIONS - signatures.BOOLEAN:
        raise malformed("Conditions can only be boolean operations on parameters and other conditions")
    signatures.check(condition, signatures.IN_CONDITIONS, "Conditions", extended)


def _check_names(value: Any, declared: dict[str, Any], where: str) -> None:
    for function, argument in calls(value):
        name = argument if function == "Condition" else argument[0] if function == "Fn::If" else None
        if name is not None and name not in declared and (where == "Condition" or function == "Fn::If"):
            raise invalid(f"Template error: unresolved condition dependency {name} in {function}")


def _named(condition: Any) -> Iterator[str]:
    for function, argument in calls(condition):
        if function == "Condition":
            yield argument
        elif function == "Fn::If":
            yield argument[0]


def _circular(names: list[str]) -> Exception:
    return malformed(f"Circular dependency between conditions: [{', '.join(sorted(set(names)))}]")
