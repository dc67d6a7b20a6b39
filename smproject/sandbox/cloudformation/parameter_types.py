"""The types of parameters, and what a template may say of a parameter.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from smproject.sandbox.cloudformation import patterns
from smproject.sandbox.cloudformation.syntax import invalid, malformed, text

NAME = "AWS::SSM::Parameter::Name"
AWS_TYPES = {
    "AWS::EC2::AvailabilityZone::Name",
    "AWS::EC2::Image::Id",
    "AWS::EC2::Instance::Id",
    "AWS::EC2::KeyPair::KeyName",
    "AWS::EC2::SecurityGroup::GroupName",
    "AWS::EC2::SecurityGroup::Id",
    "AWS::EC2::Subnet::Id",
    "AWS::EC2::VPC::Id",
    "AWS::EC2::Volume::Id",
    "AWS::Route53::HostedZone::Id",
}
_SCALARS = {"String", "Number", NAME} | AWS_TYPES
_MEMBERS = {
    "AllowedPattern",
    "AllowedValues",
    "ConstraintDescription",
    "Default",
    "Description",
    "MaxLength",
    "MaxValue",
    "MinLength",
    "MinValue",
    "NoEcho",
    "Type",
}
_DESCRIPTION_LENGTH = 4_000
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_ORDER = (("MinLength", "MaxLength"), ("MinValue", "MaxValue"))


@dataclass(frozen=True)
class ParameterType:
    """A parameter's type: of what, whether a list of it, and whether its value names one in Parameter Store."""

    of: str
    is_list: bool = False
    is_stored: bool = False


def parse(type_: str) -> ParameterType:
    """Return a type by its name; raises ServiceError (ValidationError) for an unknown one."""
    stored = re.fullmatch(r"AWS::SSM::Parameter::Value<(.+)>", type_)
    inner = stored.group(1) if stored else type_
    listed = re.fullmatch(r"List<(.+)>", inner)
    of = "String" if inner == "CommaDelimitedList" else listed.group(1) if listed else inner
    if of not in _SCALARS or (of == NAME and (stored or listed)):
        raise malformed(f"Unrecognized parameter type: {type_}")
    return ParameterType(of, inner == "CommaDelimitedList" or listed is not None, stored is not None)


def is_secret(spec: dict[str, Any]) -> bool:
    """Tell whether a parameter's value must never be shown."""
    return text(spec.get("NoEcho", False)) == "true"


def check(name: str, spec: Any) -> None:
    """Refuse a parameter's declaration that is not one."""
    if not isinstance(spec, dict):
        raise malformed("Any Parameters member must be an object.")
    if unknown := sorted(set(spec) - _MEMBERS):
        raise invalid(f"Invalid template parameter property '{unknown[0]}'")
    if not isinstance(spec.get("Type"), str):
        raise malformed(f"[/Parameters/{name}] Every Parameters object must contain a Type member.")
    kind = parse(spec["Type"])
    for member in sorted(_MEMBERS - {"AllowedValues"}):
        if isinstance(spec.get(member, ""), (dict, list)):
            raise malformed(f"Every {member} member must be a string.")
    if not isinstance(spec.get("AllowedValues", []), list):
        raise malformed("Every AllowedValues member must be a list.")
    if any(isinstance(value, (dict, list)) for value in spec.get("AllowedValues", [])):
        raise malformed("Every AllowedValues value must be a string.")
    if len(str(spec.get("Description", ""))) > _DESCRIPTION_LENGTH:
        raise malformed(f"'Description' length is greater than {_DESCRIPTION_LENGTH}.")
    _check_constraints(name, spec, kind)


def _check_constraints(name: str, spec: dict[str, Any], kind: ParameterType) -> None:
    for member in ("MinValue", "MaxValue", "MinLength", "MaxLength"):
        if member in spec:
            wanted = "Number" if member.endswith("Value") else "String"
            if (kind.of == "Number") != (wanted == "Number"):
                raise invalid(f"Template error: Parameter '{name}' {member} must be on a parameter of type {wanted}")
            if not (is_number if wanted == "Number" else _is_length)(text(spec[member])):
                raise invalid(f"Template error: Parameter '{name}' {member} must be a number.")
    for least, most in _ORDER:
        if least in spec and most in spec and float(spec[least]) > float(spec[most]):
            raise invalid(f"Template error: Parameter '{name}' {least} must be less than {most}.")
    if not patterns.is_valid(text(spec.get("AllowedPattern", ""))):
        raise invalid(f"Parameter '{name}' AllowedPattern must be a valid regular expression.")


def is_number(value: str) -> bool:
    """Tell whether a text is an integer or a decimal number."""
    return _NUMBER.fullmatch(value.strip()) is not None


def _is_length(value: str) -> bool:
    return value.isdecimal()
