"""Service Catalog's resources before and after an update in place, in the account that publishes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from update_cases import TAG, Case
from update_looks import first

Client = Callable[[str], Any]
PUBLISHED = (
    "  Portfolio: {Type: AWS::ServiceCatalog::Portfolio, Properties: {DisplayName: NAME, ProviderName: p}}\n"
    "  Product: {Type: AWS::ServiceCatalog::CloudFormationProduct, Properties: {Name: NAME, Owner: o, "
    "ProvisioningArtifactParameters: [{Name: v1, Info: {LoadTemplateFromURL: 'ADDRESS'}}]}}\n"
    "  Inside: {Type: AWS::ServiceCatalog::PortfolioProductAssociation, "
    "Properties: {PortfolioId: !Ref Portfolio, ProductId: !Ref Product}}\n"
)
PLACE = "PortfolioId: !GetAtt Portfolio.Id, ProductId: !GetAtt Product.Id"
SHARE = "{PortfolioId: !Ref Portfolio, AccountId: '333333333333', ShareTagOptions: %s}"
RULES = json.dumps({"Named": {"Assertions": [{"Assert": {"Fn::Equals": [{"Ref": "Value"}, "VALUE"]}}]}})
TOPIC = "arn:aws:sns:us-east-1:111111111111:"


def portfolio_id(client: Client, name: str) -> str:
    pages = client("servicecatalog").get_paginator("list_portfolios").paginate()
    listed = [item for page in pages for item in page["PortfolioDetails"]]
    return str(first([item for item in listed if item["DisplayName"] == name])["Id"])


def portfolio(client: Client, name: str) -> Any:
    shown = client("servicecatalog").describe_portfolio(Id=portfolio_id(client, name))
    detail, tags = shown["PortfolioDetail"], {tag["Key"]: tag["Value"] for tag in shown["Tags"]}
    return detail["Description"], detail["ProviderName"], tags["k"]


def share(client: Client, name: str) -> Any:
    named = {"PortfolioId": portfolio_id(client, name), "Type": "ACCOUNT"}
    found = first(client("servicecatalog").describe_portfolio_shares(**named)["PortfolioShareDetails"])
    return found["PrincipalId"], found["ShareTagOptions"], found["Accepted"]


def option(client: Client, name: str) -> Any:
    listed = client("servicecatalog").list_tag_options(Filters={"Key": name})["TagOptionDetails"]
    return first(listed)["Value"], first(listed)["Active"]


def constraint(client: Client, name: str) -> Any:
    catalog = client("servicecatalog")
    listed = catalog.list_constraints_for_portfolio(PortfolioId=portfolio_id(client, name))["ConstraintDetails"]
    shown = catalog.describe_constraint(Id=first(listed)["ConstraintId"])
    detail = shown["ConstraintDetail"]
    return detail["Type"], detail["Description"], json.loads(shown["ConstraintParameters"])


def constrained(type_: str, property_: str, old: str, new: str, shown: Any) -> Case:
    """Return the case of a constraint one of whose properties changes with its description."""
    before, after = (
        f"{{{PLACE}, Description: {told}, {property_}: {value}}}" for told, value in (("old", old), ("new", new))
    )
    return Case(f"AWS::ServiceCatalog::{type_}", before, after, constraint, shown, PUBLISHED)


CASES = {
    "portfolio": Case(
        "AWS::ServiceCatalog::Portfolio",
        f"{{DisplayName: NAME, ProviderName: a, AcceptLanguage: en, Description: old, {TAG % 1}}}",
        f"{{DisplayName: NAME, ProviderName: b, Description: new, {TAG % 2}}}",
        portfolio,
        ("new", "b", "2"),
    ),
    "share": Case(
        "AWS::ServiceCatalog::PortfolioShare",
        SHARE % "true",
        SHARE % "false",
        share,
        ("333333333333", False, False),
        PUBLISHED,
    ),
    "tag option": Case(
        "AWS::ServiceCatalog::TagOption",
        "{Key: NAME, Value: v}",
        "{Key: NAME, Value: v, Active: false}",
        option,
        ("v", False),
    ),
    "launch role": constrained(
        "LaunchRoleConstraint", "LocalRoleName", "old", "new", ("LAUNCH", "new", {"LocalRoleName": "new"})
    ),
    "notification": constrained(
        "LaunchNotificationConstraint",
        "NotificationArns",
        f"['{TOPIC}a']",
        f"['{TOPIC}b']",
        ("NOTIFICATION", "new", {"NotificationArns": [f"{TOPIC}b"]}),
    ),
    "tag updates": constrained(
        "ResourceUpdateConstraint",
        "TagUpdateOnProvisionedProduct",
        "NOT_ALLOWED",
        "ALLOWED",
        (
            "RESOURCE_UPDATE",
            "new",
            {"Version": "2.0", "Properties": {"TagUpdateOnProvisionedProduct": "ALLOWED"}},
        ),
    ),
    "rules": constrained(
        "LaunchTemplateConstraint",
        "Rules",
        f"'{RULES.replace('VALUE', 'old')}'",
        f"'{RULES.replace('VALUE', 'new')}'",
        ("TEMPLATE", "new", {"Rules": json.loads(RULES.replace("VALUE", "new"))}),
    ),
}
