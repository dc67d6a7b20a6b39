"""A SageMaker project: what was asked for, what is behind it, and how it is described."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from smproject.sandbox.sagemaker.registry import creator
from smproject.sandbox.service import Caller, Request, now

PRODUCT, TEMPLATES = "ServiceCatalogProvisioningDetails", "TemplateProviders"
Work = Callable[[], str]  # waits for an end; returns why it failed, or nothing


@dataclass
class Project:
    """A project, and the provisioned product or the stack that is behind it."""

    name: str
    id: str
    arn: str
    caller: Caller
    request: Request
    status: str = "Pending"
    product_id: str = ""
    stack_id: str = ""
    message: str = ""  # why the last operation failed
    created: datetime = field(default_factory=now)
    changed: datetime | None = None
    changed_by: Caller | None = None

    @property
    def values(self) -> dict[str, str]:
        """Return the values that were given for the template's parameters."""
        return values_of(self.details.get("ProvisioningParameters" if PRODUCT in self.request else "Parameters"))

    @property
    def own(self) -> dict[str, str]:
        """Return the values of the parameters that SageMaker fills in."""
        return {"SageMakerProjectName": self.name, "SageMakerProjectId": self.id}

    @property
    def details(self) -> dict[str, Any]:
        """Return what was asked for: the product, or the one template."""
        found: dict[str, Any] = (
            self.request[PRODUCT] if PRODUCT in self.request else self.request[TEMPLATES][0]["CfnTemplateProvider"]
        )
        return found

    @property
    def tags(self) -> list[dict[str, str]]:
        """Return the tags of what is behind the project: its name, its id, and its own tags."""
        own = {"sagemaker:project-name": self.name, "sagemaker:project-id": self.id}
        given = {tag["Key"]: tag["Value"] for tag in self.request.get("Tags", [])}
        return [{"Key": key, "Value": value} for key, value in {**own, **given, **own}.items()]

    def describe(self) -> dict[str, Any]:
        """Return the Describe response."""
        changed = {"LastModifiedTime": self.changed} if self.changed else {}
        changed_by = {"LastModifiedBy": creator(self.changed_by)} if self.changed_by else {}
        text = {name: self.request[name] for name in ("ProjectDescription",) if name in self.request}
        return {
            "ProjectArn": self.arn,
            "ProjectName": self.name,
            "ProjectId": self.id,
            "ProjectStatus": self.status,
            "CreationTime": self.created,
            "CreatedBy": creator(self.caller),
            **text,
            **changed,
            **changed_by,
            **(self._product() if PRODUCT in self.request else self._template()),
        }

    def summary(self) -> dict[str, Any]:
        """Return the List response's item."""
        shown = ("ProjectName", "ProjectDescription", "ProjectArn", "ProjectId", "CreationTime", "ProjectStatus")
        return {key: value for key, value in self.describe().items() if key in shown}

    def _product(self) -> dict[str, Any]:
        product = {"ProvisionedProductId": self.product_id, "ProvisionedProductStatusMessage": self.message}
        return {
            PRODUCT: self.details,
            "ServiceCatalogProvisionedProductDetails": {key: value for key, value in product.items() if value},
        }

    def _template(self) -> dict[str, Any]:
        made = {"Name": self.stack_id.split("/")[1], "Id": self.stack_id} if self.stack_id else {}
        detail = self.details | {"StackDetail": {**made, "StatusMessage": self.message or self.status}}
        return {"TemplateProviderDetails": [{"CfnTemplateProviderDetail": detail}]}


class Provisioner(Protocol):
    """Who makes, changes and ends what is behind projects; each begins at once what it can refuse at once."""

    def create(self, project: Project) -> Work:
        """Begin to provision a project."""

    def update(self, project: Project, caller: Caller, request: Request) -> Work:
        """Begin to bring a project to what an UpdateProject asks for."""

    def delete(self, project: Project, caller: Caller) -> Work:
        """Begin to end what is behind a project."""

    def again(self, project: Project, verb: str) -> Work:
        """Follow what a stop of the sandbox has cut off: Create, Update or Delete."""


def values_of(parameters: list[dict[str, str]] | None) -> dict[str, str]:
    """Return parameters of a request by key."""
    return {item["Key"]: item.get("Value", "") for item in parameters or []}
