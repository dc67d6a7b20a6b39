"""Hyperparameter tuning jobs: created, described, listed, stopped, deleted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from smproject.sandbox.events import events_of
from smproject.sandbox.sagemaker import refusals
from smproject.sandbox.sagemaker.jobs import Jobs
from smproject.sandbox.sagemaker.tags import Tags
from smproject.sandbox.sagemaker.tuning import launch, warm
from smproject.sandbox.sagemaker.tuning.tuning_job import TuningJob
from smproject.sandbox.service import INTERRUPTED, Caller, Request, ServiceError, page
from smproject.sandbox.world import World

if TYPE_CHECKING:
    from smproject.sandbox.sagemaker.tuning.tuner import Tuner

_PAGE = 10
_KIND = "hyper-parameter-tuning-job"
_EVENT = "SageMaker HyperParameter Tuning Job State Change"


class TuningJobs:
    """The operations on tuning jobs; their training jobs are those of `jobs`."""

    def __init__(self, world: World, tags: Tags, jobs: Jobs) -> None:
        self.world, self.tags, self.jobs = world, tags, jobs
        self.tuning_jobs: dict[str, TuningJob] = {}

    def create_hyper_parameter_tuning_job(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Start a tuning job."""
        name = request["HyperParameterTuningJobName"]
        arn = caller.arn_of("sagemaker", f"{_KIND}/{name}")
        if arn in self.tuning_jobs:
            unique = "Hyperparameter tuning job names must be unique within an AWS account and region"
            raise ServiceError("ResourceInUse", f"{unique}, and {name} exists already.")
        job = TuningJob(name, arn, caller, request)
        self._refuse(job)
        job.parents = warm.parents(job, self.tuning_jobs)
        self.world.assume(request["TrainingJobDefinition"]["RoleArn"], "sagemaker.amazonaws.com", "SageMaker", arn)
        from smproject.sandbox.sagemaker.tuning.tuner import Tuner  # noqa: PLC0415  # Optuna: not at the start

        tuner = Tuner(self.world, self.jobs, job)
        self.tuning_jobs[arn] = job
        self.tags.set(arn, request.get("Tags", []))
        self._announce(job)
        self.world.background(f"tuning job {name}", lambda: self._run(tuner))
        return {"HyperParameterTuningJobArn": arn}

    def describe_hyper_parameter_tuning_job(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a tuning job."""
        return self._find(caller, request).describe()

    def list_hyper_parameter_tuning_jobs(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the account's tuning jobs."""
        prefix, text = caller.arn_of("sagemaker", f"{_KIND}/"), request.get("NameContains", "")
        mine = [job for arn, job in list(self.tuning_jobs.items()) if arn.startswith(prefix) and text in job.name]
        found = [job.summary() for job in mine if request.get("StatusEquals", job.status) == job.status]
        keys = {"Name": "JobName", "Status": "JobStatus"}
        by = request.get("SortBy", "Name")
        member = f"HyperParameterTuning{keys[by]}" if by in keys else by
        ordered = _ordered(found, request, lambda item: item[member])
        return page(ordered, request, "HyperParameterTuningJobSummaries", default=_PAGE)

    def list_training_jobs_for_hyper_parameter_tuning_job(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List a tuning job's training jobs."""
        trials = list(self._find(caller, request).trials)
        by = request.get("SortBy", "Name")
        if by == "FinalObjectiveMetricValue":  # those without one are not listed
            trials = [trial for trial in trials if trial.objective is not None]
        found = [trial for trial in trials if request.get("StatusEquals", trial.status) == trial.status]
        ordered = [trial.summary() for trial in _ordered(found, request, _SORTS[by])]
        return page(ordered, request, "TrainingJobSummaries", default=_PAGE)

    def stop_hyper_parameter_tuning_job(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Stop a tuning job with the training jobs that it runs."""
        job = self._find(caller, request)
        if not job.ask_to_stop():
            message = f"The request was rejected because the hyperparameter tuning job is in status {job.status}."
            raise ServiceError("ValidationException", message)
        self._announce(job)
        return {}

    def delete_hyper_parameter_tuning_job(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Forget a tuning job that has ended; its training jobs stay."""
        job = self._find(caller, request)
        if job.under_way:
            message = f"Hyperparameter tuning job {job.name} is in status {job.status}: stop it first."
            raise ServiceError("ValidationException", message)
        del self.tuning_jobs[job.arn]
        self.tags.set(job.arn, [])
        return {}

    def resume(self) -> None:
        """Fail the tuning jobs that a stop of the sandbox has cut off."""
        for job in list(self.tuning_jobs.values()):
            if job.under_way:
                job.end("Failed", f"InternalServerError: {INTERRUPTED}")
                self._announce(job)

    @staticmethod
    def _refuse(job: TuningJob) -> None:
        """Raise ServiceError for a tuning job, or training jobs of it, that can't run."""
        values = {item.name: "" for item in job.plan.ranges}
        refusals.refuse("Training", launch.training_request(job, values))

    def _run(self, tuner: Tuner) -> None:
        tuner.run()
        self._announce(tuner.tuning)

    def _find(self, caller: Caller, request: Request) -> TuningJob:
        name = request["HyperParameterTuningJobName"]
        job = self.tuning_jobs.get(caller.arn_of("sagemaker", f"{_KIND}/{name}"))
        if job is None:
            raise ServiceError("ResourceNotFound", f"Requested resource not found: hyperparameter tuning job {name}.")
        return job

    def _announce(self, job: TuningJob) -> None:
        """Tell EventBridge of a job's new status."""
        detail = json.loads(json.dumps(job.describe(), default=str))
        detail["Tags"] = {tag["Key"]: tag["Value"] for tag in self.tags.of(job.arn)}
        events_of(self.world).emit(job.caller.account, job.caller.region, "aws.sagemaker", _EVENT, detail, [job.arn])


_SORTS: dict[str, Any] = {
    "Name": lambda trial: trial.job.name,
    "CreationTime": lambda trial: trial.job.created,
    "Status": lambda trial: trial.status,
    "FinalObjectiveMetricValue": lambda trial: trial.objective,
}


def _ordered(items: list[Any], request: Request, by: Any) -> list[Any]:
    return sorted(items, key=by, reverse=request.get("SortOrder") == "Descending")
