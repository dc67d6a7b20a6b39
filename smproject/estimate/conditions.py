"""Which of a template's conditions are met and resources made, for given parameters."""

from collections.abc import Mapping
from typing import Any


def met(content: Mapping[str, Any], parameters: Mapping[str, str]) -> dict[str, bool]:
    """Return whether each of a template's conditions is met."""
    conditions = content.get("Conditions", {})
    values = {key: str(each["Default"]) for key, each in content.get("Parameters", {}).items() if "Default" in each}
    given = {**values, **parameters}
    return {name: _is_met(condition, conditions, given) for name, condition in conditions.items()}


def made(content: Mapping[str, Any], parameters: Mapping[str, str]) -> dict[str, Any]:
    """Return the resources whose condition is met."""
    are_met = met(content, parameters)
    resources = content.get("Resources", {})
    return {key: each for key, each in resources.items() if "Condition" not in each or are_met[each["Condition"]]}


def _is_met(condition: Mapping[str, Any], conditions: Mapping[str, Any], given: Mapping[str, str]) -> bool:
    ((function, argument),) = condition.items()
    if function == "Condition":
        return _is_met(conditions[argument], conditions, given)
    if function == "Fn::Equals":
        one, other = (_value(each, given) for each in argument)
        return bool(one == other)
    parts = [_is_met(each, conditions, given) for each in argument]
    if function == "Fn::Not":
        return not parts[0]
    return all(parts) if function == "Fn::And" else any(parts)


def _value(value: Any, given: Mapping[str, str]) -> Any:
    if isinstance(value, dict) and "Ref" in value:
        return given.get(value["Ref"], value)
    return value if isinstance(value, dict | list) else str(value)
