"""How each function is written and where it may stand, refused in CloudFormation's words before anything is computed.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from smproject.sandbox.cloudformation.syntax import VARIABLE, call_of, invalid, malformed

EXTENSIONS = {"Fn::Length", "Fn::ToJsonString"}
BOOLEAN = {"Condition", "Fn::And", "Fn::Equals", "Fn::Not", "Fn::Or"}
RULE_ONLY = {
    "Fn::Contains",
    "Fn::EachMemberEquals",
    "Fn::EachMemberIn",
    "Fn::RefAll",
    "Fn::ValueOf",
    "Fn::ValueOfAll",
}
VALUES = {
    "Ref",
    "Fn::Base64",
    "Fn::Cidr",
    "Fn::FindInMap",
    "Fn::GetAZs",
    "Fn::GetAtt",
    "Fn::If",
    "Fn::ImportValue",
    "Fn::Join",
    "Fn::Select",
    "Fn::Split",
    "Fn::Sub",
}
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-conditions.html
IN_CONDITIONS = BOOLEAN | {"Ref", "Fn::FindInMap", "Fn::If", "Fn::Join", "Fn::Select", "Fn::Split", "Fn::Sub"}
_SUPPORTED = (
    "Fn::Base64, Fn::GetAtt, Fn::GetAZs, Fn::ImportValue, Fn::Join, Fn::Split, Fn::FindInMap, Fn::Select, Ref, "
    "Fn::Equals, Fn::If, Fn::Not, Condition, Fn::And, Fn::Or, Fn::Contains, Fn::EachMemberEquals, Fn::EachMemberIn, "
    "Fn::ValueOf, Fn::ValueOfAll, Fn::RefAll, Fn::Sub, Fn::Cidr"
)
_MANY = "Template error: every %s object requires a list of at least 2 and at most 10 boolean parameters."
USAGE = {
    "Ref": "Template error: All References must be of type string",
    "Condition": "Template error: All Conditions must be of type string",
    "Fn::And": _MANY % "Fn::And",
    "Fn::Or": _MANY % "Fn::Or",
    "Fn::Not": "Template error: Fn::Not requires a list argument with one function token",
    "Fn::Equals": "Template error: Fn::Equals requires a list argument with two elements",
    "Fn::If": "Template error: Fn::If requires a list argument with three elements",
    "Fn::GetAtt": (
        "Template error: every Fn::GetAtt object requires two non-empty parameters, "
        "the resource name and the resource attribute"
    ),
    "Fn::Sub": (
        "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string as "
        "first argument, and an optional second argument to specify a mapping of values to replace in the string"
    ),
    "Fn::Join": (
        "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of "
        "strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined."
    ),
    "Fn::Split": (
        "Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to "
        "be split or a function that returns a string to be split."
    ),
    "Fn::Select": (
        "Template error: Fn::Select requires a list argument with two elements: an integer index and a list"
    ),
    "Fn::FindInMap": (
        "Template error: every Fn::FindInMap object requires three parameters, "
        "the map name, map key and the attribute for return value"
    ),
    "Fn::Base64": "Template error: every Fn::Base64 object must have a String-typed value.",
    "Fn::GetAZs": "Template error: every Fn::GetAZs object must have a String-typed value.",
    "Fn::Cidr": (
        "Template error: every Fn::Cidr object requires two parameters, (1) a string ipBlock, (2) an integer count, "
        "and an optional integer cidrBits."
    ),
    "Fn::ImportValue": "Template error: every Fn::ImportValue object must have a String-typed value.",
    "Fn::Length": "Template error: Fn::Length must be given an array, or a function that returns one.",
    "Fn::ToJsonString": "Template error: Fn::ToJsonString must be given an array or an object.",
    "Fn::RefAll": "Template error: every Fn::RefAll object must name a parameter type.",
}
_TWO = "Template error: every {} object requires two parameters."
_NAME = re.compile(r"[A-Za-z0-9_.:]+")


def _text(value: Any) -> bool:
    return isinstance(value, (str, int, float)) or call_of(value) is not None


def _list(*sizes: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and len(value) in sizes


def _items(value: Any) -> bool:
    return isinstance(value, list) or call_of(value) is not None


def _booleans(value: Any, *sizes: int) -> bool:
    return _list(*sizes)(value) and all((call_of(item) or ("",))[0] in BOOLEAN | RULE_ONLY for item in value)


def _get_att(value: Any) -> bool:
    if isinstance(value, str):
        value = value.split(".", 1)
    return _list(2)(value) and all(_text(part) and part != "" for part in value)


def _sub(value: Any) -> bool:
    pattern, local = value if _list(2)(value) else (value, {})
    return isinstance(pattern, str) and isinstance(local, dict)


def _find_in_map(value: Any) -> bool:
    if _list(4)(value):
        return all(map(_text, value[:3])) and isinstance(value[3], dict) and set(value[3]) == {"DefaultValue"}
    return _list(3)(value) and all(map(_text, value))


_SHAPES: dict[str, Callable[[Any], bool]] = {
    "Ref": lambda value: isinstance(value, str),
    "Condition": lambda value: isinstance(value, str),
    "Fn::And": lambda value: _booleans(value, *range(2, 11)),
    "Fn::Or": lambda value: _booleans(value, *range(2, 11)),
    "Fn::Not": lambda value: _booleans(value, 1),
    "Fn::Equals": _list(2),
    "Fn::If": lambda value: _list(3)(value) and isinstance(value[0], str),
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::Join": lambda value: _list(2)(value) and isinstance(value[0], str) and _items(value[1]),
    "Fn::Split": lambda value: _list(2)(value) and isinstance(value[0], str) and _text(value[1]),
    "Fn::Select": lambda value: _list(2)(value) and _text(value[0]) and _items(value[1]),
    "Fn::FindInMap": _find_in_map,
    "Fn::Base64": _text,
    "Fn::GetAZs": _text,
    "Fn::Cidr": lambda value: _list(2, 3)(value) and all(map(_text, value)),
    "Fn::ImportValue": _text,
    "Fn::Length": _items,
    "Fn::ToJsonString": lambda value: isinstance(value, (dict, list)),
    "Fn::Contains": _list(2),
    "Fn::EachMemberEquals": _list(2),
    "Fn::EachMemberIn": _list(2),
    "Fn::RefAll": lambda value: isinstance(value, str),
    "Fn::ValueOf": lambda value: _list(2)(value) and all(isinstance(each, str) for each in value),
    "Fn::ValueOfAll": lambda value: _list(2)(value) and all(isinstance(each, str) for each in value),
}


def check(value: Any, allowed: set[str], section: str, extended: bool) -> None:
    """Refuse functions that are malformed, unknown, or out of place in a section; `extended` allows the extensions."""
    if call := call_of(value):
        _check_call(*call, allowed=allowed, section=section, extended=extended)
    elif isinstance(value, dict) and (found := next((key for key in value if str(key).startswith("Fn::")), None)):
        raise malformed(f"the function {found} in the {section} block has other members beside it.")
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        check(item, allowed, section, extended)


def _check_call(name: str, argument: Any, allowed: set[str], section: str, extended: bool) -> None:
    if name not in _SHAPES or (name in EXTENSIONS and not extended):
        raise invalid(
            f"Template Error: Encountered unsupported function: {name} Supported functions are: [{_SUPPORTED}]"
        )
    if name not in allowed | EXTENSIONS:
        raise invalid(_misplaced(name, section))
    if not _SHAPES[name](argument) or (name == "Fn::FindInMap" and len(argument) == 4 and not extended):
        raise invalid(USAGE.get(name) or _TWO.format(name))
    if name == "Fn::Sub":
        _check_sub(argument)


def _misplaced(name: str, section: str) -> str:
    if section == "Conditions":
        return f"Template error: Cannot use {name} in Conditions."
    if name in BOOLEAN:
        return f"Template error: {name} cannot be partially collapsed"
    return f"Template error: Cannot use {name} in {section}."


def _check_sub(argument: Any) -> None:
    pattern, local = argument if isinstance(argument, list) else (argument, {})
    if not all(re.fullmatch("[A-Za-z0-9_]+", key) for key in local):
        raise invalid(
            "Template error: every key of the context object of every Fn::Sub object must contain only alphanumeric "
            "characters and underscores"
        )
    if not all(_text(item) for item in local.values()):
        raise invalid(
            "Template error: every value of the context object of every Fn::Sub object must be a string or a function "
            "that returns a string"
        )
    if any(not bang and not _NAME.fullmatch(key.strip()) for bang, key in VARIABLE.findall(pattern)):
        raise invalid(
            "Template error: variable names in Fn::Sub syntax must contain only alphanumeric characters, underscores, "
            "periods, and colons"
        )
