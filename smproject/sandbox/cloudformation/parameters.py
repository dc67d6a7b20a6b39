"""Parameters of a template: defaults, constraints in AWS's words, values from Systems Manager."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.service import ServiceError

SSM = "AWS::SSM::Parameter::Value<String>"
_LISTS = ("CommaDelimitedList", "List<")


def resolve(declared: dict[str, Any], given: dict[str, str], ssm_value: Callable[[str], str]) -> dict[str, Any]:
    """Return each parameter's value; raises ServiceError (ValidationError) for what CloudFormation refuses."""
    unknown = sorted(set(given) - set(declared))
    if unknown:
        raise ServiceError("ValidationError", f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    missing = [name for name, spec in declared.items() if name not in given and "Default" not in spec]
    if missing:
        raise ServiceError("ValidationError", f"Parameters: [{', '.join(missing)}] must have values")
    values = {name: text(given.get(name, spec.get("Default"))) for name, spec in declared.items()}
    for name, spec in declared.items():
        _check(name, spec, values[name])
    return {name: _typed(declared[name], value, ssm_value) for name, value in values.items()}


def _typed(spec: dict[str, Any], value: str, ssm_value: Callable[[str], str]) -> Any:
    if spec["Type"] == SSM:
        return ssm_value(value)
    if spec["Type"].startswith(_LISTS):
        return _items(value)
    if spec["Type"].startswith("AWS::SSM::"):
        raise ServiceError("ValidationError", f"The sandbox does not resolve parameters of type {spec['Type']}.")
    return value


def _items(value: str) -> list[str]:
    return [item.strip() for item in value.split(",")] if value else []


def _check(name: str, spec: dict[str, Any], value: str) -> None:
    broken = next(_broken_constraints(spec, value), None)
    if broken:
        reason = spec.get("ConstraintDescription") or broken
        raise ServiceError("ValidationError", f"Parameter {name} failed to satisfy constraint: {reason}")


def _broken_constraints(spec: dict[str, Any], value: str) -> Iterator[str]:
    allowed = [text(item) for item in spec.get("AllowedValues", [])]
    each = _items(value) if spec["Type"].startswith(_LISTS) else [value]
    if allowed and not set(each) <= set(allowed):
        yield f"must be one of [{', '.join(allowed)}]"
    if "AllowedPattern" in spec and not all(re.fullmatch(spec["AllowedPattern"], item) for item in each):
        yield f"must match pattern {spec['AllowedPattern']}"
    if len(value) < int(spec.get("MinLength", 0)):
        yield f"must contain at least {spec['MinLength']} characters"
    if "MaxLength" in spec and len(value) > int(spec["MaxLength"]):
        yield f"must contain at most {spec['MaxLength']} characters"
    if spec["Type"] == "Number":
        yield from _broken_number(spec, value)


def _broken_number(spec: dict[str, Any], value: str) -> Iterator[str]:
    try:
        number = float(value)
    except ValueError:
        yield "must be a number"
        return
    if number < float(spec.get("MinValue", number)):
        yield f"must be a number not less than {spec['MinValue']}"
    if number > float(spec.get("MaxValue", number)):
        yield f"must be a number not greater than {spec['MaxValue']}"
