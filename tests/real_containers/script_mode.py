"""A training job as the SageMaker SDK asks for it: `ModelTrainer` with `SourceCode(entry_script=...)`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
from jobs import Job, entrypoint, training
from moto import mock_aws

BUCKET = "bucket"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": "us-east-1"}


def script_job(folder: Path, script: Path, hyperparameters: Mapping[str, Any]) -> tuple[Job, list[str], str]:
    """Lay out the job that the SDK creates for a script; returns it, its arguments, and its entry point's option."""
    # The SDK reads its settings from HOME.
    with mock.patch.dict(os.environ, CREDENTIALS | {"HOME": str(folder)}), mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        request = requested(script, hyperparameters)
        channels = {
            channel["ChannelName"]: downloaded(s3, channel["DataSource"]["S3DataSource"]["S3Uri"], folder)
            for channel in request["InputDataConfig"]
        }
    job = training(folder / "ml", channels, request["HyperParameters"])
    how = request["AlgorithmSpecification"]
    return job, how["ContainerArguments"], entrypoint(*how["ContainerEntrypoint"])


def requested(script: Path, hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    """Let the SDK create the training job; returns the request as the service has taken it."""
    # Here, because they are slow, and read HOME.
    from sagemaker.core.helper.session_helper import Session  # noqa: PLC0415
    from sagemaker.core.training.configs import Compute, SourceCode  # noqa: PLC0415
    from sagemaker.train import ModelTrainer  # noqa: PLC0415

    import pipelines.session  # noqa: F401, PLC0415  # quiets the SDK and its telemetry

    trainer = ModelTrainer(
        training_image="111111111111.dkr.ecr.us-east-1.amazonaws.com/image:1",
        source_code=SourceCode(source_dir=str(script.parent), entry_script=script.name),
        compute=Compute(instance_type="ml.m5.large", instance_count=1),
        hyperparameters=dict(hyperparameters),
        role="arn:aws:iam::111111111111:role/training",
        sagemaker_session=Session(boto_session=boto3.Session(), default_bucket=BUCKET),
    )
    trainer.train(wait=False, logs=False)
    sagemaker = boto3.client("sagemaker")
    (job,) = sagemaker.list_training_jobs()["TrainingJobSummaries"]
    found: dict[str, Any] = sagemaker.describe_training_job(TrainingJobName=job["TrainingJobName"])
    return found


def downloaded(s3: Any, uri: str, folder: Path) -> Path:
    """Copy what lies below a prefix into a folder of the prefix's name."""
    prefix = uri.removeprefix(f"s3://{BUCKET}/").rstrip("/")
    target = folder / "channels" / Path(prefix).name
    for item in s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/")["Contents"]:
        path = target / item["Key"].removeprefix(f"{prefix}/")
        path.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(BUCKET, item["Key"], str(path))
    return target
