"""Models: an image, its data and the role that it runs with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from smproject.sandbox.sagemaker.hosting import containers
from smproject.sandbox.sagemaker.hosting.containers import Container
from smproject.sandbox.sagemaker.hosting.listing import listing
from smproject.sandbox.sagemaker.hosting.refusals import invalid, missing, refuse, taken
from smproject.sandbox.sagemaker.registry import Registry
from smproject.sandbox.sagemaker.tags import Tags
from smproject.sandbox.service import Caller, Request, ServiceError, now, told
from smproject.sandbox.world import World

_PIPELINE = "The sandbox does not implement inference pipelines: a model has one container."


@dataclass(frozen=True)
class Model:
    """A model; `container` is what its request, or the package that it names, says of its container."""

    name: str
    arn: str
    request: Request
    container: Container
    created: datetime = field(default_factory=now)

    @property
    def role(self) -> str:
        """Return the ARN of the role that the container and SageMaker itself act with."""
        return str(self.request["ExecutionRoleArn"])

    @property
    def isolated(self) -> bool:
        """Tell whether the container may not use the network."""
        return bool(self.request.get("EnableNetworkIsolation"))

    def describe(self) -> dict[str, Any]:
        """Return the Describe response."""
        kept = {key: value for key, value in self.request.items() if key != "Tags"}
        return {"EnableNetworkIsolation": False, **kept, "ModelArn": self.arn, "CreationTime": self.created}

    def summary(self) -> dict[str, Any]:
        """Return the List response's item."""
        return {"ModelName": self.name, "ModelArn": self.arn, "CreationTime": self.created}


class Models:
    """The operations on models."""

    def __init__(self, world: World, registry: Registry, tags: Tags) -> None:
        self.world, self.registry, self.tags = world, registry, tags
        self.models: dict[str, Model] = {}

    def create_model(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Create a model; its image and data must be there for its role."""
        name, arn = request["ModelName"], caller.arn_of("sagemaker", f"model/{request['ModelName']}")
        if arn in self.models:
            raise taken("model", arn)
        refuse(["InferenceExecutionConfig"], request, "sagemaker:CreateModel")
        if "ExecutionRoleArn" not in request:
            raise invalid("ExecutionRoleArn is required: SageMaker reads the image and the model data with that role.")
        container = containers.resolve(caller, _definition(request), self.registry)
        model = Model(name, arn, request, container)
        self._prove(caller, model)
        self.models[arn] = model
        self.tags.set(arn, request.get("Tags", []))
        return {"ModelArn": arn}

    def describe_model(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a model."""
        return self.find(caller, request["ModelName"]).describe()

    def list_models(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the account's models, newest first unless SortOrder says otherwise."""
        return listing(self.models, caller.arn_of("sagemaker", "model/"), request, "Models", "ModelName")

    def delete_model(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete a model; endpoints that run it keep what they have."""
        del self.models[self.find(caller, request["ModelName"]).arn]
        return {}

    def find(self, caller: Caller, name: str) -> Model:
        """Return a model of the caller's account by its name."""
        arn = caller.arn_of("sagemaker", f"model/{name}")
        if arn not in self.models:
            raise missing("model", arn)
        return self.models[arn]

    def _prove(self, caller: Caller, model: Model) -> None:
        """Refuse a model whose role can't be assumed, or whose role finds no image or data."""
        try:
            access = containers.Access.of(self.world, caller, model.role, model.arn)
        except ServiceError as error:
            message = (
                f'The execution role ARN "{model.role}" is invalid. Please ensure that the role exists and that its'
            )
            message += ' trust relationship policy allows the action "sts:AssumeRole" for the service principal'
            raise invalid(f'{message} "sagemaker.amazonaws.com". {error.message}') from error
        access.image(model.container.image)
        try:
            access.head(model.container.data)
        except ClientError as error:
            message = f"Could not access model data at {model.container.data}. Please ensure that the role"
            message += f' "{model.role}" has "s3:GetObject" permissions and that the object is there'
            raise invalid(f"{message}: {told(error)[1]}") from error


def _definition(request: Request) -> dict[str, Any]:
    """Return the definition of the one container that a request gives."""
    several = request.get("Containers", [])
    if len(several) > 1:
        raise ServiceError("NotImplemented", _PIPELINE)
    given = [found for found in (request.get("PrimaryContainer"), *several) if found]
    if len(given) != 1:
        raise invalid("Give either PrimaryContainer or Containers.")
    definition: dict[str, Any] = given[0]
    return definition
