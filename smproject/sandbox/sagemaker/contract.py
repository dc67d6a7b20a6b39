"""The container contract: what a job's request means for the files, environment and command of its program.

Paths are relative to /opt/ml. Sources: SageMaker developer guide, "How Amazon SageMaker AI Provides Training
Information" and "Build Your Own Processing Container".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from smproject.sandbox.image_store import Image
from smproject.sandbox.moto_seam import Credentials
from smproject.sandbox.sagemaker import runtime
from smproject.sandbox.sagemaker.job import Job
from smproject.sandbox.sagemaker.runtime import ML
from smproject.sandbox.service import ServiceError

HOST = "algo-1"
DEFAULT_MAX_RUNTIME = 86_400  # seconds


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


def inputs(job: Job) -> Iterator[tuple[str, str]]:
    """Yield each input's S3 URI and folder."""
    if job.kind == "Processing":
        for item in job.request.get("ProcessingInputs", []):
            source = item.get("S3Input")
            if source is None or not source.get("LocalPath"):
                raise ServiceError(
                    "ValidationException", f"The sandbox reads S3 inputs with a LocalPath only: {item['InputName']}."
                )
            yield source["S3Uri"], _relative(source["LocalPath"])
    for channel in job.request.get("InputDataConfig", []):
        source = channel["DataSource"].get("S3DataSource")
        if source is None or source.get("S3DataType", "S3Prefix") != "S3Prefix":
            raise ServiceError(
                "ValidationException", f"The sandbox reads S3Prefix channels only: {channel['ChannelName']}."
            )
        yield source["S3Uri"], f"input/data/{channel['ChannelName']}"


def outputs(job: Job) -> Iterator[tuple[str, str, str | None]]:
    """Yield folder, S3 URI and key of each output that is uploaded file by file."""
    config = job.request.get("ProcessingOutputConfig", {})
    for item in config.get("Outputs", []):
        target = item["S3Output"]
        yield _relative(target["LocalPath"]), target["S3Uri"], config.get("KmsKeyId")
    if checkpoint := job.request.get("CheckpointConfig"):
        yield _relative(checkpoint.get("LocalPath", f"{ML}/checkpoints")), checkpoint["S3Uri"], None


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


def prepare(job: Job, ml: Path) -> None:
    """Make the folders and write the configuration files that the program finds."""
    folders = (
        ["output/data", "model", "input/data", "checkpoints"] if job.kind == "Training" else ["output", "processing"]
    )
    folders += [folder for folder, _, _ in outputs(job)]
    for folder in folders:
        (ml / folder).mkdir(parents=True, exist_ok=True)
    config = _training_config(job) if job.kind == "Training" else _processing_config(job)
    for path, content in config.items():
        (ml / path).parent.mkdir(parents=True, exist_ok=True)
        (ml / path).write_text(json.dumps(content, default=str))


def _resource_config(job: Job) -> dict[str, Any]:
    cluster = job.request.get("ResourceConfig") or job.request["ProcessingResources"]["ClusterConfig"]
    if int(cluster.get("InstanceCount", 1)) != 1:
        raise ServiceError("ValidationException", "The sandbox runs jobs on one instance only.")
    group = {"instance_group_name": "homogeneousCluster", "instance_type": cluster.get("InstanceType"), "hosts": [HOST]}
    return {
        "current_host": HOST,
        "hosts": [HOST],
        "network_interface_name": "lo",
        "current_instance_type": cluster.get("InstanceType"),
        "current_group_name": "homogeneousCluster",
        "instance_groups": [group],
    }


def _training_config(job: Job) -> dict[str, Any]:
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
    }
    return {
        "input/config/hyperparameters.json": job.request.get("HyperParameters", {}),
        "input/config/inputdataconfig.json": channels,
        "input/config/resourceconfig.json": _resource_config(job),
    }


def _processing_config(job: Job) -> dict[str, Any]:
    return {
        "config/processingjobconfig.json": job.request | {"ProcessingJobArn": job.arn},
        "config/resourceconfig.json": _resource_config(job),
    }
