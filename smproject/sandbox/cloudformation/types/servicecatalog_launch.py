"""Service Catalog's provisioned products."""

from __future__ import annotations

import time
from typing import Any

from smproject.sandbox.cloudformation.api import call, updatable
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides, undone_on_failure
from smproject.sandbox.cloudformation.tags import spelled
from smproject.sandbox.cloudformation.types.servicecatalog import LANGUAGE

_POLL_SECONDS = 0.2
_CHOICE = ("ProductId", "ProductName", "ProvisioningArtifactId", "ProvisioningArtifactName", "PathId", "PathName")
_CHANGES = (*_CHOICE, "ProvisioningParameters", "ProvisioningPreferences", "Tags", LANGUAGE)


class ProvisioningError(ValueError):
    """An attempt to provision, update or terminate that failed."""


@provides
class ProvisionedProduct(Provider):
    """A product that is provisioned, updated and terminated with the stack."""

    type = "AWS::ServiceCatalog::CloudFormationProvisionedProduct"

    def create(self, context: Context, properties: Properties) -> Made:
        """Provision the product and wait for its stack; what fails is terminated."""
        client = context.client("servicecatalog")
        named = {"ProvisionedProductName": context.name(128), "ProvisionToken": context.name(60)}
        detail = call(client, "ProvisionProduct", named | _written(properties))["RecordDetail"]
        made = Made(detail["ProvisionedProductId"])
        with undone_on_failure(lambda: self.delete(context, made)):
            return _settled(client, made, detail["RecordId"])

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Update the product and wait for its stack; tags are named only when they change, as that must be allowed."""
        updatable(before, after, *_CHANGES)
        client, had, told = context.client("servicecatalog"), _untold(before), _untold(after)
        if "Tags" not in changed(had, told):
            del told["Tags"]
        wanted = told | {"ProvisionedProductId": made.ref, "UpdateToken": context.name(60)}
        return _settled(client, made, call(client, "UpdateProvisionedProduct", wanted)["RecordDetail"]["RecordId"])

    def delete(self, context: Context, made: Made) -> None:
        """Terminate the product; one that is gone is terminated."""
        client = context.client("servicecatalog")
        try:
            answer = client.terminate_provisioned_product(ProvisionedProductId=made.ref)
        except client.exceptions.ResourceNotFoundException:
            return
        _ended(client, answer["RecordDetail"]["RecordId"])


def _written(properties: Properties) -> Properties:
    return properties | {"Tags": spelled(properties.get("Tags"))}


def _untold(properties: Properties) -> Properties:
    """Return the properties without those that no update changes."""
    fixed = ("ProvisionedProductName", "NotificationArns")
    return {name: item for name, item in _written(properties).items() if name not in fixed}


def _settled(client: Any, made: Made, record: str) -> Made:
    """Wait for the end of an attempt; return the product with what it tells of itself."""
    outputs = {output["OutputKey"]: output["OutputValue"] for output in _ended(client, record)["RecordOutputs"]}
    attributes = {
        "ProvisionedProductId": made.ref,
        "RecordId": record,
        "CloudformationStackArn": outputs.pop("CloudformationStackARN"),
    }
    return Made(made.ref, attributes | {f"Outputs.{name}": value for name, value in outputs.items()})


def _ended(client: Any, record: str) -> dict[str, Any]:
    """Wait for the end of an attempt; raises ProvisioningError with Service Catalog's reason."""
    while (found := client.describe_record(Id=record))["RecordDetail"]["Status"] in ("CREATED", "IN_PROGRESS"):
        time.sleep(_POLL_SECONDS)
    if found["RecordDetail"]["Status"] != "SUCCEEDED":
        raise ProvisioningError("; ".join(error["Description"] for error in found["RecordDetail"]["RecordErrors"]))
    return dict(found)
