"""Managed spot training: instances that may be taken away, after which the job waits for others and starts again.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-managed-spot-training.html
`smproject sandbox interrupt` takes them away: it leaves a file in the job's folder, which the job's program can't see.
"""

from __future__ import annotations

import time
from pathlib import Path

from smproject.sandbox.sagemaker.job import Job
from smproject.sandbox.service import Request, ServiceError, now

INTERRUPTED = "Interrupted"
DEFAULT_MAX_RUNTIME = 86_400  # seconds
_FILE = "interruption"
_POLL_SECONDS = 0.05


def refuse(request: Request) -> None:
    """Raise ServiceError where a training job's time to wait doesn't fit, or its instances were to be kept, too."""
    limits = request.get("StoppingCondition", {})
    wait = limits.get("MaxWaitTimeInSeconds")
    if not request.get("EnableManagedSpotTraining"):
        if wait is not None:
            _refuse("MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true")
    elif wait is None:
        _refuse("MaxWaitTimeInSeconds. It is required when EnableManagedSpotTraining is set to true")
    elif wait < limits.get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME):
        _refuse("MaxWaitTimeInSeconds. It must be equal to or greater than MaxRuntimeInSeconds")
    elif request.get("ResourceConfig", {}).get("KeepAlivePeriodInSeconds"):
        _refuse("KeepAlivePeriodInSeconds. It is not supported when EnableManagedSpotTraining is set to true")


def _refuse(what: str) -> None:
    raise ServiceError("ValidationException", f"Invalid {what}")


def interrupt(folder: Path, seconds: float) -> None:
    """Take away the instances of the job that runs in a folder, for at least so long.

    Raises FileNotFoundError when no job runs there.
    """
    partial = folder / f".{_FILE}"
    partial.write_text(str(seconds))
    partial.replace(folder / _FILE)


def is_interrupted(job: Job, folder: Path) -> bool:
    """Tell whether a job's instances are to be taken away."""
    return bool(job.request.get("EnableManagedSpotTraining")) and (folder / _FILE).exists()


def is_overdue(job: Job) -> bool:
    """Tell whether a spot job has waited and run for longer than it may."""
    limit = job.request.get("StoppingCondition", {}).get("MaxWaitTimeInSeconds")
    return limit is not None and (now() - job.created).total_seconds() > limit


def wait(job: Job, folder: Path) -> str:
    """Wait until there are instances again; return why the job ends instead, empty when it goes on."""
    back = time.monotonic() + float((folder / _FILE).read_text())
    while not job.stopping.wait(_POLL_SECONDS):
        if is_overdue(job):
            return "MaxWaitTimeExceeded"
        if time.monotonic() >= back:
            return ""
    return "Stopped"
