"""What the AWS CDK writes into its templates about itself."""

from __future__ import annotations

from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides


@provides
class Metadata(Provider):
    """A note of what the CDK has made the template of; nothing is made of it on AWS either."""

    type = "AWS::CDK::Metadata"

    def create(self, context: Context, properties: Properties) -> Made:
        """Name the note."""
        return Made(context.name(128))

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Take the new note; there is nothing to change."""
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Nothing is left of it."""
