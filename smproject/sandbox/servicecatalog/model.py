"""What Service Catalog remembers."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from smproject.sandbox.service import Caller, now


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
class Portfolio:
    """A portfolio: its products, the accounts it is shared with, and who may use it in which account."""

    id: str
    arn: str
    owner_account: str
    details: dict[str, Any]
    tags: list[dict[str, str]]
    products: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)
    accepted: set[str] = field(default_factory=set)
    principals: dict[str, set[tuple[str, str]]] = field(default_factory=dict)  # account -> (ARN, type)
    created: datetime = field(default_factory=now)

    def describe(self) -> dict[str, Any]:
        """Return the PortfolioDetail."""
        shown = ("DisplayName", "Description", "ProviderName")
        text: dict[str, Any] = {key: self.details[key] for key in shown if key in self.details}
        return {"Id": self.id, "ARN": self.arn, "CreatedTime": self.created, **text}

    def visible_in(self, account: str) -> bool:
        """Tell whether an account owns the portfolio or has accepted its share."""
        return account == self.owner_account or account in self.shared & self.accepted

    def usable_by(self, caller: Caller) -> bool:
        """Tell whether the caller may launch from the portfolio."""
        granted = self.principals.get(caller.account, set())
        return self.visible_in(caller.account) and any(_matches(caller.arn, arn, kind) for arn, kind in granted)


def _matches(caller_arn: str, granted: str, kind: str) -> bool:
    """Tell whether an association grants a caller, whose session ARN holds the role's name but not its path."""
    if ":assumed-role/" not in caller_arn:
        return caller_arn == granted
    account, role = caller_arn.split(":")[4], caller_arn.split("/")[1]
    name = granted.rpartition("/")[2]
    if kind == "IAM_PATTERN":
        return fnmatch.fnmatchcase(role, name)
    return granted.split(":")[4] == account and name == role


@dataclass
class Constraint:
    """A launch constraint: the role that launches one product of one portfolio."""

    id: str
    portfolio: str
    product: str
    owner: str
    parameters: dict[str, str]
    description: str

    def describe(self) -> dict[str, Any]:
        """Return the ConstraintDetail."""
        return {
            "ConstraintId": self.id,
            "Type": "LAUNCH",
            "Description": self.description,
            "Owner": self.owner,
            "PortfolioId": self.portfolio,
            "ProductId": self.product,
        }

    def role_arn(self, account: str) -> str:
        """Return the launch role's ARN in the account that launches."""
        local = self.parameters.get("LocalRoleName")
        return f"arn:aws:iam::{account}:role/{local}" if local else self.parameters["RoleArn"]


@dataclass
class Record:
    """One attempt to provision or terminate."""

    id: str
    type: str
    provisioned: Provisioned
    status: str = "IN_PROGRESS"
    errors: list[dict[str, str]] = field(default_factory=list)
    outputs: list[dict[str, str]] = field(default_factory=list)
    created: datetime = field(default_factory=now)
    updated: datetime = field(default_factory=now)

    def describe(self) -> dict[str, Any]:
        """Return the RecordDetail."""
        made = self.provisioned
        return {
            "RecordId": self.id,
            "RecordType": self.type,
            "Status": self.status,
            "RecordErrors": self.errors,
            "CreatedTime": self.created,
            "UpdatedTime": self.updated,
            "ProvisionedProductName": made.name,
            "ProvisionedProductId": made.id,
            "ProvisionedProductType": "CFN_STACK",
            "ProductId": made.product.id,
            "ProvisioningArtifactId": made.artifact.id,
            "PathId": made.path,
            **({"LaunchRoleArn": made.role_arn} if made.role_arn else {}),
        }


@dataclass
class Provisioned:
    """A provisioned product: a stack of one version of a product."""

    id: str
    arn: str
    name: str
    caller: Caller
    product: Product
    artifact: Artifact
    path: str
    role_arn: str
    tags: list[dict[str, str]]
    status: str = "UNDER_CHANGE"
    message: str = ""
    stack_id: str = ""
    last_record: str = ""
    created: datetime = field(default_factory=now)

    def describe(self) -> dict[str, Any]:
        """Return the ProvisionedProductDetail."""
        return {
            "Id": self.id,
            "Arn": self.arn,
            "Name": self.name,
            "Type": "CFN_STACK",
            "Status": self.status,
            "StatusMessage": self.message,
            "CreatedTime": self.created,
            "ProductId": self.product.id,
            "ProvisioningArtifactId": self.artifact.id,
            "LastRecordId": self.last_record,
            "LastProvisioningRecordId": self.last_record,
            "LastSuccessfulProvisioningRecordId": self.last_record,
            **({"LaunchRoleArn": self.role_arn} if self.role_arn else {}),
        }
