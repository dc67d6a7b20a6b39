"""Folders laid out as SageMaker lays out /opt/ml, and the containers of jobs that run on them.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from podman import Container

HOSTS = ("algo-1",)
NAME = "job-1"
VARIABLES = {
    "TRAINING_JOB_NAME": NAME,
    "TRAINING_JOB_ARN": f"arn:aws:sagemaker:us-east-1:111111111111:training-job/{NAME}",
    "AWS_REGION": "us-east-1",
}


class Job:
    """What one host of a job finds in /opt/ml, and leaves there."""

    def __init__(self, folder: Path, host: str = HOSTS[0], hosts: Sequence[str] = HOSTS) -> None:
        self.base = folder
        self.resources = {
            "current_host": host,
            "hosts": list(hosts),
            "network_interface_name": "eth0",
            "current_instance_type": "ml.m5.large",
            "current_group_name": "homogeneousCluster",
            "instance_groups": [
                {
                    "instance_group_name": "homogeneousCluster",
                    "instance_type": "ml.m5.large",
                    "hosts": list(hosts),
                }
            ],
        }

    def write(self, path: str, content: Any) -> None:
        (self.base / path).parent.mkdir(parents=True, exist_ok=True)
        (self.base / path).write_text(json.dumps(content), encoding="utf-8")

    def start(self, image: str, *command: str, options: Sequence[str] = ()) -> Container:
        variables = (f"--env={name}={value}" for name, value in VARIABLES.items())
        return Container(image, *command, options=(f"--volume={self.base}:/opt/ml", *variables, *options))

    def run(self, image: str, *command: str, options: Sequence[str] = ()) -> tuple[int, str]:
        """Run to the end; returns exit status and log."""
        with self.start(image, *command, options=options) as container:
            return container.wait(), container.log()

    def files(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.base / folder).iterdir())

    @property
    def failure(self) -> str:
        return (self.base / "output" / "failure").read_text(encoding="utf-8")


def training(
    folder: Path,
    channels: Mapping[str, Path],
    hyperparameters: Mapping[str, str],
    host: str = HOSTS[0],
    hosts: Sequence[str] = HOSTS,
) -> Job:
    """Lay out a training job's /opt/ml; channels are folders to copy."""
    job = Job(folder, host, hosts)
    for part in ("model", "output/data", "input/data"):
        (folder / part).mkdir(parents=True)
    for name, source in channels.items():
        shutil.copytree(source, folder / "input" / "data" / name)
    channel = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
    job.write("input/config/hyperparameters.json", dict(hyperparameters))
    job.write("input/config/inputdataconfig.json", dict.fromkeys(channels, channel))
    job.write("input/config/resourceconfig.json", job.resources)
    return job


def processing(folder: Path, scripts: Sequence[Path], data: Mapping[str, Path]) -> Job:
    """Lay out a processing job's /opt/ml: scripts as the input `code`, and data by the names of their inputs."""
    job = Job(folder)
    for part in ("output", "processing/output", "processing/input/code"):
        (folder / part).mkdir(parents=True)
    for script in scripts:
        shutil.copy(script, folder / "processing" / "input" / "code")
    for name, source in data.items():
        shutil.copytree(source, folder / "processing" / "input" / name)
    job.write("config/processingjobconfig.json", {"ProcessingJobName": NAME})
    job.write("config/resourceconfig.json", job.resources)
    return job


def entrypoint(*words: str) -> str:
    """Option that replaces the image's entry point, as ContainerEntrypoint does."""
    return f"--entrypoint={json.dumps(words)}"
