"""The signs of the template language: calls of functions, names that they refer to, text, and how errors begin."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from smproject.sandbox.service import ServiceError

# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/pseudo-parameter-reference.html
PSEUDO = {
    "AWS::AccountId",
    "AWS::NoValue",
    "AWS::NotificationARNs",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
}
NO_VALUE = object()
VARIABLE = re.compile(r"\$\{(!?)([^}]*)\}")
LANGUAGE_EXTENSIONS = "AWS::LanguageExtensions"


def call_of(value: Any) -> tuple[str, Any] | None:
    """Return (name, argument) when a value is a call of an intrinsic function."""
    if isinstance(value, dict) and len(value) == 1:
        name, argument = next(iter(value.items()))
        if name == "Ref" or (name == "Condition" and isinstance(argument, str)) or str(name).startswith("Fn::"):
            return name, argument
    return None


def calls(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield each call of a function in a value, outer ones first."""
    if call := call_of(value):
        yield call
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        yield from calls(item)


def texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield each text in a value, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from texts(item, f"{path}/{key}")


def references(value: Any) -> Iterator[str]:
    """Yield each name that a value refers to by Ref, GetAtt or Sub."""
    for name, argument in calls(value):
        if name == "Ref" and isinstance(argument, str):
            yield argument
        elif name == "Fn::GetAtt":
            yield attribute_of(argument)[0]
        elif name == "Fn::Sub":
            yield from (key.split(".")[0] for key in variables(argument))


def attribute_of(argument: Any) -> tuple[str, Any]:
    """Return the logical id and the attribute that Fn::GetAtt asks for, in either of its forms."""
    name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
    return name, attribute


def variables(argument: Any) -> list[str]:
    """Return the names in a Fn::Sub's text that its own map doesn't give."""
    pattern, local = argument if isinstance(argument, list) else (argument, {})
    return [key.strip() for bang, key in VARIABLE.findall(pattern) if not bang and key.strip() not in local]


def text(value: Any) -> str:
    """Return a value as CloudFormation writes it into text: `true`, and `30` for 30.0."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def invalid(message: str) -> ServiceError:
    """Return CloudFormation's error for a template or its parameters."""
    return ServiceError("ValidationError", message)


def malformed(message: str) -> ServiceError:
    """Return CloudFormation's error for a template that isn't one."""
    return invalid(f"Template format error: {message}")
