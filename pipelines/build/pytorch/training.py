"""The training step of builds with PyTorch: on an accelerator, from a checkpoint, once or as a search."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sagemaker.core.workflow.parameters import Parameter, ParameterInteger, ParameterString
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import CheckpointConfig, Compute, InputData

from pipelines.build import accelerators, jobs
from pipelines.build.pytorch.settings import Settings
from pipelines.build.steps import Build
from pipelines.build.tuning import Objective, Trained, Tuning, train, tune
from pipelines.variables import SettingsError

MAX_WAIT_SECONDS = 4 * jobs.MAX_RUNTIME_SECONDS  # for spot instances, the training included


@dataclass(frozen=True)
class Plan:
    """What a use case's pipeline.py says of its training: see the constants there."""

    hyperparameters: Mapping[str, Any]
    metrics: Sequence[str]
    tuning: Tuning | None
    sought: Objective
    spot: bool
    keep_alive_seconds: int

    def __post_init__(self) -> None:
        if self.spot and self.keep_alive_seconds:
            raise SettingsError(
                "SPOT and KEEP_ALIVE_SECONDS exclude each other: SageMaker keeps no spot instances. Unset one."
            )


def parameters(settings: Settings) -> list[Parameter]:
    """Pipeline parameters of the training."""
    accelerator = accelerators.find(settings.accelerator)
    types = list(accelerator.instance_types)
    return [
        # ImageUri processes and evaluates, on CPUs; this one has the libraries of the accelerator.
        ParameterString("TrainingImageUri", settings.training_image_uri or None),
        ParameterString("TrainingInstanceType", accelerator.instance_type, enum_values=types),
        ParameterInteger("TrainingInstanceCount", 1),
        # One a device of the instance type; an image that guessed it would quietly train with one.
        ParameterInteger("TrainingProcesses", accelerator.processes),
    ]


def train_step(use: Build, settings: Settings, plan: Plan, channels: Mapping[str, Any]) -> Trained:
    """Train on channels, given as S3 URIs by name, with no network connection but between the job's instances."""
    inputs = [InputData(channel_name=name, data_source=uri) for name, uri in channels.items()]
    trainer = make_trainer(use, accelerators.find(settings.accelerator), plan)
    if plan.tuning is None:
        return train(trainer, inputs, plan.metrics)
    return tune(trainer, inputs, plan.metrics, plan.sought, plan.tuning)


def make_trainer(use: Build, accelerator: accelerators.Accelerator, plan: Plan) -> ModelTrainer:
    """Return what runs the image that trains, on instances that the plan allows."""
    compute = Compute(
        instance_type=use.parameters["TrainingInstanceType"],
        instance_count=use.parameters["TrainingInstanceCount"],
        volume_kms_key_id=None if accelerator.own_disks else use.settings.kms_key_arn,
        enable_managed_spot_training=plan.spot or None,
        keep_alive_period_in_seconds=plan.keep_alive_seconds or None,
    )
    image, output = use.parameters["TrainingImageUri"], use.output_uri("train")
    trainer = jobs.trainer(use.session, use.pipeline_name, image, compute, output)
    trainer.hyperparameters = {**plan.hyperparameters, "precision": accelerator.precision}
    trainer.environment = {
        "ACCELERATOR": accelerator.name,
        "PROCESSES_PER_HOST": use.parameters["TrainingProcesses"].to_string(),
        **accelerator.environment,
    }
    trainer.checkpoint_config = CheckpointConfig(s3_uri=checkpoints(use))
    if plan.spot:
        trainer.stopping_condition.max_wait_time_in_seconds = MAX_WAIT_SECONDS
    return trainer


def checkpoints(use: Build) -> str:
    """S3 URI of the checkpoints, the same in each execution: it is part of the step's cache key.

    A training finds its own there by its data, program and hyperparameters.
    """
    return f"s3://{use.settings.bucket}/{use.pipeline_name}/checkpoints"
