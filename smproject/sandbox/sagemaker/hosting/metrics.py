"""The CloudWatch metrics of endpoints, put by SageMaker itself.

Reference: SageMaker developer guide, "Monitor SageMaker AI with Amazon CloudWatch".
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from smproject.sandbox.service import now
from smproject.sandbox.world import World

LOG = logging.getLogger(__name__)
NAMESPACE = "AWS/SageMaker"
_GROUPS = 50  # of a metric's values in one batch: within a group only count, sum, least and greatest are kept
_DATA = 500  # of one PutMetricData, which takes 1,000


@dataclass(frozen=True)
class Source:
    """Whose metrics they are."""

    account: str
    region: str
    endpoint: str
    variant: str
    config: str

    def dimensions(self) -> list[list[dict[str, str]]]:
        """Return the sets of dimensions that SageMaker publishes under; the second tells a new fleet from the old."""
        common = [{"Name": "EndpointName", "Value": self.endpoint}, {"Name": "VariantName", "Value": self.variant}]
        return [common, [*common, {"Name": "EndpointConfigName", "Value": self.config}]]


@dataclass(frozen=True)
class Invocation:
    """One invocation: the container's status (503 when it did not answer), times in microseconds, and instances."""

    status: int
    model: float
    overhead: float
    instances: int

    def values(self) -> dict[str, tuple[float, str]]:
        """Return value and unit of each metric."""
        return {
            "Invocations": (1.0, "None"),
            "InvocationsPerInstance": (1.0 / max(self.instances, 1), "None"),
            "Invocation4XXErrors": (float(400 <= self.status < 500), "None"),
            "Invocation5XXErrors": (float(self.status >= 500), "None"),
            "ModelLatency": (self.model, "Microseconds"),
            "OverheadLatency": (self.overhead, "Microseconds"),
        }


class Metrics:
    """Collects invocations and puts their metrics in batches."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._waiting: dict[Source, list[Invocation]] = defaultdict(list)
        self._lock = threading.Lock()

    def record(self, source: Source, invocation: Invocation) -> None:
        """Count an invocation."""
        with self._lock:
            self._waiting[source].append(invocation)

    def flush(self) -> None:
        """Put what has come since the last time."""
        with self._lock:
            waiting, self._waiting = self._waiting, defaultdict(list)
        for source, invocations in waiting.items():
            data = _data(source, invocations)
            cloudwatch = self.world.client("cloudwatch", self.world.service_credentials(source.account), source.region)
            try:
                for start in range(0, len(data), _DATA):
                    cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=data[start : start + _DATA])
            except (ClientError, BotoCoreError) as error:
                LOG.warning("Metrics of endpoint %s were lost: %s", source.endpoint, error)


def _data(source: Source, invocations: list[Invocation]) -> list[dict[str, Any]]:
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    for invocation in invocations:
        for name, (value, unit) in invocation.values().items():
            values[name, unit].append(value)
    moment = now()
    return [
        {"MetricName": name, "Unit": unit, "Timestamp": moment, "Dimensions": dimensions, "StatisticValues": statistics}
        for (name, unit), found in values.items()
        for statistics in _statistics(found)
        for dimensions in source.dimensions()
    ]


def _statistics(values: list[float]) -> list[dict[str, float]]:
    """Return statistic sets of neighbouring values; equal values need one only."""
    ordered = sorted(values)
    size = len(ordered) if ordered[0] == ordered[-1] else -(-len(ordered) // _GROUPS)
    groups = [ordered[start : start + size] for start in range(0, len(ordered), size)]
    return [
        {"SampleCount": float(len(group)), "Sum": sum(group), "Minimum": group[0], "Maximum": group[-1]}
        for group in groups
    ]
