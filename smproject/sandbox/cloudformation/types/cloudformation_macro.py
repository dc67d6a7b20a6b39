"""Macros, which process templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-macro.html
"""

from __future__ import annotations

from smproject.sandbox.cloudformation.api import known, updatable
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.macros import Macro, macros_of
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides

_CHANGING = ("Description", "FunctionName", "LogGroupName", "LogRoleARN")


@provides
class MacroDefinition(Provider):
    """A name by which templates have themselves processed by a function."""

    type = "AWS::CloudFormation::Macro"

    def create(self, context: Context, properties: Properties) -> Made:
        """Register the macro; whether there is such a function is seen when it is used."""
        known(properties, "Name", *_CHANGING)
        made = _macro(context, properties)
        macros_of(context.world).add(context.caller, made)
        return Made(made.name, {"Id": made.name})

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change the function, its logs and the description."""
        updatable(before, after, *_CHANGING)
        macros_of(context.world).replace(context.caller, _macro(context, after))
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Forget the macro."""
        macros_of(context.world).remove(context.caller, made.ref)


def _macro(context: Context, properties: Properties) -> Macro:
    return Macro(
        text(properties["Name"]),
        context.stack_id,
        text(properties["FunctionName"]),
        text(properties.get("LogGroupName", "")),
        text(properties.get("LogRoleARN", "")),
        text(properties.get("Description", "")),
    )
