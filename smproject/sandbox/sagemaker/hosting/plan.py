"""How traffic moves from an old fleet to a new one.

Reference: SageMaker developer guide, "Deployment guardrails for updating models in production".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from smproject.sandbox.sagemaker.hosting.refusals import invalid

_LIMIT_SECONDS = 28_800.0  # the longest that a deployment may be given


@dataclass(frozen=True)
class Step:
    """A share of the traffic (1.0 is all of it), and how long alarms are watched then, by which member's wish."""

    share: float
    seconds: int
    member: str

    def message(self, kind: str, instances: int) -> str:
        """Return what is shown of a variant of so many instances; `kind` is canary, linear or batch."""
        capacity = "full" if self.share >= 1 else kind
        count = math.ceil(self.share * instances)
        return (
            f"Baking for {self.seconds} seconds ({self.member}) "
            f"with traffic enabled on {capacity} capacity of {count} instance(s)."
        )


@dataclass(frozen=True)
class Plan:
    """The steps of a deployment, the alarms that end it, and its time limit in seconds."""

    steps: list[Step]
    kind: str
    alarms: list[str]
    limit: float


def plan(config: dict[str, Any] | None, instances: int) -> Plan:
    """Read a DeploymentConfig for a fleet of so many instances a variant; raises ServiceError for a wrong one."""
    given = config or {}
    if "BlueGreenUpdatePolicy" in given and "RollingUpdatePolicy" in given:
        raise invalid("DeploymentConfig has either a BlueGreenUpdatePolicy or a RollingUpdatePolicy.")
    alarms = [alarm["AlarmName"] for alarm in given.get("AutoRollbackConfiguration", {}).get("Alarms", [])]
    if "RollingUpdatePolicy" in given:
        policy, kind = given["RollingUpdatePolicy"], "batch"
        steps = _rolling(policy, instances)
    else:
        policy = given.get("BlueGreenUpdatePolicy", {})
        kind = policy.get("TrafficRoutingConfiguration", {}).get("Type", "ALL_AT_ONCE").lower()
        steps = _blue_green(policy, instances)
    limit = float(policy.get("MaximumExecutionTimeoutInSeconds", _LIMIT_SECONDS))
    if limit <= sum(step.seconds for step in steps):
        raise invalid("MaximumExecutionTimeoutInSeconds must be longer than all the waits of the deployment.")
    return Plan(steps, kind, alarms, limit)


def _blue_green(policy: dict[str, Any], instances: int) -> list[Step]:
    routing = policy.get("TrafficRoutingConfiguration", {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0})
    kind, wait = routing["Type"], int(routing["WaitIntervalInSeconds"])
    wanted = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}.get(kind)
    for size in ("CanarySize", "LinearStepSize"):
        if (size in routing) != (size == wanted):
            raise invalid(
                f"TrafficRoutingConfiguration of type {kind} {'needs' if size == wanted else 'has no'} {size}."
            )
    shares: list[float] = []
    if wanted:
        first = _share(wanted, routing[wanted], instances)
        shares = [first] if kind == "CANARY" else _multiples(first)
    last = Step(1.0, int(policy.get("TerminationWaitInSeconds", 0)), "TerminationWaitInSeconds")
    return [*(Step(share, wait, "WaitIntervalInSeconds") for share in shares), last]


def _rolling(policy: dict[str, Any], instances: int) -> list[Step]:
    share = _share("MaximumBatchSize", policy["MaximumBatchSize"], instances)
    if "RollbackMaximumBatchSize" in policy:  # the old fleet still runs here, so going back takes one step
        _fraction(policy["RollbackMaximumBatchSize"], instances)
    wait = int(policy["WaitIntervalInSeconds"])
    return [Step(found, wait, "WaitIntervalInSeconds") for found in [*_multiples(share), 1.0]]


def _multiples(share: float) -> list[float]:
    """Return a share, twice the share, and so on, below the whole."""
    return [share * count for count in range(1, math.ceil(1 / share))]


def _share(member: str, size: dict[str, Any], instances: int) -> float:
    share = _fraction(size, instances)
    if share > 0.5:
        raise invalid(f"{member} must be at most 50% of the variant's {instances} instance(s).")
    return share


def _fraction(size: dict[str, Any], instances: int) -> float:
    return float(size["Value"]) / (100 if size["Type"] == "CAPACITY_PERCENT" else instances)
