"""A model's container: what it runs, and how its role reaches that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from smproject.sandbox import images
from smproject.sandbox.image_store import Image
from smproject.sandbox.moto_seam import Credentials
from smproject.sandbox.sagemaker.hosting.refusals import invalid, refuse
from smproject.sandbox.sagemaker.registry import Registry
from smproject.sandbox.sagemaker.transfer import location
from smproject.sandbox.service import Caller, ServiceError
from smproject.sandbox.world import World

_UNSUPPORTED = (
    "AdditionalModelDataSources",
    "ContainerMetricsConfig",
    "ImageConfig",
    "InferenceSpecificationName",
    "MultiModelConfig",
)


@dataclass(frozen=True)
class Container:
    """What a container runs: an image, its model's archive in S3 (empty when it has none), and its environment."""

    image: str
    data: str
    environment: dict[str, str]


def resolve(caller: Caller, definition: dict[str, Any], registry: Registry) -> Container:
    """Read a container's definition, with the model package that it may name."""
    refuse(_UNSUPPORTED, definition, "a container")
    if definition.get("Mode", "SingleModel") != "SingleModel":
        raise ServiceError("NotImplemented", "The sandbox does not implement multi-model endpoints.")
    own = dict(definition.get("Environment", {}))
    if "ModelPackageName" not in definition:
        return Container(_image(definition), _data(definition), own)
    if {"Image", "ModelDataUrl", "ModelDataSource"} & set(definition):
        raise invalid("Specify one of either Image and Model Data URL or ModelPackageName in container definition.")
    package = registry.package(caller, definition["ModelPackageName"], "sagemaker:CreateModel")
    packaged = package.content.get("InferenceSpecification", {}).get("Containers", [])
    if len(packaged) != 1:
        raise invalid(f"{package.arn} holds {len(packaged)} containers; the sandbox runs a model of one container.")
    refuse(_UNSUPPORTED, packaged[0], package.arn)
    environment = {**packaged[0].get("Environment", {}), **own}
    return Container(_image(packaged[0]), _data(packaged[0]), environment)


def _image(definition: dict[str, Any]) -> str:
    if "Image" not in definition:
        raise invalid("A container needs an Image or a ModelPackageName.")
    return str(definition["Image"])


def _data(definition: dict[str, Any]) -> str:
    """Return the S3 URI of a container's model archive."""
    source = definition.get("ModelDataSource", {}).get("S3DataSource")
    if source is None:
        return str(definition.get("ModelDataUrl", ""))
    refuse(["HubAccessConfig", "ManifestS3Uri", "ModelAccessConfig"], source, "a model's data source")
    if (source["S3DataType"], source["CompressionType"]) != ("S3Object", "Gzip"):
        raise ServiceError("NotImplemented", "The sandbox reads model data as one tar.gz: S3Object with Gzip.")
    return str(source["S3Uri"])


@dataclass(frozen=True)
class Access:
    """What SageMaker reaches with a model's role."""

    world: World
    region: str
    credentials: Credentials

    @classmethod
    def of(cls, world: World, caller: Caller, role: str, source_arn: str) -> Access:
        """Assume a role for SageMaker; raises ServiceError when it can't be. `source_arn` is the resource it is for."""
        credentials = world.assume(role, "sagemaker.amazonaws.com", "SageMaker", source_arn)
        return cls(world, caller.region, credentials)

    def client(self, service: str) -> Any:
        """Return a client that acts with the role."""
        return self.world.client(service, self.credentials, self.region)

    def image(self, uri: str) -> Image:
        """Return the image at an address; raises ServiceError when it isn't there."""
        return images.find(self.world, uri, self.credentials)

    def head(self, uri: str) -> None:
        """Look at an object, when there is one; raises ClientError when it can't be read."""
        if uri:
            bucket, key = location(uri)
            self.client("s3").head_object(Bucket=bucket, Key=key)
