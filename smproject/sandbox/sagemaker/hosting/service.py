"""Hosting as a whole."""

from __future__ import annotations

import logging
import time

from smproject.sandbox.sagemaker.hosting.configs import Configs
from smproject.sandbox.sagemaker.hosting.endpoints import Endpoints
from smproject.sandbox.sagemaker.hosting.invocations import Invocations
from smproject.sandbox.sagemaker.hosting.metrics import Metrics
from smproject.sandbox.sagemaker.hosting.models import Models
from smproject.sandbox.sagemaker.registry import Registry
from smproject.sandbox.sagemaker.tags import Tags
from smproject.sandbox.world import World

LOG = logging.getLogger(__name__)
_FLUSH_SECONDS = 1.0


class Hosting:
    """Models, configurations and endpoints (`parts` answer the API), and their invocations."""

    def __init__(self, world: World, registry: Registry, tags: Tags) -> None:
        self.models = Models(world, registry, tags)
        configs = Configs(self.models, tags)
        self.endpoints = Endpoints(world, configs, tags)
        self.metrics = Metrics(world)
        self.invocations = Invocations(self.endpoints, self.metrics)
        self.parts = [self.models, configs, self.endpoints]
        world.background("hosting", self._flush)

    def _flush(self) -> None:
        """Write metrics and captured data each second."""
        while True:
            time.sleep(_FLUSH_SECONDS)
            try:
                self.metrics.flush()
                for endpoint in list(self.endpoints.endpoints.values()):
                    for fleet in endpoint.fleets:
                        if fleet.capture:
                            fleet.capture.flush()
            except Exception:  # one endpoint's trouble must not end this for all
                LOG.exception("metrics or captured data were not written")
