"""Warm pools: the instances of a training job that are kept for a while, for another job like it.

https://docs.aws.amazon.com/sagemaker/latest/dg/train-warm-pools.html
Here a pool is its status alone: every job's hosts are new.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from smproject.sandbox.service import Request, now

if TYPE_CHECKING:
    from smproject.sandbox.sagemaker.job import Job

_SAME = ("RoleArn", "VpcConfig", "EnableInterContainerTrafficEncryption", "EnableNetworkIsolation")
_SAME_RESOURCES = ("InstanceCount", "InstanceType", "InstanceGroups", "VolumeSizeInGB", "VolumeKmsKeyId")


def status(job: Job) -> dict[str, Any] | None:
    """Return the WarmPoolStatus of a job; None where it asked for no pool."""
    seconds = _seconds(job.request)
    if not seconds:
        return None
    if job.ended is None:
        return {"Status": "InUse"}
    if job.status == "Failed":
        return {"Status": "Terminated", "ResourceRetainedBillableTimeInSeconds": 0}
    if job.reused:
        name, at = job.reused
        return {"Status": "Reused", "ReusedByJob": name, **_billable(job.ended, at)}
    until = job.ended + timedelta(seconds=seconds)
    if now() < until:
        return {"Status": "Available", **_billable(job.ended, now())}
    return {"Status": "Terminated", **_billable(job.ended, until)}


def take(jobs: Iterable[Job], new: Job) -> None:
    """Let a new training job have the pool of a former one of its account that is like it."""
    for job in list(jobs):
        if (job.kind, job.caller.account, job.caller.region) != (new.kind, new.caller.account, new.caller.region):
            continue
        pool = status(job)
        if pool and pool["Status"] == "Available" and _likeness(job.request) == _likeness(new.request):
            job.reused = (new.name, now())
            return


def _seconds(request: Request) -> int:
    return int(request.get("ResourceConfig", {}).get("KeepAlivePeriodInSeconds", 0))


def _billable(begin: datetime, end: datetime) -> dict[str, int]:
    return {"ResourceRetainedBillableTimeInSeconds": int((end - begin).total_seconds())}


def _likeness(request: Request) -> list[Any]:
    resources = request.get("ResourceConfig", {})
    return [*(request.get(key) for key in _SAME), *(resources.get(key) for key in _SAME_RESOURCES)]
