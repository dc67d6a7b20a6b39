"""The container contract: what a job's request means for the files, environment and command of its program.

Paths are relative to /opt/ml. Sources: SageMaker developer guide, "How Amazon SageMaker AI Provides Training
Information" and "Build Your Own Processing Container".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from smproject.sandbox.image_store import Image
from smproject.sandbox.moto_seam import Credentials
from smproject.sandbox.sagemaker import hosts, runtime
from smproject.sandbox.sagemaker.hosts import Host
from smproject.sandbox.sagemaker.job import Job
from smproject.sandbox.sagemaker.runtime import ML
from smproject.sandbox.sagemaker.spot import DEFAULT_MAX_RUNTIME
from smproject.sandbox.service import ServiceError


@dataclass(frozen=True)
class Input:
    """A job's input: where its objects lie, the folder that gets them, and which hosts get which.

    `sharded` gives each host its share; `groups` are the instance groups that get any, all when it is empty.
    """

    uri: str
    path: str
    sharded: bool
    groups: tuple[str, ...] = ()

    def shares(self, keys: list[str], found: list[Host]) -> Iterator[tuple[Host, list[str]]]:
        """Yield each host that gets some of the objects, with their keys."""
        takers = [host for host in found if self.is_for(host)]
        for number, host in enumerate(takers):
            yield host, keys[number :: len(takers)] if self.sharded else keys

    def is_for(self, host: Host) -> bool:
        """Tell whether a host's group gets the input."""
        return not self.groups or host.group.name in self.groups


def image_uri(job: Job) -> str:
    """Return the image that a job runs in."""
    if job.kind == "Processing":
        return str(job.request["AppSpecification"]["ImageUri"])
    image = job.request["AlgorithmSpecification"].get("TrainingImage")
    if not image:
        raise ServiceError(
            "ValidationException", "The sandbox runs training images only: AlgorithmSpecification needs TrainingImage."
        )
    return str(image)


def isolated(job: Job) -> bool:
    """Tell whether the job may not use the network."""
    config = job.request.get("NetworkConfig", {}) if job.kind == "Processing" else job.request
    return bool(config.get("EnableNetworkIsolation"))


def max_runtime(job: Job) -> float:
    """Return the job's time limit in seconds."""
    return float(job.request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME))


def command(job: Job, image: Image) -> list[str]:
    """Return the program's command line: the request's entry point and arguments, or the image's."""
    spec = job.request["AppSpecification" if job.kind == "Processing" else "AlgorithmSpecification"]
    default = image.command if job.kind == "Processing" else ["train"]
    return [*spec.get("ContainerEntrypoint", image.entrypoint), *spec.get("ContainerArguments", default)]


def environment(job: Job, endpoint: str, credentials: Credentials) -> dict[str, str]:
    """Return the environment: the request's, the job's name, and the role's credentials unless it is isolated."""
    env = {f"{job.kind.upper()}_JOB_NAME": job.name, f"{job.kind.upper()}_JOB_ARN": job.arn}
    env |= runtime.access(endpoint, job.caller.region, None if isolated(job) else credentials)
    return env | {key: str(value) for key, value in job.request.get("Environment", {}).items()}


def inputs(job: Job) -> Iterator[Input]:
    """Yield each input."""
    if job.kind == "Processing":
        for item in job.request.get("ProcessingInputs", []):
            source = item.get("S3Input")
            if source is None or not source.get("LocalPath"):
                raise ServiceError(
                    "ValidationException", f"The sandbox reads S3 inputs with a LocalPath only: {item['InputName']}."
                )
            yield Input(source["S3Uri"], _relative(source["LocalPath"]), _sharded(source))
    for channel in job.request.get("InputDataConfig", []):
        yield _channel(channel)


def _channel(channel: dict[str, Any]) -> Input:
    source = channel["DataSource"].get("S3DataSource")
    if source is None or source.get("S3DataType", "S3Prefix") != "S3Prefix":
        raise ServiceError(
            "ValidationException", f"The sandbox reads S3Prefix channels only: {channel['ChannelName']}."
        )
    path, groups = f"input/data/{channel['ChannelName']}", tuple(source.get("InstanceGroupNames", ()))
    return Input(source["S3Uri"], path, _sharded(source), groups)


