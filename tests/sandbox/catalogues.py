"""A portfolio with one tiny product, as the shared-services account publishes it, for the tests that launch it."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

from harness import ACCOUNTS, Sandbox, eventually

HUB = "shared-services"
SCIENTIST = f"arn:aws:iam::{ACCOUNTS['development']}:role/DataScientist"
# What a SageMaker project's product needs, and one parameter to get wrong.
TEMPLATE = """
Parameters:
  SageMakerProjectName: {Type: String, Default: none}
  SageMakerProjectId: {Type: String, Default: none}
  Value: {Type: String, Default: abc, AllowedPattern: "[a-z]+", Description: told}
Resources:
  Kept:
    Type: AWS::SSM::Parameter
    Properties: {Name: !Sub "/made/${SageMakerProjectName}/${Value}", Type: String, Value: !Ref Value}
Outputs: {Name: {Value: !Ref Kept}}
"""


# What a launch role needs to read Service Catalog's copy of a template.
READS = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": "*",
        "Condition": {"StringEquals": {"s3:ExistingObjectTag/servicecatalog:provisioning": "true"}},
    },
}


@dataclass
class Catalogue:
    """A published product: ids of its portfolio, itself and its first version, and the role that launches it."""

    sandbox: Sandbox
    portfolio: str
    product: str
    version: str
    role: str

    def provision(self, name: str, profile: str = "development", **parameters: str) -> dict[str, Any]:
        """Launch the product; return the record at its end."""
        given = [{"Key": key, "Value": value} for key, value in parameters.items()]
        chosen = {"ProductId": self.product, "ProvisioningArtifactId": self.version}
        client = self.sandbox.client("servicecatalog", profile)
        made = client.provision_product(ProvisionedProductName=name, ProvisioningParameters=given, **chosen)
        return self.ended(made["RecordDetail"]["RecordId"], profile)

    def terminate(self, name: str) -> dict[str, Any]:
        """Terminate a provisioned product; return the record at its end."""
        client = self.sandbox.client("servicecatalog")
        return self.ended(client.terminate_provisioned_product(ProvisionedProductName=name)["RecordDetail"]["RecordId"])

    def ended(self, record: str, profile: str = "development") -> dict[str, Any]:
        """Wait for the end of a record; return its description."""
        client = self.sandbox.client("servicecatalog", profile)

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = client.describe_record(Id=record)
            return found if found["RecordDetail"]["Status"] in {"SUCCEEDED", "FAILED"} else None

        return eventually(look)


def upload(sandbox: Sandbox, template: str) -> str:
    """Put a template into S3; return its address."""
    s3, bucket = sandbox.client("s3", HUB), "catalogue-templates"
    s3.create_bucket(Bucket=bucket)
    key = f"{uuid.uuid4()}.yaml"
    s3.put_object(Bucket=bucket, Key=key, Body=template.encode())
    return f"https://{bucket}.s3.amazonaws.com/{key}"


def publish(sandbox: Sandbox, trusted: str = "servicecatalog.amazonaws.com", template: str = TEMPLATE) -> Catalogue:
    """Publish a product that nobody sees yet, launched by a role of the launching account that trusts a service."""
    client, name = sandbox.client("servicecatalog", HUB), f"product-{uuid.uuid4().hex[:8]}"
    portfolio = client.create_portfolio(DisplayName=name, ProviderName="platform")["PortfolioDetail"]["Id"]
    version = {
        "Name": "v1",
        "Type": "CLOUD_FORMATION_TEMPLATE",
        "Info": {"LoadTemplateFromURL": upload(sandbox, template)},
    }
    product = client.create_product(
        Name=name, Owner="platform", ProductType="CLOUD_FORMATION_TEMPLATE", ProvisioningArtifactParameters=version
    )
    product_id = product["ProductViewDetail"]["ProductViewSummary"]["ProductId"]
    client.associate_product_with_portfolio(PortfolioId=portfolio, ProductId=product_id)
    role = f"launch-{uuid.uuid4().hex[:8]}"
    sandbox.role(role, trusted)
    sandbox.client("iam").put_role_policy(RoleName=role, PolicyName="templates", PolicyDocument=json.dumps(READS))
    local = json.dumps({"LocalRoleName": role})
    client.create_constraint(PortfolioId=portfolio, ProductId=product_id, Type="LAUNCH", Parameters=local)
    return Catalogue(sandbox, portfolio, product_id, product["ProvisioningArtifactDetail"]["Id"], role)


def share(catalogue: Catalogue, principal: str = SCIENTIST) -> Catalogue:
    """Share a portfolio with the development account, accept it there, and let a principal use it."""
    sandbox, portfolio = catalogue.sandbox, catalogue.portfolio
    hub, own = sandbox.client("servicecatalog", HUB), sandbox.client("servicecatalog")
    hub.create_portfolio_share(PortfolioId=portfolio, AccountId=ACCOUNTS["development"])
    own.accept_portfolio_share(PortfolioId=portfolio)
    own.associate_principal_with_portfolio(PortfolioId=portfolio, PrincipalARN=principal, PrincipalType="IAM")
    return catalogue
