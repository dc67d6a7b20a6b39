"""What SageMaker remembers of a tuning job."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from smproject.sandbox.sagemaker.job import Job
from smproject.sandbox.sagemaker.tuning.plan import Plan
from smproject.sandbox.service import Caller, Request, now

IMPROVED = 0.01  # the part by which AWS counts an objective as improved
_UNDER_WAY = ("InProgress", "Stopping")


@dataclass
class Trial:
    """A training job of a tuning job, with the hyperparameters that were chosen for it."""

    values: dict[str, str]
    job: Job
    metric: str
    definition: str = ""

    @property
    def status(self) -> str:
        """Return the training job's status."""
        return self.job.status

    @property
    def ended(self) -> bool:
        """Tell whether the training job has ended."""
        return self.status not in _UNDER_WAY

    @property
    def objective(self) -> float | None:
        """Return the final value of the objective; None when there is none, or not yet."""
        if self.status not in ("Completed", "Stopped"):
            return None
        found = [item["Value"] for item in self.job.metrics if item["MetricName"] == self.metric]
        return next((value for value in found if math.isfinite(value)), None)

    @property
    def objective_status(self) -> str:
        """Return what became of the objective."""
        if not self.ended:
            return "Pending"
        return "Failed" if self.objective is None else "Succeeded"

    def summary(self) -> dict[str, Any]:
        """Return the training job as listings of a tuning job show it."""
        full, objective = self.job.describe(), self.objective
        shown = ("TrainingJobName", "TrainingJobArn", "TrainingJobStatus", "CreationTime", "FailureReason")
        times = ("TrainingStartTime", "TrainingEndTime")
        final = {"MetricName": self.metric, "Value": objective}
        return {
            **({"TrainingJobDefinitionName": self.definition} if self.definition else {}),
            **{key: full[key] for key in (*shown, *times) if key in full},
            "TunedHyperParameters": self.values,
            "ObjectiveStatus": self.objective_status,
            **({} if objective is None else {"FinalHyperParameterTuningJobObjectiveMetric": final}),
        }


@dataclass
class TuningJob:
    """A tuning job; `request` is what it was created with."""

    name: str
    arn: str
    caller: Caller
    request: Request
    parents: list[TuningJob] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    status: str = "InProgress"
    failure_reason: str = ""
    created: datetime = field(default_factory=now)
    modified: datetime = field(default_factory=now)
    ended: datetime | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def plan(self) -> Plan:
        """Return the job's settings."""
        return Plan.of(self.request)

    @property
    def under_way(self) -> bool:
        """Tell whether the job has not ended."""
        return self.status in _UNDER_WAY

    def ask_to_stop(self) -> bool:
        """Begin to stop a job that is in progress; tell whether it was."""
        with self.lock:
            if self.status != "InProgress":
                return False
            self.status = "Stopping"
        self.modified = now()
        self.stopping.set()
        return True

    def end(self, status: str, reason: str = "") -> None:
        """End the job."""
        self.failure_reason, self.ended = reason[:1024], now()
        self.modified = self.ended
        with self.lock:
            self.status = status  # last: who sees the status finds everything else

    def best(self) -> Trial | None:
        """Return the training job with the best objective, the first of equals."""
        return self._best(list(self.trials))

    def _best(self, trials: list[Trial]) -> Trial | None:
        plan, best = self.plan, None
        for trial in trials:
            if trial.objective is not None and (best is None or plan.improves(trial.objective, best.objective or 0.0)):
                best = trial
        return best

    def _overall_best(self) -> dict[str, Any] | None:
        """Return the best training job of this tuning job and its parents, where these had the same data."""
        if self.request.get("WarmStartConfig", {}).get("WarmStartType") != "IdenticalDataAndAlgorithm":
            return None
        by = {trial.job.name: (job, trial) for job in (*self.parents, self) for trial in list(job.trials)}
        best = self._best([trial for _, trial in by.values()])
        return best.summary() | {"TuningJobName": by[best.job.name][0].name} if best else None

    def not_improving(self) -> int:
        """Return how many training jobs in a row have not bettered the best objective by 1 %, up to the last one."""
        plan, count = self.plan, 0
        best: float | None = None
        ended = [trial for trial in list(self.trials) if trial.ended and trial.job.ended]
        for trial in sorted(ended, key=lambda item: item.job.ended or self.created):
            value = trial.objective
            if value is not None and (best is None or plan.improves(value, best, IMPROVED)):
                best, count = value, 0
            else:
                count += 1
        return count

    def describe(self) -> dict[str, Any]:
        """Return the Describe response: the request and what became of it."""
        best = self.best()
        optional = {
            "HyperParameterTuningEndTime": self.ended,
            "BestTrainingJob": best.summary() if best else None,
            "OverallBestTrainingJob": self._overall_best(),
            "FailureReason": self.failure_reason,
        }
        return {
            **{key: value for key, value in self.request.items() if key != "Tags"},
            "HyperParameterTuningJobArn": self.arn,
            "HyperParameterTuningJobStatus": self.status,
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
            **self._counters(),
            "TuningJobCompletionDetails": {"NumberOfTrainingJobsObjectiveNotImproving": self.not_improving()},
            "ConsumedResources": {"RuntimeInSeconds": int(((self.ended or now()) - self.created).total_seconds())},
            **{key: value for key, value in optional.items() if value},
        }

    def summary(self) -> dict[str, Any]:
        """Return the List response's item."""
        full = self.describe()
        shown = ("JobName", "JobArn", "JobStatus", "EndTime")
        found = {name: full[name] for key in shown if (name := f"HyperParameterTuning{key}") in full}
        config = self.request["HyperParameterTuningJobConfig"]
        rest = ("CreationTime", "LastModifiedTime", "TrainingJobStatusCounters", "ObjectiveStatusCounters")
        kept = {"Strategy": config["Strategy"], "ResourceLimits": config["ResourceLimits"]}
        return {**found, **kept, **{key: full[key] for key in rest}}

    def _counters(self) -> dict[str, dict[str, int]]:
        trials = list(self.trials)
        states = [_counted(trial) for trial in trials]
        objectives = [trial.objective_status for trial in trials]
        counted = ("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped")
        return {
            "TrainingJobStatusCounters": {name: states.count(name) for name in counted},
            "ObjectiveStatusCounters": {name: objectives.count(name) for name in ("Succeeded", "Pending", "Failed")},
        }


def _counted(trial: Trial) -> str:
    """Return the counter of a training job's status."""
    if not trial.ended:
        return "InProgress"
    if trial.status != "Failed":
        return trial.status
    internal = trial.job.failure_reason.startswith("InternalServerError")
    return "RetryableError" if internal else "NonRetryableError"
