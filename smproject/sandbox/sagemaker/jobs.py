"""Processing, training and transform jobs: created, described, listed, stopped."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from smproject.sandbox.moto_seam import Credentials
from smproject.sandbox.sagemaker import refusals, runner, warm_pools
from smproject.sandbox.sagemaker.hosting.models import Models
from smproject.sandbox.sagemaker.job import Job
from smproject.sandbox.sagemaker.tags import Tags
from smproject.sandbox.sagemaker.transform import transformer
from smproject.sandbox.service import INTERRUPTED, Caller, Request, ServiceError, page
from smproject.sandbox.world import World


class Jobs:
    """The operations on processing, training and transform jobs."""

    def __init__(self, world: World, tags: Tags, models: Models) -> None:
        self.world, self.tags, self.models = world, tags, models
        self.jobs: dict[str, Job] = {}

    def create_processing_job(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Start a processing job."""
        return {"ProcessingJobArn": self._create("Processing", caller, request, request["RoleArn"]).arn}

    def create_training_job(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Start a training job."""
        return {"TrainingJobArn": self._create("Training", caller, request, request["RoleArn"]).arn}

    def create_transform_job(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Start a batch transform with a model and the model's role."""
        transformer.refuse(request)
        model = self.models.find(caller, request["ModelName"])
        return {"TransformJobArn": self._create("Transform", caller, request, model.role).arn}

    def describe_processing_job(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a processing job."""
        return self._find("Processing", caller, request).describe()

    def describe_training_job(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a training job."""
        return self._find("Training", caller, request).describe()

    def describe_transform_job(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a transform job."""
        return self._find("Transform", caller, request).describe()

    def stop_processing_job(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Stop a processing job: SIGTERM, then SIGKILL."""
        return self._stop(self._find("Processing", caller, request))

    def stop_training_job(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Stop a training job: SIGTERM, then SIGKILL after 120 s."""
        return self._stop(self._find("Training", caller, request))

    def stop_transform_job(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Stop a transform job after the requests that are under way."""
        return self._stop(self._find("Transform", caller, request))

    def list_processing_jobs(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List processing jobs."""
        return self._list("Processing", caller, request)

    def list_training_jobs(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List training jobs."""
        return self._list("Training", caller, request)

    def list_transform_jobs(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List transform jobs."""
        return self._list("Transform", caller, request)

    def resume(self) -> None:
        """Fail the jobs that a stop of the sandbox has cut off."""
        for job in list(self.jobs.values()):
            if job.status in ("InProgress", "Stopping"):
                job.end("Failed", f"InternalServerError: {INTERRUPTED}")
                runner.announce(self.world, job)

    def _create(self, kind: str, caller: Caller, request: Request, role: str) -> Job:
        refusals.refuse(kind, request)
        name = request[f"{kind}JobName"]
        arn = caller.arn_of("sagemaker", f"{kind.lower()}-job/{name}")
        if arn in self.jobs:
            message = f"{kind} job names must be unique within an AWS account and region, and {name} exists already."
            raise ServiceError("ResourceInUse", message)
        job = Job(kind, name, arn, caller, request)
        act = self._act(job, self.world.assume(role, "sagemaker.amazonaws.com", "SageMaker", arn))
        warm_pools.take(self.jobs.values(), job)
        self.jobs[arn] = job
        self.tags.set(arn, request.get("Tags", []))
        self.world.background(f"job {name}", lambda: runner.run(self.world, job, act))
        return job

    def _act(self, job: Job, credentials: Credentials) -> Callable[[Path], None]:
        """Return what runs a job in its folder."""
        if job.kind != "Transform":
            return partial(runner.run_program, self.world, job, credentials)
        return partial(transformer.run, self.world, job, self.models.find(job.caller, job.request["ModelName"]))

    def _find(self, kind: str, caller: Caller, request: Request) -> Job:
        name = request[f"{kind}JobName"]
        job = self.jobs.get(caller.arn_of("sagemaker", f"{kind.lower()}-job/{name}"))
        if job is None:
            code = "ValidationException" if kind == "Training" else "ResourceNotFound"
            raise ServiceError(code, f"Requested resource not found: {kind.lower()} job {name}.")
        return job

    def _stop(self, job: Job) -> dict[str, Any]:
        if not job.ask_to_stop():
            message = f"The request was rejected because the {job.kind.lower()} job is in status {job.status}."
            raise ServiceError("ValidationException", message)
        return {}

    def _list(self, kind: str, caller: Caller, request: Request) -> dict[str, Any]:
        prefix = caller.arn_of("sagemaker", f"{kind.lower()}-job/")
        found = [job for arn, job in self.jobs.items() if arn.startswith(prefix) and _wanted(job, request)]
        newest_first = request.get("SortOrder", "Descending") == "Descending"
        found.sort(key=lambda job: job.created, reverse=newest_first)
        return page([job.summary() for job in found], request, f"{kind}JobSummaries")


def _wanted(job: Job, request: Request) -> bool:
    return request.get("StatusEquals", job.status) == job.status and request.get("NameContains", "") in job.name
