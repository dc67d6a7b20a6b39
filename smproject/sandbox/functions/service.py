"""Lambda's API."""

from __future__ import annotations

from typing import cast

from smproject.sandbox import rest
from smproject.sandbox.calls import Call, Environ
from smproject.sandbox.functions.aliases import Aliases
from smproject.sandbox.functions.code import CodeStore
from smproject.sandbox.functions.invocations import Invocations
from smproject.sandbox.functions.invoke_configs import InvokeConfigs
from smproject.sandbox.functions.layers import Layers
from smproject.sandbox.functions.library import Library
from smproject.sandbox.functions.notifications import Notifications
from smproject.sandbox.functions.policies import Policies
from smproject.sandbox.functions.registry import Registry
from smproject.sandbox.functions.upkeep import Upkeep
from smproject.sandbox.functions.workers import Workers
from smproject.sandbox.replies import Reply
from smproject.sandbox.service import Caller, Handler, Service
from smproject.sandbox.world import World


class LambdaService(Service):
    """Lambda: functions of Python code, which run when they are invoked."""

    name = "lambda"
    unsupported = frozenset(
        {"FileSystemConfigs", "CodeSigningConfigArn", "ImageConfig", "TenancyConfig", "CapacityProviderConfig"}
        | {"DurableConfig", "RuntimeConfig", "AcceleratorConfig", "PublishTo", "SourceKMSKeyArn", "S3ObjectStorageMode"}
        | {"TenantId", "DurableExecutionName", "FunctionUrlAuthType", "InvokedViaFunctionUrl", "MasterRegion"}
    )

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.registry, store = Registry(), CodeStore(world)
        self.layers, workers = Layers(store), Workers(world, store)
        self.invocations = Invocations(world, self.registry, workers)
        Notifications(world, self.invocations)
        self.parts = [
            Library(world, self.registry, store, self.layers, workers),
            Aliases(self.registry),
            Policies(self.registry),
            InvokeConfigs(self.registry),
            Upkeep(self.registry),
            self.layers,
            self.invocations,
        ]

    def handler(self, operation: str) -> Handler | None:
        """Return the part's method that answers an operation."""
        return self.first_handler(self.parts, operation)

    def http(self, caller: Caller, call: Call, environ: Environ) -> Reply | None:
        """Answer a REST call."""
        return rest.answer(self, caller, call, environ)


def functions_of(world: World) -> LambdaService:
    """Return the world's Lambda."""
    return cast(LambdaService, world.services["lambda"])
