"""What Service Catalog remembers of what may be launched: products, portfolios, constraints."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from smproject.sandbox.service import Caller, now

_NAMED = "IAM_PATTERN"  # a principal of any account, by its name


@dataclass
class Artifact:
    """A version of a product: its template lies at `url`."""

    id: str
    name: str
    description: str
    url: str
    template: dict[str, Any]
    created: datetime = field(default_factory=now)
    active: bool = True
    guidance: str = "DEFAULT"

    def describe(self) -> dict[str, Any]:
        """Return the ProvisioningArtifactDetail."""
        return {
            "Id": self.id,
            "Name": self.name,
            "Description": self.description,
            "Type": "CLOUD_FORMATION_TEMPLATE",
            "CreatedTime": self.created,
            "Active": self.active,
            "Guidance": self.guidance,
        }


@dataclass
class Product:
    """A product and its versions."""

    id: str
    arn: str
    owner_account: str
    details: dict[str, Any]
    tags: list[dict[str, str]]
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)  # by which a repeated request for a version is known
    created: datetime = field(default_factory=now)

    def summary(self) -> dict[str, Any]:
        """Return the ProductViewSummary."""
        shown = ("Name", "Owner", "Distributor", "SupportDescription", "SupportEmail", "SupportUrl")
        text = {key: self.details[key] for key in shown if key in self.details}
        return {
            "Id": f"prodview-{self.id[5:]}",
            "ProductId": self.id,
            "Type": "CLOUD_FORMATION_TEMPLATE",
            "HasDefaultPath": False,
            "ShortDescription": self.details.get("Description", ""),
            **text,
        }

    def view(self) -> dict[str, Any]:
        """Return the ProductViewDetail."""
        return {
            "ProductViewSummary": self.summary(),
            "Status": "AVAILABLE",
            "ProductARN": self.arn,
            "CreatedTime": self.created,
        }


@dataclass
class Share:
    """Whom a portfolio is shared with; nodes of the organization needn't accept."""

    type: str  # ACCOUNT, ORGANIZATION, ORGANIZATIONAL_UNIT or ORGANIZATION_MEMBER_ACCOUNT
    principal: str
    tag_options: bool
    principals: bool
    accepted: bool

    @property
    def of_organization(self) -> bool:
        """Tell whether the organization's structure decides who it reaches."""
        return self.type != "ACCOUNT"

    def describe(self) -> dict[str, Any]:
        """Return the PortfolioShareDetail."""
        return {
            "PrincipalId": self.principal,
            "Type": self.type,
            "Accepted": self.accepted,
            "ShareTagOptions": self.tag_options,
            "SharePrincipals": self.principals,
        }


@dataclass
class Portfolio:
    """A portfolio: its products, whom it is shared with, and who may use it in which account."""

    id: str
    arn: str
    owner_account: str
    details: dict[str, Any]
    tags: list[dict[str, str]]
    products: set[str] = field(default_factory=set)
    shares: dict[tuple[str, str], Share] = field(default_factory=dict)  # by type and principal
    principals: dict[str, set[tuple[str, str]]] = field(default_factory=dict)  # account -> (ARN, type)
    created: datetime = field(default_factory=now)

    def describe(self) -> dict[str, Any]:
        """Return the PortfolioDetail."""
        shown = ("DisplayName", "Description", "ProviderName")
        text: dict[str, Any] = {key: self.details[key] for key in shown if key in self.details}
        return {"Id": self.id, "ARN": self.arn, "CreatedTime": self.created, **text}

    def grants(self, caller: Caller, share: Share | None) -> bool:
        """Tell whether the caller may launch from the portfolio; a share may lend the owner's names of principals."""
        granted = self.principals.get(caller.account, set())
        if share and share.principals:
            named = {(arn, kind) for arn, kind in self.principals.get(self.owner_account, set()) if kind == _NAMED}
            granted = granted | named
        return any(_matches(caller.arn, arn, kind) for arn, kind in granted)


def _matches(caller_arn: str, granted: str, kind: str) -> bool:
    """Tell whether an association grants a caller, whose session ARN holds the role's name but not its path."""
    if ":assumed-role/" not in caller_arn:
        return caller_arn == granted
    account, role = caller_arn.split(":")[4], caller_arn.split("/")[1]
    name = granted.rpartition("/")[2]
    if kind == _NAMED:
        return fnmatch.fnmatchcase(role, name)
    return granted.split(":")[4] == account and name == role


@dataclass
class TagOption:
    """A tag that provisioned products may or must get, and what it is associated with."""

    id: str
    owner: str
    key: str
    value: str
    active: bool = True
    resources: set[str] = field(default_factory=set)

    def describe(self) -> dict[str, Any]:
        """Return the TagOptionDetail."""
        return {"Id": self.id, "Key": self.key, "Value": self.value, "Active": self.active, "Owner": self.owner}


@dataclass
class Constraint:
    """A constraint of one product of one portfolio; `parameters` are read from the JSON that they come as."""

    id: str
    type: str
    portfolio: str
    product: str
    owner: str
    parameters: dict[str, Any]
    description: str

    def describe(self) -> dict[str, Any]:
        """Return the ConstraintDetail."""
        return {
            "ConstraintId": self.id,
            "Type": self.type,
            "Description": self.description,
            "Owner": self.owner,
            "PortfolioId": self.portfolio,
            "ProductId": self.product,
        }

    def role_arn(self, account: str) -> str:
        """Return the launch role's ARN in the account that launches."""
        local = self.parameters.get("LocalRoleName")
        return f"arn:aws:iam::{account}:role/{local}" if local else str(self.parameters["RoleArn"])
