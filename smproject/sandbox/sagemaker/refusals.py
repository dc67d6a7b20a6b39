"""What a request for a processing or training job must be, beyond the shapes of the service model."""

from __future__ import annotations

from smproject.sandbox.sagemaker import hosts, metrics, runtime, spot
from smproject.sandbox.service import Request, ServiceError

MAX_INSTANCES = 20  # AWS's default quota of instances of one training job


def refuse(kind: str, request: Request) -> None:
    """Raise ServiceError for a job of a kind that AWS refuses, or that can't run on this machine."""
    if kind == "Training":
        _resources(request)
        spot.refuse(request)
        metrics.refuse(request)
    if kind in ("Training", "Processing"):
        _instances(kind, request)


def _resources(request: Request) -> None:
    """Raise ServiceError for a training job that does not say its instances in exactly one way."""
    wanted = request.get("ResourceConfig", {})
    for member in ("InstancePreferences", "TrainingPlanArn"):
        if member in wanted:
            raise ServiceError("NotImplemented", f"The sandbox does not implement {member} of ResourceConfig.")
    plain = [member for member in ("InstanceType", "InstanceCount") if member in wanted]
    if wanted.get("InstanceGroups") and plain:
        _invalid(f"ResourceConfig. {plain[0]} can't be specified with InstanceGroups")
    if not wanted.get("InstanceGroups") and len(plain) < 2:
        _invalid("ResourceConfig. It needs InstanceType and InstanceCount, or InstanceGroups")
    _groups(request)


def _groups(request: Request) -> None:
    names = [group.name for group in hosts.groups(request)]
    if len(set(names)) < len(names):
        _invalid("ResourceConfig. The InstanceGroupName of each group must be unique")
    for channel in request.get("InputDataConfig", []):
        for name in channel["DataSource"].get("S3DataSource", {}).get("InstanceGroupNames", []):
            if name not in names:
                _invalid(f"InstanceGroupNames. Channel {channel['ChannelName']} names the unknown group {name}")


def _instances(kind: str, request: Request) -> None:
    groups = hosts.groups(request)
    count = sum(len(group.hosts) for group in groups)
    if not all(group.hosts for group in groups):
        _invalid("InstanceCount. It must be at least 1")
    if count > MAX_INSTANCES:
        message = (
            f"The account-level service limit 'Number of instances for a {kind.lower()} job' is {MAX_INSTANCES} "
            f"Instances, with a request delta of {count} Instances."
        )
        raise ServiceError("ResourceLimitExceeded", message)
    if count > 1 and runtime.name() != "jail":
        message = (
            "Jobs of several instances need bubblewrap, by which each instance has its own name and files: install "
            "the package bubblewrap and start the sandbox again. It runs jobs as plain processes now."
        )
        raise ServiceError("ValidationException", message)


def _invalid(what: str) -> None:
    raise ServiceError("ValidationException", f"Invalid {what}.")