def _sharded(source: dict[str, Any]) -> bool:
    return source.get("S3DataDistributionType") == "ShardedByS3Key"


def outputs(job: Job) -> Iterator[tuple[str, str, str | None]]:
    """Yield folder, S3 URI and key of each output that is uploaded file by file."""
    config = job.request.get("ProcessingOutputConfig", {})
    for item in config.get("Outputs", []):
        target = item["S3Output"]
        yield _relative(target["LocalPath"]), target["S3Uri"], config.get("KmsKeyId")


def checkpoints(job: Job) -> tuple[str, str] | None:
    """Return the folder of a job's checkpoints and where in S3 they are kept; None when they are not."""
    config = job.request.get("CheckpointConfig")
    return (_relative(config.get("LocalPath", f"{ML}/checkpoints")), config["S3Uri"]) if config else None


def archives(job: Job) -> Iterator[tuple[str, str, str | None]]:
    """Yield folder, S3 URI and key of each output that is uploaded as one archive."""
    if job.kind == "Training":
        config = job.request["OutputDataConfig"]
        base = f"{config['S3OutputPath'].rstrip('/')}/{job.name}/output"
        yield "model", f"{base}/model.tar.gz", config.get("KmsKeyId")
        yield "output/data", f"{base}/output.tar.gz", config.get("KmsKeyId")


def _relative(path: str) -> str:
    if path != ML and not path.startswith(f"{ML}/"):
        raise ServiceError("ValidationException", f"LocalPath {path} must lie under {ML}.")
    return path[len(ML) :].lstrip("/")


def prepare(job: Job, host: Host) -> None:
    """Make the folders and write the configuration files that a host's program finds."""
    training = job.kind == "Training"
    folders = ["output/data", "model", "input/data", "checkpoints"] if training else ["output", "processing"]
    folders += [folder for folder, _, _ in outputs(job)]
    if place := checkpoints(job):
        folders.append(place[0])
    for folder in folders:
        (host.ml / folder).mkdir(parents=True, exist_ok=True)
    config = _training_config(job, host) if training else _processing_config(job, host)
    for path, content in config.items():
        (host.ml / path).parent.mkdir(parents=True, exist_ok=True)
        (host.ml / path).write_text(json.dumps(content, default=str))


def _resource_config(job: Job, host: Host) -> dict[str, Any]:
    groups = hosts.groups(job.request)
    listed = [
        {"instance_group_name": group.name, "instance_type": group.instance_type, "hosts": list(group.hosts)}
        for group in groups
    ]
    return {
        "current_host": host.name,
        "hosts": [name for group in groups for name in group.hosts],
        "network_interface_name": "lo",
        "current_instance_type": host.group.instance_type,
        "current_group_name": host.group.name,
        "instance_groups": listed,
    }


def _training_config(job: Job, host: Host) -> dict[str, Any]:
    channels = {
        channel["ChannelName"]: {
            "TrainingInputMode": channel.get("InputMode") or job.request["AlgorithmSpecification"]["TrainingInputMode"],
            "S3DistributionType": channel["DataSource"]
            .get("S3DataSource", {})
            .get("S3DataDistributionType", "FullyReplicated"),
            "RecordWrapperType": channel.get("RecordWrapperType", "None"),
            **({"ContentType": channel["ContentType"]} if "ContentType" in channel else {}),
        }
        for channel in job.request.get("InputDataConfig", [])
        if _channel(channel).is_for(host)
    }
    return {
        "input/config/hyperparameters.json": job.request.get("HyperParameters", {}),
        "input/config/inputdataconfig.json": channels,
        "input/config/resourceconfig.json": _resource_config(job, host),
    }


def _processing_config(job: Job, host: Host) -> dict[str, Any]:
    return {
        "config/processingjobconfig.json": job.request | {"ProcessingJobArn": job.arn},
        "config/resourceconfig.json": _resource_config(job, host),
    }
