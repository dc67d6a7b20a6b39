"""Transforms, which rewrite a template before it is executed; each is known by name, other macros are refused.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/transform-section-structure.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from smproject.sandbox.cloudformation import foreach, serverless
from smproject.sandbox.cloudformation.format import parse
from smproject.sandbox.cloudformation.intrinsics import Scope
from smproject.sandbox.cloudformation.syntax import LANGUAGE_EXTENSIONS, calls, invalid, malformed
from smproject.sandbox.service import Caller

INCLUDE = "AWS::Include"
SERVERLESS = "AWS::Serverless-2016-10-31"


@dataclass(frozen=True)
class Context:
    """What transforms work with: whose template it is, what its names mean, and how text in S3 is read."""

    caller: Caller
    scope: Scope
    parameters: dict[str, Any]
    fetch: Callable[[str], str]


def declared(template: dict[str, Any]) -> list[str]:
    """Return the names of a template's transforms, of the whole and of parts."""
    whole = [_named(item)[0] for item in _listed(template)]
    parts = [_named(argument)[0] for name, argument in calls(template) if name == "Fn::Transform"]
    return list(dict.fromkeys(whole + parts + _nested(template)))


def _nested(value: Any) -> list[str]:
    """Return the names of the transforms that stand beside other members."""
    if isinstance(value, list):
        return [name for item in value for name in _nested(item)]
    if not isinstance(value, dict):
        return []
    own = [_named(value["Fn::Transform"])[0]] if "Fn::Transform" in value else []
    return own + [name for item in value.values() for name in _nested(item)]


def _listed(template: dict[str, Any]) -> list[Any]:
    whole = template.get("Transform", [])
    return whole if isinstance(whole, list) else [whole]


def _named(item: Any) -> tuple[str, dict[str, Any]]:
    item = item[0] if isinstance(item, list) and len(item) == 1 else item  # AWS's own samples write Fn::Transform so
    if isinstance(item, str):
        return item, {}
    name, parameters = (item.get("Name"), item.get("Parameters", {})) if isinstance(item, dict) else (None, None)
    if isinstance(name, str) and isinstance(parameters, dict) and set(item) <= {"Name", "Parameters"}:
        return name, parameters
    raise malformed("Transform must be a name, or a map of Name and Parameters.")


def check(template: dict[str, Any], caller: Caller) -> None:
    """Refuse transforms that can't be done here."""
    for name in declared(template):
        if name.startswith("AWS::") and name not in {INCLUDE, LANGUAGE_EXTENSIONS, SERVERLESS}:
            raise invalid(f"The sandbox does not execute the transform {name}.")
        if not name.startswith("AWS::"):
            raise invalid(f"No transform named {caller.account}::{name} found.")


def expand(template: dict[str, Any], context: Context) -> dict[str, Any]:
    """Return a template as its transforms leave it, inner ones first, those of the whole in their order."""
    found: dict[str, Any] = _included(template, context)
    for item in _listed(found):
        name, parameters = _named(item)
        if name == INCLUDE:
            found = _merged(found, _include(parameters, context), "the template")
        elif name == LANGUAGE_EXTENSIONS:
            found = foreach.expand(found, context.scope)
        else:
            found = serverless.expand(found, context.parameters, context.caller.region)
    return {section: item for section, item in found.items() if section != "Transform"}


def _included(value: Any, context: Context) -> Any:
    """Return a value with each `Fn::Transform` in it replaced by what it includes."""
    if isinstance(value, list):
        return [_included(item, context) for item in value]
    if not isinstance(value, dict):
        return value
    rest = {key: _included(item, context) for key, item in value.items() if key != "Fn::Transform"}
    if "Fn::Transform" not in value:
        return rest
    name, parameters = _named(value["Fn::Transform"])
    if name != INCLUDE:
        raise invalid(f"Template error: {name} can't be used in Fn::Transform")
    return _merged(rest, _include(parameters, context), "Fn::Transform")


def _include(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-include.html."""
    location = context.scope.resolve(parameters.get("Location"))
    if not isinstance(location, str) or not location.startswith("s3://"):
        raise invalid(f"Transform {INCLUDE} failed with: The location parameter is not a valid S3 uri.")
    snippet = parse(context.fetch(location))
    if not isinstance(snippet, dict):
        raise invalid(f"Transform {INCLUDE} failed with: The specified S3 object's content should be valid Yaml/JSON")
    return dict(_included(snippet, context))


def _merged(one: dict[str, Any], other: dict[str, Any], where: str) -> dict[str, Any]:
    if twice := sorted(set(one) & set(other)):
        raise invalid(f"Transform {INCLUDE} failed with: {where} has the member {twice[0]} already.")
    return one | other


def extended(template: dict[str, Any]) -> bool:
    """Tell whether a template may use the language's extensions."""
    return LANGUAGE_EXTENSIONS in declared(template)
