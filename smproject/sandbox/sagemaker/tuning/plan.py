"""What a tuning job's request asks for, checked before anything is made.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_HyperParameterTuningJobConfig.html
https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-how-it-works.html
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from smproject.sandbox.sagemaker.tuning.ranges import Range, read, refused
from smproject.sandbox.service import Request, ServiceError

_EPOCHS = ("epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")  # static hyperparameters that tell MaxResource
_MOST_EPOCHS = 20_000


@dataclass(frozen=True)
class Plan:
    """A tuning job's settings; `epochs` are the least and the most of a Hyperband job, infinity is no limit."""

    strategy: str
    metric: str
    maximize: bool
    ranges: tuple[Range, ...]
    parallel: int
    jobs: float
    seconds: float
    seed: int | None
    stops_early: bool
    epochs: tuple[int, int]
    target: float | None
    patience: float

    @classmethod
    def of(cls, request: Request) -> Plan:
        """Read a request; raises ServiceError for one that AWS refuses or that is not executed here."""
        if "TrainingJobDefinition" not in request:
            raise refused("A hyperparameter tuning job needs a TrainingJobDefinition.")
        config, definition = request["HyperParameterTuningJobConfig"], request["TrainingJobDefinition"]
        objective, limits = _objective(config, definition), config["ResourceLimits"]
        criteria, ranges = config.get("TuningJobCompletionCriteria", {}), _ranges(request)
        patience = criteria.get("BestObjectiveNotImproving", {}).get("MaxNumberOfTrainingJobsNotImproving", math.inf)
        if criteria.get("ConvergenceDetected", {}).get("CompleteOnConvergence") == "Enabled":
            # AWS does not say by what it detects convergence.
            raise ServiceError("NotImplemented", "The sandbox does not implement CompleteOnConvergence.")
        return cls(
            config["Strategy"],
            objective["MetricName"],
            objective["Type"] == "Maximize",
            ranges,
            limits["MaxParallelTrainingJobs"],
            _jobs(config, ranges),
            limits.get("MaxRuntimeInSeconds", math.inf),
            config.get("RandomSeed"),
            config.get("TrainingJobEarlyStoppingType") == "Auto",
            _epochs(config, definition),
            criteria.get("TargetObjectiveMetricValue"),
            patience,
        )

    def improves(self, value: float, best: float, least: float = 0.0) -> bool:
        """Tell whether an objective is better than another one, by a part of it at the least."""
        gain = value - best if self.maximize else best - value
        return gain > 0 and gain >= least * abs(best)

    def reaches(self, value: float) -> bool:
        """Tell whether an objective is the wanted one, or better."""
        return self.target is not None and not self.improves(self.target, value)


def _objective(config: dict[str, Any], definition: dict[str, Any]) -> dict[str, Any]:
    objective: dict[str, Any] = config.get("HyperParameterTuningJobObjective", {})
    metrics = definition["AlgorithmSpecification"].get("MetricDefinitions", [])
    if objective.get("MetricName") not in [metric["Name"] for metric in metrics]:
        told = "A metric is required for this hyperparameter tuning job objective."
        raise refused(f"{told} Provide a metric in the metric definitions.")
    return objective


def _ranges(request: Request) -> tuple[Range, ...]:
    found = request["HyperParameterTuningJobConfig"].get("ParameterRanges", {})
    for member in ("HyperParameterRanges", "TuningObjective"):
        if member in request["TrainingJobDefinition"]:
            raise refused(f"{member} is for TrainingJobDefinitions; with one definition it stands in the job's config.")
    if found.get("AutoParameters") and "Autotune" not in request:
        raise refused("AutoParameters can be used with Autotune only: set its Mode to Enabled.")
    ranges = read(found)
    fixed = request["TrainingJobDefinition"].get("StaticHyperParameters", {})
    if both := sorted(fixed.keys() & {item.name for item in ranges}):
        raise refused(f"The hyperparameter {both[0]} is both static and in a range; it can be one of these only.")
    return ranges


def _jobs(config: dict[str, Any], ranges: tuple[Range, ...]) -> float:
    """Return how many training jobs are started at the most."""
    given = config["ResourceLimits"].get("MaxNumberOfTrainingJobs")
    sizes = math.prod(item.size for item in ranges)
    if config["Strategy"] == "Grid":
        if any(item.kind != "Categorical" for item in ranges):
            raise refused("Only categorical parameters are supported when using the Grid strategy.")
        if given not in (None, sizes):
            told = "should equal the total number of distinct categorical combinations possible"
            raise refused(f"With the Grid strategy MaxNumberOfTrainingJobs [{given}] {told}, [{sizes}].")
        return sizes
    if given is not None and sizes < given:
        raise refused(
            "You don't have enough combinations of hyperparameter ranges. "
            f"The total number of hyperparameter combinations for the provided ranges [{float(sizes)}] "
            f"must be equal or greater than the value of MaxNumberOfJobs, [{given}]. Provide additional ranges."
        )
    ends = {"MaxRuntimeInSeconds"} & config["ResourceLimits"].keys() or config.get("TuningJobCompletionCriteria")
    if given is None and not ends:
        raise refused("A tuning job needs MaxNumberOfTrainingJobs, MaxRuntimeInSeconds or TuningJobCompletionCriteria.")
    return min(sizes, math.inf if given is None else given)


def _epochs(config: dict[str, Any], definition: dict[str, Any]) -> tuple[int, int]:
    own = config.get("StrategyConfig", {}).get("HyperbandStrategyConfig")
    if config["Strategy"] != "Hyperband":
        if own:
            raise refused("HyperbandStrategyConfig should be provided only if Hyperband is selected as the strategy.")
        return 0, 0
    if config.get("TrainingJobEarlyStoppingType") == "Auto":
        raise refused("TrainingJobEarlyStoppingType must be OFF to use Hyperband.")
    fixed = definition.get("StaticHyperParameters", {})
    told = [int(fixed[name]) for name in _EPOCHS if str(fixed.get(name, "")).isdigit()]
    least, most = (own or {}).get("MinResource", 1), (own or {}).get("MaxResource") or next(iter(told), 0)
    if not least <= most <= _MOST_EPOCHS:
        known = f"MaxResource of HyperbandStrategyConfig, or one of the static hyperparameters {', '.join(_EPOCHS)}"
        raise refused(f"Hyperband needs {known}, from MinResource [{least}] to {_MOST_EPOCHS}.")
    return least, most
