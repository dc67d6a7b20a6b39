"""The intrinsic functions, each computed from its argument; shapes are checked beforehand (signatures.py).

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from smproject.sandbox.cloudformation import mappings
from smproject.sandbox.cloudformation.signatures import USAGE
from smproject.sandbox.cloudformation.syntax import NO_VALUE, VARIABLE, attribute_of, invalid, text

if TYPE_CHECKING:
    from smproject.sandbox.cloudformation.intrinsics import Scope

Function = Callable[["Scope", Any], Any]


def _ref(scope: Scope, argument: Any) -> Any:
    name = scope.resolve(argument)
    return scope.values[name] if name in scope.values else scope.resource(name, None)


def _get_att(scope: Scope, argument: Any) -> Any:
    name, attribute = attribute_of(argument)
    return scope.resource(scope.resolve(name), scope.resolve(attribute))


def _sub(scope: Scope, argument: Any) -> str:
    pattern, local = argument if isinstance(argument, list) else (argument, {})
    local = scope.resolve(local)

    def value(match: re.Match[str]) -> str:
        bang, key = match.group(1), match.group(2).strip()
        if bang:
            return "${" + match.group(2) + "}"
        found = local[key] if key in local else _get_att(scope, key) if "." in key else _ref(scope, key)
        if isinstance(found, (list, dict)) or found is NO_VALUE:
            raise invalid("Template error: every variable in an Fn::Sub object must reference a string")
        return text(found)

    return VARIABLE.sub(value, pattern)


def _if(scope: Scope, argument: Any) -> Any:
    name, yes, no = argument
    return scope.resolve(yes if scope.condition(name) else no)


def _join(scope: Scope, pair: Any) -> str:
    items = scope.resolve(pair[1])
    if not isinstance(items, list) or any(isinstance(item, (dict, list)) for item in items):
        raise invalid(USAGE["Fn::Join"])
    return str(pair[0]).join(text(item) for item in items)


def _split(scope: Scope, pair: Any) -> list[str]:
    source = scope.resolve(pair[1])
    if isinstance(source, (dict, list)) or not pair[0]:
        raise invalid(USAGE["Fn::Split"])
    return text(source).split(str(pair[0]))


def _select(scope: Scope, pair: Any) -> Any:
    index, items = text(scope.resolve(pair[0])), scope.resolve(pair[1])
    if not re.fullmatch(r"-?\d+", index) or not isinstance(items, list):
        raise invalid(USAGE["Fn::Select"])
    if not 0 <= int(index) < len(items):
        raise invalid(f"Template error: Fn::Select cannot select nonexistent value at index {index}")
    return items[int(index)]


def _base64(scope: Scope, argument: Any) -> str:
    value = scope.resolve(argument)
    if isinstance(value, (dict, list)):
        raise invalid(USAGE["Fn::Base64"])
    return base64.b64encode(text(value).encode()).decode()


def _cidr(scope: Scope, argument: Any) -> list[str]:
    """Return the first `count` blocks of 2 ** `bits` addresses.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-cidr.html
    """
    block, count, *rest = scope.resolve(argument)
    try:
        network = ipaddress.ip_network(text(block), strict=False)
        bits = int(rest[0]) if rest else 8
        blocks = network.subnets(new_prefix=network.max_prefixlen - bits)
        wanted = range(int(count))
        found = [str(each) for _, each in zip(wanted, blocks, strict=False)]
    except ValueError as error:
        raise invalid(f"Template error: Fn::Cidr can't divide {block}: {error}.") from error
    if not 1 <= len(wanted) <= 256 or len(found) < len(wanted):
        raise invalid(f"Template error: Fn::Cidr can't divide {block} into {count} blocks of {bits} bits.")
    return found


def _zones(scope: Scope, argument: Any) -> list[str]:
    region = scope.resolve(argument)
    if not isinstance(region, str):
        raise invalid(USAGE["Fn::GetAZs"])
    return scope.zones(region or scope.values["AWS::Region"])


def _length(scope: Scope, argument: Any) -> int:
    items = scope.resolve(argument)
    if not isinstance(items, list):
        raise invalid("Template error: Fn::Length must be given an array, or a function that returns one.")
    return len(items)


def _equals(scope: Scope, pair: Any) -> bool:
    one, other = (scope.resolve(item) for item in pair)
    if isinstance(one, (dict, list)) or isinstance(other, (dict, list)):
        return bool(one == other)
    return text(one) == text(other)


FUNCTIONS: dict[str, Function] = {
    "Ref": _ref,
    "Condition": lambda scope, name: scope.condition(name),
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::If": _if,
    "Fn::Equals": _equals,
    "Fn::Not": lambda scope, items: not scope.resolve(items[0]),
    "Fn::And": lambda scope, items: all(scope.resolve(item) for item in items),
    "Fn::Or": lambda scope, items: any(scope.resolve(item) for item in items),
    "Fn::Join": _join,
    "Fn::Split": _split,
    "Fn::Select": _select,
    "Fn::FindInMap": mappings.find,
    "Fn::Base64": _base64,
    "Fn::Cidr": _cidr,
    "Fn::GetAZs": _zones,
    "Fn::ImportValue": lambda scope, name: scope.imports(text(scope.resolve(name))),
    "Fn::Length": _length,
    "Fn::ToJsonString": lambda scope, value: json.dumps(scope.resolve(value), separators=(",", ":")),
}
