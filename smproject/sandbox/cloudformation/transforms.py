"""Transforms, which rewrite a template before it is executed: AWS's own, and the account's macros.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/transform-section-structure.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from smproject.sandbox.cloudformation import foreach, serverless
from smproject.sandbox.cloudformation.format import parse
from smproject.sandbox.cloudformation.intrinsics import Scope
from smproject.sandbox.cloudformation.macros import Invoker
from smproject.sandbox.cloudformation.syntax import LANGUAGE_EXTENSIONS, invalid, malformed
from smproject.sandbox.service import Caller, ServiceError

INCLUDE = "AWS::Include"
SERVERLESS = "AWS::Serverless-2016-10-31"
_CALL = "Fn::Transform"
_SCALARS = (str, int, float, bool)


@dataclass(frozen=True)
class Context:
    """What transforms work with: whose template it is, what its names mean, how text in S3 is read, and the macros."""

    caller: Caller
    scope: Scope
    parameters: dict[str, Any]
    fetch: Callable[[str], str]
    macros: Invoker


def declared(template: dict[str, Any]) -> list[str]:
    """Return the names of a template's transforms, of the whole and of parts."""
    whole = [name for name, _ in _items(template.get("Transform", []))]
    return list(dict.fromkeys(whole + _nested(template)))


def _nested(value: Any) -> list[str]:
    """Return the names of the transforms of parts."""
    if isinstance(value, list):
        return [name for item in value for name in _nested(item)]
    if not isinstance(value, dict):
        return []
    own = [name for name, _ in _items(value.get(_CALL, []))]
    return own + [name for item in value.values() for name in _nested(item)]


def _items(given: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return the transforms that one place names, in their order, each with its parameters."""
    return [_item(item) for item in (given if isinstance(given, list) else [given])]


def _item(item: Any) -> tuple[str, dict[str, Any]]:
    if isinstance(item, str):
        return item, {}
    name, parameters = (item.get("Name"), item.get("Parameters", {})) if isinstance(item, dict) else (None, None)
    if isinstance(item, dict) and "Name" in item and not isinstance(name, str):
        raise invalid("Key Name of transform definition must be a string.")
    if isinstance(name, str) and isinstance(parameters, dict) and set(item) <= {"Name", "Parameters"}:
        return name, parameters
    raise malformed("Transform must be a name, or a map of Name and Parameters.")


def check(template: dict[str, Any]) -> None:
    """Refuse AWS's transforms that can't be done here."""
    for name in declared(template):
        if name.startswith("AWS::") and name not in {INCLUDE, LANGUAGE_EXTENSIONS, SERVERLESS}:
            raise invalid(f"The sandbox does not execute the transform {name}.")


def expand(template: dict[str, Any], context: Context) -> dict[str, Any]:
    """Return a template as its transforms leave it: those of the innermost parts first, those of the whole last.

    At one place they are done in their order. Every macro must be there before any is invoked; what it answers is not
    searched for further transforms.
    """
    for name in declared(template):
        if not name.startswith("AWS::"):
            context.macros.find(name)
    whole = {section: item for section, item in template.items() if section != "Transform"}
    found = _known(_processed(whole, context), context, _CALL)
    for name, parameters in _items(template.get("Transform", [])):
        found = _known(_of_whole(name, parameters, found, context), context, name)
    return found


def _known(found: Any, context: Context, name: str) -> dict[str, Any]:
    """Let what follows know the mappings of a template that a transform has made."""
    if not isinstance(found, dict):
        raise invalid(f"Transform {name} failed with: the processed template is not an object.")
    context.scope.mappings = found.get("Mappings", {})
    return found


def _of_whole(name: str, parameters: dict[str, Any], template: dict[str, Any], context: Context) -> Any:
    if name == INCLUDE:
        return _merged(template, _include(parameters, context), "the template")
    if name == LANGUAGE_EXTENSIONS:
        return foreach.expand(template, context.scope)
    if name == SERVERLESS:
        return serverless.expand(template, context.parameters, context.caller.region)
    return context.macros.process(name, template, _resolved(name, parameters, context))


def _processed(value: Any, context: Context) -> Any:
    """Return a value with each `Fn::Transform` in it, and what stands beside that, replaced by what comes of them."""
    if isinstance(value, list):
        return [_processed(item, context) for item in value]
    if not isinstance(value, dict):
        return value
    found: Any = {key: _processed(item, context) for key, item in value.items() if key != _CALL}
    for name, parameters in _items(value.get(_CALL, [])):
        found = _of_part(name, _processed(parameters, context), found, context)
    return found


def _of_part(name: str, parameters: dict[str, Any], siblings: Any, context: Context) -> Any:
    if name == INCLUDE:
        return _merged(siblings, _include(parameters, context), "Fn::Transform")
    if name.startswith("AWS::"):
        raise invalid(f"Template error: {name} can't be used in Fn::Transform")
    return context.macros.process(name, siblings, _resolved(name, parameters, context))


def _resolved(name: str, parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Return a macro's parameters with what the template's parameters and mappings tell.

    AWS's guide says that they are not evaluated; its sample templates, and the message for those that can't be, say
    that they are.
    """
    return {key: _plain(name, key, value, context.scope) for key, value in parameters.items()}


def _plain(name: str, key: str, value: Any, scope: Scope) -> Any:
    try:
        found = scope.resolve(value)
    except ServiceError:
        found = None
    if isinstance(found, _SCALARS) or (isinstance(found, list) and all(isinstance(each, _SCALARS) for each in found)):
        return found
    raise invalid(
        f"The value of parameter {key} under transform {name} must resolve to a string, number, boolean or a list of "
        "any of these."
    )


def _include(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-include.html."""
    location = context.scope.resolve(parameters.get("Location"))
    if not isinstance(location, str) or not location.startswith("s3://"):
        raise invalid(f"Transform {INCLUDE} failed with: The location parameter is not a valid S3 uri.")
    snippet = parse(context.fetch(location))
    if not isinstance(snippet, dict):
        raise invalid(f"Transform {INCLUDE} failed with: The specified S3 object's content should be valid Yaml/JSON")
    return dict(_processed(snippet, context))


def _merged(one: Any, other: dict[str, Any], where: str) -> dict[str, Any]:
    if not isinstance(one, dict):
        raise invalid(f"Transform {INCLUDE} failed with: what stands beside it in {where} is not an object.")
    if twice := sorted(set(one) & set(other)):
        raise invalid(f"Transform {INCLUDE} failed with: {where} has the member {twice[0]} already.")
    return one | other


def extended(template: dict[str, Any]) -> bool:
    """Tell whether a template may use the language's extensions."""
    return LANGUAGE_EXTENSIONS in declared(template)
