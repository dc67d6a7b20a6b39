"""Service Catalog: portfolios, associations, constraints."""

from __future__ import annotations

import json
from typing import Any

from smproject.sandbox.cloudformation.api import call, known, updatable
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides
from smproject.sandbox.cloudformation.tags import plain, spelled

_PORTFOLIO = ("DisplayName", "ProviderName", "Description")


@provides
class Portfolio(Provider):
    """A portfolio."""

    type = "AWS::ServiceCatalog::Portfolio"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the portfolio."""
        more = {"Tags": spelled(properties.get("Tags")), "IdempotencyToken": context.name(60)}
        detail = call(context.client("servicecatalog"), "CreatePortfolio", properties | more)["PortfolioDetail"]
        return Made(detail["Id"], {"PortfolioName": detail["DisplayName"]})

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change what the portfolio is called and says, and its tags."""
        updatable(before, after, "Tags", *_PORTFOLIO)
        named = {name: after.get(name, "") for name in _PORTFOLIO}
        client = context.client("servicecatalog")
        call(client, "UpdatePortfolio", {"Id": made.ref, **named, **retagged(before, after)})
        return Made(made.ref, {"PortfolioName": after["DisplayName"]})

    def delete(self, context: Context, made: Made) -> None:
        """Delete the portfolio, which must be empty."""
        context.client("servicecatalog").delete_portfolio(Id=made.ref)


def retagged(before: Properties, after: Properties) -> Properties:
    """Return the members by which an update of Service Catalog changes tags."""
    old, new = plain(before.get("Tags")), plain(after.get("Tags"))
    return {"AddTags": spelled(new), "RemoveTags": sorted(set(old) - set(new))}


class _Association(Provider):
    """Something associated with a portfolio: `Ref` holds the pair."""

    associates: str
    disassociates: str
    member: str

    def create(self, context: Context, properties: Properties) -> Made:
        """Associate."""
        client = context.client("servicecatalog")
        getattr(client, self.associates)(**properties)
        return Made(f"{properties['PortfolioId']}|{properties[self.member]}", {"_": dict(properties)})

    def delete(self, context: Context, made: Made) -> None:
        """Disassociate."""
        sent = {k: v for k, v in made.attributes["_"].items() if k in ("PortfolioId", self.member, "PrincipalType")}
        getattr(context.client("servicecatalog"), self.disassociates)(**sent)


@provides
class ProductAssociation(_Association):
    """A product in a portfolio."""

    type = "AWS::ServiceCatalog::PortfolioProductAssociation"
    associates, disassociates = "associate_product_with_portfolio", "disassociate_product_from_portfolio"
    member = "ProductId"


@provides
class PrincipalAssociation(_Association):
    """Who may use a portfolio."""

    type = "AWS::ServiceCatalog::PortfolioPrincipalAssociation"
    associates, disassociates = "associate_principal_with_portfolio", "disassociate_principal_from_portfolio"
    member = "PrincipalARN"


@provides
class LaunchRoleConstraint(Provider):
    """The role that launches a product."""

    type = "AWS::ServiceCatalog::LaunchRoleConstraint"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the constraint with the role's ARN or its name in each launching account."""
        known(properties, "PortfolioId", "ProductId", "RoleArn", "LocalRoleName", "Description", "AcceptLanguage")
        answer = context.client("servicecatalog").create_constraint(
            PortfolioId=properties["PortfolioId"],
            ProductId=properties["ProductId"],
            Type="LAUNCH",
            IdempotencyToken=context.name(60),
            **_launch(properties),
        )
        return Made(answer["ConstraintDetail"]["ConstraintId"])

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change the role or the description."""
        updatable(before, after, "RoleArn", "LocalRoleName", "Description")
        context.client("servicecatalog").update_constraint(Id=made.ref, **_launch(after))
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Delete the constraint."""
        context.client("servicecatalog").delete_constraint(Id=made.ref)


def _launch(properties: Properties) -> dict[str, Any]:
    role = {key: properties[key] for key in ("RoleArn", "LocalRoleName") if key in properties}
    return {"Parameters": json.dumps(role), "Description": properties.get("Description", "")}
