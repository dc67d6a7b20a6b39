"""Tuning jobs in a few words: a program whose objective is known, and the end of what is run with it."""

from __future__ import annotations

import textwrap
import uuid
from typing import Any

from harness import eventually
from workbench import CLUSTER, Item, Workbench

# The training program's beginning: its hyperparameters, and how it tells its loss.
BEGIN = """
import json, time
p = json.load(open('/opt/ml/input/config/hyperparameters.json'))
def tell(loss): print(f'loss={loss!r};', flush=True)
"""
SQUARE = "tell((float(p['x']) - 3) ** 2)"
HANGS = "print('hangs', flush=True); time.sleep(300)"
OBJECTIVE = {"Type": "Minimize", "MetricName": "loss"}


def continuous(name: str, low: float, high: float, scale: str = "Linear") -> Item:
    return {"Name": name, "MinValue": str(low), "MaxValue": str(high), "ScalingType": scale}


def categories(name: str, *values: Any) -> Item:
    return {"Name": name, "Values": [str(value) for value in values]}


def x_in(*values: Any) -> Item:
    """Return ranges whose only hyperparameter, `x`, is one of some values."""
    return {"CategoricalParameterRanges": [categories("x", *values)]}


class Tunings:
    """Runs tuning jobs whose training jobs run Python code in the workbench's image."""

    def __init__(self, bench: Workbench) -> None:
        self.bench, self.api = bench, bench.api

    def request(self, code: str = SQUARE, ranges: Item | None = None, **members: Any) -> Item:
        """Return a request without a name; members of its config go where they belong."""
        limits = {"MaxParallelTrainingJobs": members.pop("parallel", 2)}
        if (count := members.pop("jobs", 4)) is not None:
            limits["MaxNumberOfTrainingJobs"] = count
        config = {
            "Strategy": members.pop("Strategy", "Random"),
            "HyperParameterTuningJobObjective": members.pop("Objective", OBJECTIVE),
            "ResourceLimits": limits | members.pop("limits", {}),
            "ParameterRanges": ranges or {"ContinuousParameterRanges": [continuous("x", -10, 10)]},
        }
        names = ("RandomSeed", "StrategyConfig", "TrainingJobEarlyStoppingType", "TuningJobCompletionCriteria")
        config |= {name: members.pop(name) for name in names if name in members}
        return {"HyperParameterTuningJobConfig": config, "TrainingJobDefinition": self.definition(code), **members}

    def definition(self, code: str) -> Item:
        """Return the definition of training jobs: the image's own program does what its environment says."""
        metrics = [{"Name": "loss", "Regex": "loss=(.*?);"}]
        image = {"TrainingImage": self.bench.image, "TrainingInputMode": "File", "MetricDefinitions": metrics}
        return {
            "AlgorithmSpecification": image,
            "RoleArn": self.bench.role,
            "OutputDataConfig": {"S3OutputPath": self.bench.uri("tuned")},
            "ResourceConfig": CLUSTER,
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            "StaticHyperParameters": {"fixed": "7"},
            "Environment": {"CODE": BEGIN + textwrap.dedent(code)},
        }

    def start(self, *arguments: Any, **members: Any) -> str:
        """Create a tuning job; return its name."""
        name = members.pop("Name", f"tuning-{uuid.uuid4().hex[:8]}")
        request = self.request(*arguments, **members)
        self.api.create_hyper_parameter_tuning_job(HyperParameterTuningJobName=name, **request)
        return str(name)

    def describe(self, name: str) -> Item:
        """Describe a tuning job."""
        return dict(self.api.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name))

    def ended(self, name: str) -> Item:
        """Wait for a tuning job's end; return its description."""

        def look() -> Item | None:
            found = self.describe(name)
            return None if found["HyperParameterTuningJobStatus"] in {"InProgress", "Stopping"} else found

        return eventually(look)

    def run(self, *arguments: Any, **members: Any) -> Item:
        """Run a tuning job to its end."""
        return self.ended(self.start(*arguments, **members))

    def jobs(self, name: str, **request: Any) -> list[Item]:
        """Return a tuning job's training jobs, in the order in which they were started unless it is said."""
        api = self.api.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job")
        pages = api.paginate(HyperParameterTuningJobName=name, **request)
        return [item for page in pages for item in page["TrainingJobSummaries"]]

    def tried(self, name: str) -> list[Item]:
        """Return the hyperparameters that a tuning job has tried, in their order."""
        return [job["TunedHyperParameters"] for job in self.jobs(name)]


def value(job: Item) -> float:
    """Return a training job's objective."""
    return float(job["FinalHyperParameterTuningJobObjectiveMetric"]["Value"])
