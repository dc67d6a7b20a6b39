"""What Service Catalog remembers of what was launched."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from smproject.sandbox.service import Caller, now
from smproject.sandbox.servicecatalog.model import Artifact, Product


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
            "RecordTags": made.tags,
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
    topics: list[str] = field(default_factory=list)  # which the launch asked to be told
    status: str = "UNDER_CHANGE"
    message: str = ""
    stack_id: str = ""
    last_record: str = ""
    created: datetime = field(default_factory=now)
    former: dict[str, Any] = field(default_factory=dict)  # what it was before its last update

    def take(self, **facts: Any) -> None:
        """Become what an update makes of it, or what it was before."""
        for name, value in facts.items():
            setattr(self, name, value)

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
