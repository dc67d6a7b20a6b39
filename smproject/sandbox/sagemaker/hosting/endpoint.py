"""What hosting remembers of an endpoint, and to which fleet it sends a request."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from smproject.sandbox.sagemaker.hosting.configs import Config
from smproject.sandbox.sagemaker.hosting.fleet import Fleet
from smproject.sandbox.sagemaker.hosting.variant import Place, Variant
from smproject.sandbox.service import now

_RANDOM = secrets.SystemRandom()


@dataclass
class Endpoint:
    """An endpoint: `fleet` serves, `pending` is to replace it; `routes` are the fleets' shares of the traffic."""

    place: Place
    config: Config
    status: str = "Creating"
    failure_reason: str = ""
    fleet: Fleet | None = None
    pending: Fleet | None = None
    deployment: dict[str, Any] | None = None
    routes: list[tuple[Fleet, float]] = field(default_factory=list)
    created: datetime = field(default_factory=now)
    modified: datetime = field(default_factory=now)
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def name(self) -> str:
        """Return the endpoint's name."""
        return self.place.endpoint

    @property
    def arn(self) -> str:
        """Return the endpoint's ARN."""
        return self.place.arn

    @property
    def fleets(self) -> list[Fleet]:
        """Return the fleets that there are."""
        return [fleet for fleet in (self.fleet, self.pending) if fleet]

    def move(self, status: str, reason: str = "") -> None:
        """Enter a status."""
        self.failure_reason, self.modified = reason[:1024], now()
        self.status = status  # last: who sees the status finds everything else

    def route(self, *routes: tuple[Fleet, float]) -> None:
        """Share the traffic of from now on."""
        with self.lock:
            self.routes = list(routes)

    @contextmanager
    def serving(self, target: str | None) -> Iterator[tuple[Fleet, Variant] | None]:
        """Give the fleet and variant for one request, counted while it is served; None when no variant can."""
        with self.lock:  # a fleet that is stopped after this waits for the request
            found = self._choose(target)
            if found:
                found[1].enter()
        try:
            yield found
        finally:
            if found:
                found[1].leave()

    def _choose(self, target: str | None) -> tuple[Fleet, Variant] | None:
        if not self.routes:
            return None
        fleets, shares = zip(*self.routes, strict=True)
        fleet: Fleet = _RANDOM.choices(fleets, shares)[0]
        variant = fleet.choose(target)
        return (fleet, variant) if variant else None

    def describe(self) -> dict[str, Any]:
        """Return the Describe response."""
        capture = self.fleet.capture if self.fleet else None
        shown = {
            **self.summary(),
            "EndpointConfigName": self.config.name,
            "ProductionVariants": self.fleet.describe() if self.fleet else None,
            "DataCaptureConfig": capture.describe() if capture else None,
            "FailureReason": self.failure_reason or None,
            "LastDeploymentConfig": self.deployment,
            "PendingDeploymentSummary": self.pending_summary(),
        }
        return {key: value for key, value in shown.items() if value is not None}

    def pending_summary(self) -> dict[str, Any] | None:
        """Return what is being deployed; None when nothing is."""
        pending = self.pending
        if pending is None:
            return None
        name, variants = pending.config.name, pending.describe()
        return {"EndpointConfigName": name, "ProductionVariants": variants, "StartTime": pending.begun}

    def summary(self) -> dict[str, Any]:
        """Return the List response's item."""
        return {
            "EndpointName": self.name,
            "EndpointArn": self.arn,
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
            "EndpointStatus": self.status,
        }
