"""The values of parameters: given or default, within their constraints, in CloudFormation's words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from smproject.sandbox.cloudformation import limits, patterns
from smproject.sandbox.cloudformation.parameter_types import AWS_TYPES, NAME, is_number, parse
from smproject.sandbox.cloudformation.syntax import invalid, text


class Account(Protocol):
    """Where parameters' values are looked up."""

    def stored(self, names: dict[str, bool]) -> dict[str, str]:
        """Return the values in Parameter Store by name; told is whether each must be a list."""

    def exists(self, type_: str, value: str) -> bool:
        """Tell whether a resource of an AWS-specific type exists."""


def resolve(declared: dict[str, Any], given: dict[str, str], account: Account) -> dict[str, Any]:
    """Return each parameter's value; raises ServiceError (ValidationError) for what CloudFormation refuses."""
    unknown = sorted(set(given) - set(declared))
    if unknown:
        raise invalid(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    missing = [name for name, spec in declared.items() if name not in given and "Default" not in spec]
    if missing:
        raise invalid(f"Parameters: [{', '.join(missing)}] must have values")
    raw = {name: text(given.get(name, spec.get("Default"))) for name, spec in declared.items()}
    for name, spec in declared.items():
        check(name, spec, raw[name])
    types = {name: parse(spec["Type"]) for name, spec in declared.items()}
    stored = account.stored({raw[name]: kind.is_list for name, kind in types.items() if kind.is_stored})
    values = {
        name: _typed(kind.is_list, stored[raw[name]] if kind.is_stored else raw[name]) for name, kind in types.items()
    }
    _check_existence(declared, values, account)
    return values


def _typed(is_list: bool, value: str) -> Any:
    return items(value) if is_list else value


def items(value: str) -> list[str]:
    """Return the items of a list that a parameter holds as text."""
    return [item.strip() for item in value.split(",")] if value else []


def _check_existence(declared: dict[str, Any], values: dict[str, Any], account: Account) -> None:
    """Refuse values that name nothing; on AWS the stack is made, and rolls back for the same reason."""
    told = []
    for name, spec in declared.items():
        kind = parse(spec["Type"])
        if kind.of not in AWS_TYPES | {NAME}:
            continue
        for value in (values[name] or [""]) if kind.is_list else [values[name]]:
            if not value or not account.exists(kind.of, value):
                told.append(f"parameter value {value} for parameter name {name} does not exist")
    if told:
        raise invalid(f"Parameter validation failed: {', '.join(told)}")


def check(name: str, spec: dict[str, Any], value: str) -> None:
    """Refuse a value outside its parameter's constraints; raises ServiceError (ValidationError)."""
    limits.check_value(name, value)
    broken = next(_broken_constraints(spec, value), None)
    if broken and "ConstraintDescription" in spec:
        raise invalid(f"Parameter {name} failed to satisfy constraint: {text(spec['ConstraintDescription'])}")
    if broken:
        raise invalid(f"Parameter '{name}' {broken}")


def _broken_constraints(spec: dict[str, Any], value: str) -> Iterator[str]:
    """Yield the constraints that a value doesn't fulfil; where it names a stored parameter, they hold for the name."""
    kind = parse(spec["Type"])
    each = items(value) if kind.is_list and not kind.is_stored else [value]
    allowed = [text(item) for item in spec.get("AllowedValues", [])]
    if allowed and not set(each) <= set(allowed):
        yield "must be one of AllowedValues"
    written = text(spec.get("AllowedPattern", ".*"))
    if not all(patterns.matches(written, item) for item in each):
        yield f"must match pattern {written}"
    for item in each:
        if len(item) < int(spec.get("MinLength", 0)):
            yield f"must contain at least {spec['MinLength']} characters"
        if "MaxLength" in spec and len(item) > int(spec["MaxLength"]):
            yield f"must contain at most {spec['MaxLength']} characters"
        if kind.of == "Number" and not kind.is_stored:
            yield from _broken_number(spec, item)


def _broken_number(spec: dict[str, Any], value: str) -> Iterator[str]:
    if not is_number(value):
        yield "must be a number"
        return
    number = float(value)
    if number < float(spec.get("MinValue", number)):
        yield f"must be a number not less than {spec['MinValue']}"
    if number > float(spec.get("MaxValue", number)):
        yield f"must be a number not greater than {spec['MaxValue']}"
