"""The variants of one endpoint configuration, which run together."""

from __future__ import annotations

import secrets
from typing import Any

from smproject.sandbox.sagemaker.hosting.capture import Capture
from smproject.sandbox.sagemaker.hosting.configs import Config
from smproject.sandbox.sagemaker.hosting.variant import Place, Variant
from smproject.sandbox.service import now

_RANDOM = secrets.SystemRandom()


class Fleet:
    """A fleet: it is started, is given traffic, and is stopped."""

    def __init__(self, place: Place, config: Config) -> None:
        self.place, self.config, self.begun = place, config, now()
        self.variants = [Variant(place, item, config.models[item["ModelName"]]) for item in config.variants]
        self.capture = Capture(place, config.capture, self.role) if config.capture else None
        self.tell("Creating", "Launching {instances} instance(s).")

    @property
    def role(self) -> str:
        """Return the role that acts for the fleet as a whole: its first variant's."""
        return self.variants[0].model.role

    def retain(self, other: Fleet, excluded: set[str]) -> None:
        """Take over what another fleet's variants of the same names have now, save the excluded properties."""
        for variant in self.variants:
            if same := other.variant(variant.name):
                variant.weight = variant.weight if "DesiredWeight" in excluded else same.weight
                variant.instances = variant.instances if "DesiredInstanceCount" in excluded else same.instances
        if "DataCaptureConfig" not in excluded:
            self.capture = Capture(self.place, other.capture.config, self.role) if other.capture else None

    def start(self) -> None:
        """Start every variant; raises ServiceError when one does not become healthy."""
        for variant in self.variants:
            variant.start()

    def stop(self) -> None:
        """Let requests end and stop every variant."""
        self.tell("Deleting", "Terminating {instances} instance(s).")
        for variant in self.variants:
            variant.stop()
        if self.capture:
            self.capture.flush()

    def tell(self, status: str, message: str) -> None:
        """Show a status with every variant; `{instances}` in the message is a variant's count."""
        for variant in self.variants:
            variant.tell(status, message.format(instances=variant.instances))

    def settle(self) -> None:
        """Show no status any more."""
        for variant in self.variants:
            variant.states = []

    def choose(self, target: str | None) -> Variant | None:
        """Return a variant: the one that is asked for, else one by weight; None when there is none."""
        if target:
            return self.variant(target)
        weights = [variant.weight for variant in self.variants]
        return _RANDOM.choices(self.variants, weights)[0] if any(weights) else None

    def variant(self, name: str) -> Variant | None:
        """Return a variant by its name."""
        return next((variant for variant in self.variants if variant.name == name), None)

    def describe(self) -> list[dict[str, Any]]:
        """Return the variants' summaries."""
        return [variant.describe() for variant in self.variants]
