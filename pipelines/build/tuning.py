"""Training once, or as a search for hyperparameters: many training jobs, of which the best one's model goes on.

SageMaker has no switch for a step, so what is done is decided when the pipeline is compiled.
https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sagemaker.core.parameter import CategoricalParameter, ParameterRange
from sagemaker.core.shapes import Channel, MetricDefinition
from sagemaker.mlops.workflow.steps import TrainingStep, TuningStep
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import InputData
from sagemaker.train.tuner import HyperparameterTuner

from pipelines.build import jobs
from pipelines.variables import SettingsError


class TuningError(SettingsError):
    """What shall be searched can't be; the message says what to change."""


@dataclass(frozen=True)
class Tuning:
    """What is searched and how long: ranges by hyperparameter, and the number of training jobs.

    A grid tries every combination of its categories: there `max_jobs` is None. With early stopping a job ends that does
    worse than the median of the earlier ones.
    """

    ranges: Mapping[str, ParameterRange]
    max_jobs: int | None = 12
    parallel_jobs: int = 2
    strategy: Literal["Bayesian", "Random", "Grid"] = "Bayesian"
    early_stopping: bool = True
    seed: int = 7

    def __post_init__(self) -> None:
        if not self.ranges:
            raise TuningError("Tuning has no ranges. Name a hyperparameter, or train once with TUNING = None.")
        if (self.strategy == "Grid") != (self.max_jobs is None):
            raise TuningError(
                f"Tuning has the strategy {self.strategy} and max_jobs {self.max_jobs}. Set max_jobs to None for a "
                "Grid, which tries every combination, and to a number for another strategy."
            )
        other = [name for name, item in self.ranges.items() if not isinstance(item, CategoricalParameter)]
        if self.strategy == "Grid" and other:
            raise TuningError(f"A Grid takes CategoricalParameter only; {', '.join(other)} is another. Change it.")
        if not 1 <= self.parallel_jobs <= (self.max_jobs or self.parallel_jobs):
            raise TuningError(f"Tuning runs {self.parallel_jobs} of {self.max_jobs} jobs at a time. Set 1 to max_jobs.")


@dataclass(frozen=True)
class Objective:
    """The metric that the search improves, as the training job prints it."""

    metric: str
    type: Literal["Maximize", "Minimize"]


@dataclass(frozen=True)
class Trained:
    """The step that ends with a model, and the S3 URI of the model's archive."""

    step: TrainingStep | TuningStep
    model_uri: Any


def train(trainer: ModelTrainer, channels: Sequence[InputData], metrics: Sequence[str]) -> Trained:
    """Train once; the job prints the metrics as `name=value`."""
    told = trainer.with_metric_definitions([MetricDefinition(name=name, regex=_regex(name)) for name in metrics])
    step = TrainingStep(
        "train",
        step_args=told.train(input_data_config=list(channels)),
        cache_config=jobs.CACHE,
        retry_policies=[jobs.STEP_RETRY, jobs.JOB_RETRY],
    )
    return Trained(step, step.properties.ModelArtifacts.S3ModelArtifacts)


def tune(
    trainer: ModelTrainer,
    channels: Sequence[InputData],
    metrics: Sequence[str],
    objective: Objective,
    tuning: Tuning,
) -> Trained:
    """Train as often as `tuning` says: it searches its ranges, other hyperparameters are the trainer's."""
    # No execution in the path: a cached step's model lies where the earlier execution left it. Nothing is overwritten,
    # since each training job has a name, and so a folder, of its own.
    bucket, prefix = trainer.sagemaker_session.default_bucket(), f"{trainer.base_job_name}/tune"
    trainer.output_data_config.s3_output_path = f"s3://{bucket}/{prefix}"
    tuner = HyperparameterTuner(
        model_trainer=trainer,
        objective_metric_name=objective.metric,
        objective_type=objective.type,
        metric_definitions=[{"Name": name, "Regex": _regex(name)} for name in metrics],
        hyperparameter_ranges=dict(tuning.ranges),
        max_jobs=tuning.max_jobs,
        max_parallel_jobs=tuning.parallel_jobs,
        strategy=tuning.strategy,
        early_stopping_type="Auto" if tuning.early_stopping else "Off",
        random_seed=tuning.seed,
        base_tuning_job_name=trainer.base_job_name,
    )
    step = ProtectedTuningStep(
        "tune",
        step_args=tuner.tune(inputs=[_channel(trainer, each) for each in channels]),
        cache_config=jobs.CACHE,
        retry_policies=[jobs.STEP_RETRY, jobs.JOB_RETRY],
    )
    return Trained(step, step.get_top_model_s3_uri(0, bucket, prefix))


class ProtectedTuningStep(TuningStep):  # type: ignore[misc]  # the SDK is untyped
    """A tuning step whose jobs have the trainer's encryption and isolation, which the SDK's tuner leaves out."""

    @property
    def arguments(self) -> dict[str, Any]:
        """Return the request, completed."""
        request: dict[str, Any] = super().arguments
        trainer, definition = self.step_args.func_args[0].model_trainer, request["TrainingJobDefinition"]
        definition["EnableNetworkIsolation"] = trainer.networking.enable_network_isolation
        definition["ResourceConfig"]["VolumeKmsKeyId"] = trainer.compute.volume_kms_key_id
        return request


def _regex(metric: str) -> str:
    return rf"{metric}=([-+.e0-9]+)"


def _channel(trainer: ModelTrainer, data: InputData) -> Channel:
    """Return what ModelTrainer.train makes of it: the tuner takes no S3DataSource."""
    channel: Channel = trainer.create_input_data_channel(data.channel_name, data.data_source)
    if data.content_type:
        channel.content_type = data.content_type
    return channel
