"""Warm starts: what earlier tuning jobs have learned.

https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-warm-start.html
"""

from __future__ import annotations

from collections.abc import Mapping

from smproject.sandbox.sagemaker.tuning.ranges import refused
from smproject.sandbox.sagemaker.tuning.tuning_job import TuningJob


def parents(job: TuningJob, known: Mapping[str, TuningJob]) -> list[TuningJob]:
    """Return the parents of a tuning job; raises ServiceError for one from which it can't start."""
    wanted = job.request.get("WarmStartConfig", {}).get("ParentHyperParameterTuningJobs", [])
    return [_parent(job, item["HyperParameterTuningJobName"], known) for item in wanted]


def _parent(job: TuningJob, name: str, known: Mapping[str, TuningJob]) -> TuningJob:
    found = known.get(job.arn.rpartition("/")[0] + f"/{name}")
    if found is None:
        raise refused(f"The parent hyperparameter tuning job {name} does not exist.")
    if found.under_way:
        raise refused(f"The parent hyperparameter tuning job {name} is in status {found.status}: it must have ended.")
    if (found.plan.metric, found.plan.maximize) != (job.plan.metric, job.plan.maximize):
        raise refused(f"The objective metric must be the same as that of the parent hyperparameter tuning job {name}.")
    if _count(found) != _count(job):
        total = "The total number of static plus tunable hyperparameters must be the same as in all parent jobs"
        raise refused(f"{total}: it is {_count(job)}, and {_count(found)} in {name}.")
    return found


def _count(job: TuningJob) -> int:
    return len(job.request["TrainingJobDefinition"].get("StaticHyperParameters", {})) + len(job.plan.ranges)
