"""Projects from Service Catalog: a product is provisioned, updated and terminated with the rights of whoever asks."""

from __future__ import annotations

import time
from typing import Any

from botocore.exceptions import ClientError

from smproject.sandbox.sagemaker.project import Project, Work, values_of
from smproject.sandbox.service import Caller, Request, ServiceError, told
from smproject.sandbox.world import World

_POLL_SECONDS = 0.1
_CHOICE = ("ProductId", "ProvisioningArtifactId", "PathId")


class Products:
    """The provisioned products behind projects."""

    def __init__(self, world: World) -> None:
        self.world = world

    def create(self, project: Project) -> Work:
        """Provision the product."""
        client = self._catalog(project.caller)
        wanted = {name: project.details[name] for name in _CHOICE if name in project.details}
        try:
            wanted.setdefault("ProvisioningArtifactId", _newest(client, wanted["ProductId"]))
            record = client.provision_product(
                ProvisionedProductName=f"{project.name}-{project.id}",
                Tags=project.tags,
                **wanted,
                ProvisioningParameters=_parameters({**project.values, **project.own}),
            )["RecordDetail"]
        except ClientError as error:
            raise ServiceError("ValidationException", f"Unable to provision the project: {told(error)[1]}") from error
        project.product_id = record["ProvisionedProductId"]
        return lambda: _end(client, record["RecordId"])

    def update(self, project: Project, caller: Caller, request: Request) -> Work:
        """Update the product; what is not given stays, where the version still has the parameter."""
        client, product = self._catalog(caller), project.details["ProductId"]
        asked = request.get("ServiceCatalogProvisioningUpdateDetails", {})
        given = values_of(asked.get("ProvisioningParameters"))
        tags = {"Tags": request["Tags"]} if "Tags" in request else {}
        try:
            version = asked.get("ProvisioningArtifactId") or _newest(client, product)
            place = {name: project.details[name] for name in ("PathId",) if name in project.details}
            declared = client.describe_provisioning_parameters(
                ProductId=product, ProvisioningArtifactId=version, **place
            )["ProvisioningArtifactParameters"]
            kept = [item["ParameterKey"] for item in declared if item["ParameterKey"] in project.values | project.own]
            record = client.update_provisioned_product(
                ProvisionedProductId=project.product_id,
                ProvisioningArtifactId=version,
                ProvisioningParameters=[
                    *_parameters(given),
                    *({"Key": key, "UsePreviousValue": True} for key in kept if key not in given),
                ],
                **tags,
            )["RecordDetail"]
        except ClientError as error:
            raise ServiceError("ValidationException", f"Unable to update the project: {told(error)[1]}") from error

        def work() -> str:
            failure = _end(client, record["RecordId"])
            if not failure:
                values = {key: value for key, value in project.values.items() if key in kept} | given
                now = {"ProvisioningArtifactId": version, "ProvisioningParameters": _parameters(values)}
                details = {"ServiceCatalogProvisioningDetails": project.details | now}
                project.request = {**project.request, **details}
            return failure

        return work

    def delete(self, project: Project, caller: Caller) -> Work:
        """Terminate the product."""
        client = self._catalog(caller)
        record = client.terminate_provisioned_product(ProvisionedProductId=project.product_id)["RecordDetail"]
        return lambda: _end(client, record["RecordId"])

    def again(self, project: Project, verb: str) -> Work:
        """Follow the product's last record; a product that is gone was terminated."""
        client = self._catalog(project.caller)

        def work() -> str:
            try:
                found = client.describe_provisioned_product(Id=project.product_id)
            except ClientError as error:  # it is deleted, or never came to be
                return "" if verb == "Delete" else told(error)[1]
            return _end(client, found["ProvisionedProductDetail"]["LastRecordId"])

        return work

    def _catalog(self, caller: Caller) -> Any:
        return self.world.client("servicecatalog", caller.credentials, caller.region)


def _newest(client: Any, product: str) -> str:
    versions = client.describe_product(Id=product)["ProvisioningArtifacts"]
    return str(max(versions, key=lambda version: version["CreatedTime"])["Id"])


def _end(client: Any, record: str) -> str:
    """Wait for the end of a record; return why it failed, or nothing."""
    while (detail := client.describe_record(Id=record)["RecordDetail"])["Status"] in ("CREATED", "IN_PROGRESS"):
        time.sleep(_POLL_SECONDS)
    if detail["Status"] == "SUCCEEDED":
        return ""
    return "; ".join(error["Description"] for error in detail["RecordErrors"])


def _parameters(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in values.items()]
