"""Endpoint configurations: which models serve, as which variants, and what is captured."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from smproject.sandbox.sagemaker.hosting.listing import listing
from smproject.sandbox.sagemaker.hosting.models import Model, Models
from smproject.sandbox.sagemaker.hosting.refusals import invalid, missing, refuse, taken
from smproject.sandbox.sagemaker.tags import Tags
from smproject.sandbox.service import Caller, Request, now

_UNSUPPORTED = (
    "AsyncInferenceConfig",
    "CrossRegionTrafficConfig",
    "EnableNetworkIsolation",  # of inference components, as the next three: a model has its own
    "ExecutionRoleArn",
    "ExplainerConfig",
    "MetricsConfig",
    "ShadowProductionVariants",
    "VpcConfig",
)
_UNSUPPORTED_OF_VARIANTS = (
    "AcceleratorPartitionLayouts",
    "AcceleratorType",
    "CapacityReservationConfig",
    "CoreDumpConfig",
    "EnableSSMAccess",
    "InstancePools",
    "ManagedInstanceScaling",
    "ServerlessConfig",
)


@dataclass(frozen=True)
class Config:
    """An endpoint configuration, with the models that its variants name."""

    name: str
    arn: str
    request: Request
    models: dict[str, Model]
    created: datetime = field(default_factory=now)

    @property
    def variants(self) -> list[dict[str, Any]]:
        """Return the variants as they were asked for, with the default weight."""
        return [{"InitialVariantWeight": 1.0, **variant} for variant in self.request["ProductionVariants"]]

    @property
    def capture(self) -> dict[str, Any] | None:
        """Return what is to be captured; None when nothing is."""
        found: dict[str, Any] | None = self.request.get("DataCaptureConfig")
        return found

    def describe(self) -> dict[str, Any]:
        """Return the Describe response."""
        kept = {key: value for key, value in self.request.items() if key != "Tags"}
        own = {"EndpointConfigArn": self.arn, "CreationTime": self.created, "ProductionVariants": self.variants}
        return kept | own

    def summary(self) -> dict[str, Any]:
        """Return the List response's item."""
        return {"EndpointConfigName": self.name, "EndpointConfigArn": self.arn, "CreationTime": self.created}


class Configs:
    """The operations on endpoint configurations."""

    def __init__(self, models: Models, tags: Tags) -> None:
        self.models, self.tags = models, tags
        self.configs: dict[str, Config] = {}

    def create_endpoint_config(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Create an endpoint configuration."""
        name = request["EndpointConfigName"]
        arn = caller.arn_of("sagemaker", f"endpoint-config/{name}")
        if arn in self.configs:
            raise taken("endpoint configuration", arn)
        refuse(_UNSUPPORTED, request, "sagemaker:CreateEndpointConfig")
        variants = request["ProductionVariants"]
        for variant in variants:
            _check(variant)
        if len({variant["VariantName"] for variant in variants}) < len(variants):
            raise invalid("Each production variant needs a name of its own.")
        models = {variant["ModelName"]: self.models.find(caller, variant["ModelName"]) for variant in variants}
        self.configs[arn] = Config(name, arn, request, models)
        self.tags.set(arn, request.get("Tags", []))
        return {"EndpointConfigArn": arn}

    def describe_endpoint_config(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe an endpoint configuration."""
        return self.find(caller, request["EndpointConfigName"]).describe()

    def list_endpoint_configs(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the account's endpoint configurations, newest first unless SortOrder says otherwise."""
        prefix = caller.arn_of("sagemaker", "endpoint-config/")
        return listing(self.configs, prefix, request, "EndpointConfigs", "EndpointConfigName")

    def delete_endpoint_config(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete an endpoint configuration; an endpoint that uses it goes on."""
        del self.configs[self.find(caller, request["EndpointConfigName"]).arn]
        return {}

    def find(self, caller: Caller, name: str) -> Config:
        """Return a configuration of the caller's account by its name."""
        arn = caller.arn_of("sagemaker", f"endpoint-config/{name}")
        if arn not in self.configs:
            raise missing("endpoint configuration", arn)
        return self.configs[arn]


def _check(variant: dict[str, Any]) -> None:
    """Refuse a variant that the sandbox can't run as it is asked for."""
    name = variant["VariantName"]
    refuse(_UNSUPPORTED_OF_VARIANTS, variant, f"production variant {name}")
    for member in ("ModelName", "InstanceType", "InitialInstanceCount"):
        if member not in variant:
            raise invalid(f"Production variant {name} needs {member}.")
