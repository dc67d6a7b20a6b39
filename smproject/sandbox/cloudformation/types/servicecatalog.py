"""Service Catalog: portfolios, products, associations, constraints."""

from __future__ import annotations

import json
from typing import Any

from smproject.sandbox.cloudformation.provider import (
    Context,
    Made,
    Properties,
    Provider,
    known,
    provides,
    request,
    undone_on_failure,
)


@provides
class Portfolio(Provider):
    """A portfolio."""

    type = "AWS::ServiceCatalog::Portfolio"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the portfolio."""
        client = context.client("servicecatalog")
        wanted = {k: v for k, v in properties.items() if k != "Tags"} | {
            "Tags": context.tag_list(properties.get("Tags"))
        }
        detail = client.create_portfolio(
            **request(client, "CreatePortfolio", wanted | {"IdempotencyToken": context.name(60)})
        )
        portfolio = detail["PortfolioDetail"]
        return Made(portfolio["Id"], {"PortfolioName": portfolio["DisplayName"]})

    def delete(self, context: Context, made: Made) -> None:
        """Delete the portfolio, which must be empty."""
        context.client("servicecatalog").delete_portfolio(Id=made.ref)


@provides
class Product(Provider):
    """A product whose versions are CloudFormation templates in S3."""

    type = "AWS::ServiceCatalog::CloudFormationProduct"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the product with its first version, then the others."""
        known(
            properties,
            "Name",
            "Owner",
            "Description",
            "Distributor",
            "SupportDescription",
            "SupportEmail",
            "SupportUrl",
            "ProvisioningArtifactParameters",
            "Tags",
            "ReplaceProvisioningArtifacts",
        )
        client, versions = context.client("servicecatalog"), properties["ProvisioningArtifactParameters"]
        plain = {
            k: v
            for k, v in properties.items()
            if k not in ("ProvisioningArtifactParameters", "Tags", "ReplaceProvisioningArtifacts")
        }
        wanted = plain | {
            "Tags": context.tag_list(properties.get("Tags")),
            "ProductType": "CLOUD_FORMATION_TEMPLATE",
            "ProvisioningArtifactParameters": _version(versions[0]),
            "IdempotencyToken": context.name(60),
        }
        answer = client.create_product(**request(client, "CreateProduct", wanted))
        product = answer["ProductViewDetail"]["ProductViewSummary"]["ProductId"]
        with undone_on_failure(lambda: client.delete_product(Id=product)):
            further = [self._add(client, product, version) for version in versions[1:]]
        ids = [answer["ProvisioningArtifactDetail"]["Id"], *further]
        return Made(
            product,
            {
                "ProductName": properties["Name"],
                "ProvisioningArtifactIds": ",".join(ids),
                "ProvisioningArtifactNames": ",".join(v.get("Name", "") for v in versions),
            },
        )

    def _add(self, client: Any, product: str, version: Properties) -> str:
        answer = client.create_provisioning_artifact(
            ProductId=product, Parameters=_version(version), IdempotencyToken=version["Name"]
        )
        return str(answer["ProvisioningArtifactDetail"]["Id"])

    def delete(self, context: Context, made: Made) -> None:
        """Delete the product."""
        context.client("servicecatalog").delete_product(Id=made.ref)


def _version(parameters: Properties) -> Properties:
    return {"Type": "CLOUD_FORMATION_TEMPLATE"} | {
        k: v for k, v in parameters.items() if k != "DisableTemplateValidation"
    }


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
        role = {k: properties[k] for k in ("RoleArn", "LocalRoleName") if k in properties}
        answer = context.client("servicecatalog").create_constraint(
            PortfolioId=properties["PortfolioId"],
            ProductId=properties["ProductId"],
            Type="LAUNCH",
            Parameters=json.dumps(role),
            Description=properties.get("Description", ""),
            IdempotencyToken=context.name(60),
        )
        return Made(answer["ConstraintDetail"]["ConstraintId"])

    def delete(self, context: Context, made: Made) -> None:
        """Delete the constraint."""
        context.client("servicecatalog").delete_constraint(Id=made.ref)
