"""Service Catalog's products, whose versions are CloudFormation templates."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation.api import call, known, remove, updatable
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides, undone_on_failure
from smproject.sandbox.cloudformation.tags import spelled
from smproject.sandbox.cloudformation.types.servicecatalog import LANGUAGE, retagged

_DETAILS = ("Name", "Owner", "Description", "Distributor", "SupportDescription", "SupportEmail", "SupportUrl")
_VERSIONS = "ProvisioningArtifactParameters"
_REPLACE = "ReplaceProvisioningArtifacts"


@provides
class Product(Provider):
    """A product whose versions are CloudFormation templates in S3."""

    type = "AWS::ServiceCatalog::CloudFormationProduct"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the product with its first version, then the others."""
        known(properties, "Tags", "ProductType", LANGUAGE, _VERSIONS, _REPLACE, *_DETAILS)
        client, versions = context.client("servicecatalog"), properties[_VERSIONS]
        wanted = {name: properties[name] for name in _DETAILS if name in properties} | {
            "Tags": spelled(properties.get("Tags")),
            "ProductType": properties.get("ProductType", "CLOUD_FORMATION_TEMPLATE"),
            _VERSIONS: _version(versions[0]),
            "IdempotencyToken": context.name(60),
        }
        answer = call(client, "CreateProduct", wanted)
        product = answer["ProductViewDetail"]["ProductViewSummary"]["ProductId"]
        with undone_on_failure(lambda: client.delete_product(Id=product)):
            further = [_add(client, product, version, context.name(60)) for version in versions[1:]]
        return _made(product, properties, [answer["ProvisioningArtifactDetail"]["Id"], *further])

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change what the product says of itself; add, change and delete versions.

        Versions are the same when name and template are, unless all are to be replaced:
        https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-servicecatalog-cloudformationproduct.html
        """
        updatable(before, after, "Tags", LANGUAGE, _VERSIONS, _REPLACE, *_DETAILS)
        client = context.client("servicecatalog")
        if set(changed(before, after)) & {"Tags", *_DETAILS}:
            details = {name: after.get(name, "") for name in _DETAILS if name in before or name in after}
            call(client, "UpdateProduct", {"Id": made.ref, **details, **retagged(before, after)})
        return _made(made.ref, after, self._update_versions(context, made, before, after))

    def _update_versions(self, context: Context, made: Made, before: Properties, after: Properties) -> list[str]:
        """Bring the product's versions to the wanted ones; return their ids. New ones come before old ones go."""
        client, had = context.client("servicecatalog"), made.attributes["_versions"]
        ids, anew = [], str(after.get(_REPLACE, False)).lower() == "true"
        for version in after[_VERSIONS]:
            kept = (
                None if anew else next((key for key, old in had.items() if _identity(old) == _identity(version)), None)
            )
            if kept and changed(had[kept], version):
                text = {"Name": version.get("Name", ""), "Description": version.get("Description", "")}
                client.update_provisioning_artifact(ProductId=made.ref, ProvisioningArtifactId=kept, **text)
            ids.append(kept or _add(client, made.ref, version, context.name(60)))
        there = client.list_provisioning_artifacts(ProductId=made.ref)["ProvisioningArtifactDetails"]
        ours = {version.get("Name", "") for version in before[_VERSIONS]}
        for gone in [found["Id"] for found in there if found["Name"] in ours and found["Id"] not in ids]:
            client.delete_provisioning_artifact(ProductId=made.ref, ProvisioningArtifactId=gone)
        return ids

    def delete(self, context: Context, made: Made) -> None:
        """Delete the product."""
        remove(context.client("servicecatalog"), "DeleteProduct", {"Id": made.ref})


def _made(product: str, properties: Properties, ids: list[str]) -> Made:
    versions = properties[_VERSIONS]
    attributes = {
        "Id": product,
        "ProductName": properties["Name"],
        "ProvisioningArtifactIds": ",".join(ids),
        "ProvisioningArtifactNames": ",".join(v.get("Name", "") for v in versions),
        "_versions": dict(zip(ids, versions, strict=True)),
    }
    return Made(product, attributes)


def _add(client: Any, product: str, version: Properties, token: str) -> str:
    answer = client.create_provisioning_artifact(
        ProductId=product, Parameters=_version(version), IdempotencyToken=token
    )
    return str(answer["ProvisioningArtifactDetail"]["Id"])


def _identity(version: Properties) -> tuple[Any, Any]:
    return version.get("Name"), version["Info"]


def _version(parameters: Properties) -> Properties:
    return {"Type": "CLOUD_FORMATION_TEMPLATE"} | {
        k: v for k, v in parameters.items() if k != "DisableTemplateValidation"
    }
