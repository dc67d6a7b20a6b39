"""Custom resources: a Lambda function or the reader of an SNS topic makes them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-custom-resources.html
"""

from __future__ import annotations

import re
from typing import Any

from smproject.sandbox.cloudformation.api import NotUpdatableError
from smproject.sandbox.cloudformation.changes import Properties, same
from smproject.sandbox.cloudformation.custom import CustomResourceError, Response, as_text, ask, check_token
from smproject.sandbox.cloudformation.masks import NO_ECHO
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides
from smproject.sandbox.cloudformation.schemas import CUSTOM

_NAME = re.compile(r"Custom::[\w@-]{1,52}")  # 60 characters with the prefix
_PROPERTIES = "_properties"


@provides
class CustomResource(Provider):
    """A custom resource; a physical id that an update changes makes it a new one."""

    type, renews = CUSTOM, True

    def __init__(self, name: str = CUSTOM) -> None:
        self.name = name

    def named(self, type_: str) -> Provider:
        """Return the provider for a `Custom::Name`, which its requests tell."""
        return CustomResource(type_)

    def create(self, context: Context, properties: Properties) -> Made:
        """Ask for a resource; one that failed, or of which nothing was heard, is asked to be deleted later."""
        if self.name != CUSTOM and not _NAME.fullmatch(self.name):
            raise CustomResourceError(
                f"{self.name}: a custom type's name has at most 60 characters of A-Z, a-z, 0-9, _@-"
            )
        if "ServiceToken" not in properties:
            raise CustomResourceError("ServiceToken is a required property of a custom resource.")
        check_token(context, properties["ServiceToken"])  # nobody is asked to delete what nobody was asked for
        try:
            response = ask(context, self.name, "Create", properties)
        except CustomResourceError as error:
            context.begun(error.ref or context.name(128), {_PROPERTIES: properties})
            raise
        return _made(response, properties)

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Ask for the change; the answer's physical id says whether it is still the same resource."""
        if not same(before.get("ServiceToken"), after.get("ServiceToken")):
            raise NotUpdatableError("Modifying service token is not allowed.")
        facts = {"PhysicalResourceId": made.ref, "OldResourceProperties": as_text(before)}
        return _made(ask(context, self.name, "Update", after, **facts), after)

    def delete(self, context: Context, made: Made) -> None:
        """Ask for the deletion."""
        ask(context, self.name, "Delete", made.attributes[_PROPERTIES], PhysicalResourceId=made.ref)


def _made(response: Response, properties: Properties) -> Made:
    kept: dict[str, Any] = {_PROPERTIES: properties} | ({NO_ECHO: True} if response.no_echo else {})
    return Made(response.ref, response.data | kept)
