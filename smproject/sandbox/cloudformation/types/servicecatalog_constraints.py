"""Service Catalog's constraints of a product in a portfolio: what the template says of each becomes its parameters."""

from __future__ import annotations

import json
from typing import ClassVar

from smproject.sandbox.cloudformation.api import call, known, remove, updatable
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides
from smproject.sandbox.cloudformation.types.servicecatalog import LANGUAGE

_PLACE = ("PortfolioId", "ProductId")


class _Constraint(Provider):
    """A constraint: `Ref` is its id."""

    kind: ClassVar[str]
    own: ClassVar[tuple[str, ...]]  # the properties that make its parameters

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the constraint."""
        known(properties, "Description", LANGUAGE, *_PLACE, *self.own)
        place = {name: properties[name] for name in _PLACE} | {"Type": self.kind, "IdempotencyToken": context.name(60)}
        told = call(context.client("servicecatalog"), "CreateConstraint", place | self._told(properties))
        name = str(told["ConstraintDetail"]["ConstraintId"])
        return Made(name, {"Id": name})

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change the parameters or the description."""
        updatable(before, after, "Description", LANGUAGE, *self.own)
        call(context.client("servicecatalog"), "UpdateConstraint", {"Id": made.ref} | self._told(after))
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Delete the constraint."""
        remove(context.client("servicecatalog"), "DeleteConstraint", {"Id": made.ref})

    def parameters(self, properties: Properties) -> Properties:
        """Return the constraint's parameters; they are the type's own properties unless it says otherwise."""
        return {name: properties[name] for name in self.own if name in properties}

    def _told(self, properties: Properties) -> Properties:
        parameters = json.dumps(self.parameters(properties))
        return {"Parameters": parameters, "Description": properties.get("Description", "")}


@provides
class LaunchRoleConstraint(_Constraint):
    """The role that launches a product: its ARN, or its name in each launching account."""

    type, kind = "AWS::ServiceCatalog::LaunchRoleConstraint", "LAUNCH"
    own = ("RoleArn", "LocalRoleName")


@provides
class LaunchNotificationConstraint(_Constraint):
    """The topics that are told of the events of a product's stacks."""

    type, kind = "AWS::ServiceCatalog::LaunchNotificationConstraint", "NOTIFICATION"
    own = ("NotificationArns",)


@provides
class ResourceUpdateConstraint(_Constraint):
    """Whether the tags of a provisioned product may be changed."""

    type, kind = "AWS::ServiceCatalog::ResourceUpdateConstraint", "RESOURCE_UPDATE"
    own = ("TagUpdateOnProvisionedProduct",)

    def parameters(self, properties: Properties) -> Properties:
        """Return the one property in its envelope."""
        return {"Version": "2.0", "Properties": super().parameters(properties)}


@provides
class LaunchTemplateConstraint(_Constraint):
    """Rules for a product's parameters, which its stacks obey."""

    type, kind = "AWS::ServiceCatalog::LaunchTemplateConstraint", "TEMPLATE"
    own = ("Rules",)

    def parameters(self, properties: Properties) -> Properties:
        """Read the rules, which are JSON, within `Rules` or not."""
        rules = json.loads(properties["Rules"])
        return {"Rules": rules.get("Rules", rules)}
