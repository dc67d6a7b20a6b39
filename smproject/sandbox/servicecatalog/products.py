"""Products: their versions, and who finds them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from smproject.sandbox.cloudformation import template
from smproject.sandbox.service import Caller, Request, ServiceError, unique_id
from smproject.sandbox.servicecatalog.model import Artifact, Product
from smproject.sandbox.servicecatalog.pages import paginate
from smproject.sandbox.servicecatalog.state import State, not_found
from smproject.sandbox.servicecatalog.tag_options import associated, choices, forget
from smproject.sandbox.world import World

_TAG = "servicecatalog:provisioning"  # of the objects that may be provisioned


class Products:
    """The operations on products and their versions."""

    def __init__(self, state: State, world: World) -> None:
        self.state, self.world = state, world

    def create_product(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Create a product with its first version."""
        if request["ProductType"] != "CLOUD_FORMATION_TEMPLATE":
            message = f"The sandbox has no products of type {request['ProductType']}, only CLOUD_FORMATION_TEMPLATE."
            raise ServiceError("InvalidParametersException", message)
        name = f"prod-{unique_id(13)}"
        first = self._artifact(caller, request["ProvisioningArtifactParameters"])
        product = Product(
            name, caller.arn_of("catalog", f"product/{name}"), caller.account, request, request.get("Tags", [])
        )
        product.artifacts[first.id] = first
        self.state.products[name] = product
        return {
            "ProductViewDetail": product.view(),
            "ProvisioningArtifactDetail": first.describe(),
            "Tags": product.tags,
        }

    def create_provisioning_artifact(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Add a version to a product."""
        product, token = self.state.own_product(caller, request["ProductId"]), request.get("IdempotencyToken", "")
        artifact = product.artifacts.get(product.tokens.get(token, "")) or self._artifact(caller, request["Parameters"])
        product.artifacts[artifact.id], product.tokens[token] = artifact, artifact.id
        return {
            "ProvisioningArtifactDetail": artifact.describe(),
            "Info": {"TemplateUrl": artifact.url},
            "Status": "AVAILABLE",
        }

    def update_provisioning_artifact(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Rename, retire or deprecate a version."""
        artifact = self._version(
            self.state.own_product(caller, request["ProductId"]), request["ProvisioningArtifactId"]
        )
        artifact.name = request.get("Name", artifact.name)
        artifact.description = request.get("Description", artifact.description)
        artifact.active = request.get("Active", artifact.active)
        artifact.guidance = request.get("Guidance", artifact.guidance)
        return {
            "ProvisioningArtifactDetail": artifact.describe(),
            "Info": {"TemplateUrl": artifact.url},
            "Status": "AVAILABLE",
        }

    def delete_product(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete a product that is in no portfolio."""
        product = self.state.own_product(caller, request["Id"])
        if any(product.id in p.products for p in self.state.portfolios.values()):
            raise ServiceError("ResourceInUseException", f"Product {product.id} is still in a portfolio.")
        del self.state.products[product.id]
        forget(self.state, product.id)
        return {}

    def describe_product_as_admin(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a product of the account's own."""
        own = [p for p in self.state.products.values() if p.owner_account == caller.account]
        product = self._by_id_or_name(own, request)
        return {
            "ProductViewDetail": product.view(),
            "Tags": product.tags,
            "TagOptions": [option.describe() for option in associated(self.state, product.id)],
            "Budgets": [],
            "ProvisioningArtifactSummaries": [_summary(a) for a in product.artifacts.values()],
        }

    def describe_product(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a product that the caller may launch."""
        product = self._by_id_or_name(self._launchable(caller), request)
        paths = [{"Id": p.id, "Name": p.details["DisplayName"]} for p in self.state.launchable(caller)[product.id]]
        return {
            "ProductViewSummary": product.summary(),
            "LaunchPaths": paths,
            "Budgets": [],
            "ProvisioningArtifacts": [_summary(a) for a in product.artifacts.values() if a.active],
        }

    def search_products(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Find the products that the caller may launch."""
        found = [p.summary() for p in self._launchable(caller) if _wanted(p, request)]
        return paginate(found, request, "ProductViewSummaries")

    def search_products_as_admin(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Find the account's own products, or those of one of its portfolios."""
        inside = self.state.portfolio(caller, request["PortfolioId"]).products if "PortfolioId" in request else None
        own = [p for p in self.state.products.values() if p.owner_account == caller.account or inside is not None]
        found = [p.view() for p in own if (inside is None or p.id in inside) and _wanted(p, request)]
        return paginate(found, request, "ProductViewDetails")

    def list_provisioning_artifacts(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List a product's versions."""
        product = self._visible(caller, request["ProductId"])
        return {"ProvisioningArtifactDetails": [a.describe() for a in product.artifacts.values()]}

    def describe_provisioning_artifact(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe one version."""
        product = self._visible(caller, request["ProductId"])
        artifact = self._version(product, request["ProvisioningArtifactId"])
        return {
            "ProvisioningArtifactDetail": artifact.describe(),
            "Info": {"TemplateUrl": artifact.url},
            "Status": "AVAILABLE",
        }

    def list_launch_paths(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the portfolios by which the caller may launch a product."""
        portfolios = self.state.launchable(caller).get(request["ProductId"])
        if not portfolios:
            raise not_found("Product", request["ProductId"])
        items = [
            {
                "Id": p.id,
                "Name": p.details["DisplayName"],
                "Tags": p.tags,
                "ConstraintSummaries": [
                    {"Type": c.type, "Description": c.description}
                    for c in self.state.constraints_of(p.id, request["ProductId"])
                ],
            }
            for p in portfolios
        ]
        return paginate(items, request, "LaunchPathSummaries")

    def describe_provisioning_parameters(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the parameters that a version's template asks for, and what constrains a launch of it."""
        product, artifact, path = self.launch_version(caller, request)
        declared = artifact.template.get("Parameters", {})
        allowed = choices(self.state, self.state.portfolios[path], product, caller.account)
        return {
            "ProvisioningArtifactParameters": [_parameter(name, spec) for name, spec in declared.items()],
            "TagOptions": [{"Key": key, "Values": values} for key, values in allowed.items()],
            "ConstraintSummaries": [
                {"Type": c.type, "Description": c.description} for c in self.state.constraints_of(path, product.id)
            ],
        }

    def launch_version(self, caller: Caller, request: Request) -> tuple[Product, Artifact, str]:
        """Return product, version and path of a launch request; refuse what the caller may not launch."""
        product = self._by_id_or_name(
            self._launchable(caller), {"Id": request.get("ProductId"), "Name": request.get("ProductName")}
        )
        portfolios = self.state.launchable(caller)[product.id]
        named = request.get("PathId") or request.get("PathName")
        paths = [p.id for p in portfolios if named in (None, p.id, p.details["DisplayName"])]
        if not paths:
            raise not_found("Launch path", str(named))
        path = paths[0]
        if len(paths) > 1:
            raise ServiceError("InvalidParametersException", f"{product.id} has several launch paths: pass PathId.")
        wanted = request.get("ProvisioningArtifactId") or request.get("ProvisioningArtifactName")
        artifact = next((a for a in product.artifacts.values() if wanted in (a.id, a.name)), None)
        if artifact is None or not artifact.active:
            raise not_found("Provisioning artifact", str(wanted))
        return product, artifact, path

    def _launchable(self, caller: Caller) -> list[Product]:
        return [self.state.products[name] for name in self.state.launchable(caller)]

    def _visible(self, caller: Caller, name: str) -> Product:
        """Return a product that the account owns or the caller may launch."""
        product = self.state.products.get(name)
        if product is None or (product.owner_account != caller.account and product not in self._launchable(caller)):
            raise not_found("Product", name)
        return product

    def _by_id_or_name(self, products: Any, request: Request) -> Product:
        for product in products:
            if product.id == request.get("Id") or product.details["Name"] == request.get("Name"):
                found: Product = product
                return found
        raise not_found("Product", str(request.get("Id") or request.get("Name")))

    def _version(self, product: Product, name: str) -> Artifact:
        if name not in product.artifacts:
            raise not_found("Provisioning artifact", name)
        return product.artifacts[name]

    def _artifact(self, caller: Caller, parameters: Request) -> Artifact:
        url = parameters.get("Info", {}).get("LoadTemplateFromURL")
        if not url:
            raise ServiceError("InvalidParametersException", "Info must hold LoadTemplateFromURL.")
        cloudformation: Any = self.world.services["cloudformation"]
        text = cloudformation.fetch(caller, url)
        kept = keep(self.world, caller, text)
        return Artifact(
            f"pa-{unique_id(13)}",
            parameters.get("Name", ""),
            parameters.get("Description", ""),
            kept,
            template.read(text),
        )


def keep(world: World, caller: Caller, text: str) -> str:
    """Copy a template into Service Catalog's own bucket: a version must not change when its source does."""
    s3, bucket = (
        world.client("s3", world.service_credentials(caller.account)),
        f"cf-templates-{caller.account}-{caller.region}",
    )
    if bucket not in [b["Name"] for b in s3.list_buckets()["Buckets"]]:
        place = (
            {} if caller.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": caller.region}}
        )
        s3.create_bucket(Bucket=bucket, **place)
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(_readable(bucket)))
    key = f"{unique_id(16)}.yaml"
    s3.put_object(Bucket=bucket, Key=key, Body=text.encode(), Tagging=urlencode({_TAG: "true"}))
    return f"https://{bucket}.s3.amazonaws.com/{key}"


def _readable(bucket: str) -> dict[str, Any]:
    """Return the policy of Service Catalog's own bucket: a launch role of any account reads by its own permission.

    The tag is what AWS's launch roles narrow that permission by.
    https://docs.aws.amazon.com/servicecatalog/latest/adminguide/constraints-launch.html
    """
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
        "Condition": {"StringEquals": {f"s3:ExistingObjectTag/{_TAG}": "true"}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _summary(artifact: Artifact) -> dict[str, Any]:
    return {
        "Id": artifact.id,
        "Name": artifact.name,
        "Description": artifact.description,
        "CreatedTime": artifact.created,
        "Guidance": artifact.guidance,
    }


def _wanted(product: Product, request: Request) -> bool:
    texts = [text for values in (request.get("Filters") or {}).values() for text in values]
    haystack = " ".join(str(v) for v in product.details.values() if isinstance(v, str)) + product.id
    return all(text.lower() in haystack.lower() for text in texts)


def _parameter(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    constraints: dict[str, Any] = {key: spec[key] for key in ("AllowedPattern", "ConstraintDescription") if key in spec}
    if "AllowedValues" in spec:
        constraints["AllowedValues"] = [str(value) for value in spec["AllowedValues"]]
    default = {"DefaultValue": str(spec["Default"])} if "Default" in spec else {}
    return {
        "ParameterKey": name,
        "ParameterType": spec["Type"],
        "Description": spec.get("Description", ""),
        "IsNoEcho": bool(spec.get("NoEcho")),
        "ParameterConstraints": constraints,
        **default,
    }
