"""Process, train, evaluate; register a model that is good enough and no worse than the approved one, else say why not.

This file is yours to edit: HYPERPARAMETERS, TUNING, GATE, SPOT and the steps below. Push, and the project builds and
runs it.
"""

from pathlib import Path

from sagemaker.core.parameter import ContinuousParameter, IntegerParameter
from sagemaker.core.workflow.parameters import Parameter, ParameterInteger, ParameterString
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import ProcessingStep
from sagemaker.train.configs import CheckpointConfig, Compute, InputData

from pipelines.build import accelerators, jobs
from pipelines.build.steps import Build, Gate, evaluate_step, processing_step
from pipelines.build.tuning import Objective, Trained, Tuning, train, tune
from pipelines.build.vision.settings import Settings
from pipelines.session import ProjectSession
from pipelines.variables import SettingsError

HYPERPARAMETERS = {"epochs": 20, "batch_size": 32, "learning_rate": 0.003, "patience": 5, "seed": 7}
METRICS = ["train:loss", "validation:loss", "validation:accuracy", "images_per_second"]

# What is searched with `TUNING = SEARCH`, instead of training once.
SEARCH = Tuning(
    ranges={"learning_rate": ContinuousParameter(0.0003, 0.03, "Logarithmic"), "width": IntegerParameter(16, 64)},
    max_jobs=12,
    parallel_jobs=2,
)
TUNING: Tuning | None = None
# What a search improves: a metric as training prints it.
SOUGHT = Objective("validation:loss", "Minimize")

# What registers a model: a metric of evaluation.json, more being better, its least value, and by how much it must be
# above the approved version's on the same test set.
GATE = Gate("multiclass_classification", "accuracy", 0.9, 0.0)

# Spot instances cost less and may be taken away: the job waits for others, and goes on from its checkpoint.
SPOT = False
MAX_WAIT_SECONDS = 4 * jobs.MAX_RUNTIME_SECONDS
# Seconds for which instances are kept for the next job, which then starts at once. They cost as much as working ones;
# spot instances can't be kept.
KEEP_ALIVE_SECONDS = 0

# What the inference image takes and answers.
CONTENT_TYPES = [
    "image/png",
    "image/jpeg",
    "application/json",
    "application/jsonlines",
    "text/csv",
    "application/x-npy",
]

HERE = Path(__file__).parent


def get_pipeline(settings: Settings, session: ProjectSession) -> Pipeline:
    """Return the pipeline, its steps in the order of the data."""
    if SPOT and KEEP_ALIVE_SECONDS:
        raise SettingsError(
            "SPOT and KEEP_ALIVE_SECONDS exclude each other: SageMaker keeps no spot instances. Unset one."
        )
    accelerator = accelerators.find(settings.accelerator)
    use = Build("vision", settings, session, GATE, parameters(settings, accelerator))
    process = process_step(use)
    trained = train_step(use, accelerator, process)
    scripts = jobs.scripts(HERE, "evaluate", "model", "champion", "report")
    evaluate = evaluate_step(use, scripts, process, trained)
    return use.pipeline(process, trained, evaluate, CONTENT_TYPES)


def parameters(settings: Settings, accelerator: accelerators.Accelerator) -> list[Parameter]:
    """Pipeline parameters that only this use case has."""
    return [
        ParameterInteger("ImageSize", 32),
        ParameterInteger("ImageChannels", 3),
        # ImageUri processes and evaluates, on CPUs; this one has the libraries of the accelerator.
        ParameterString("TrainingImageUri", settings.training_image_uri or None),
        ParameterString(
            "TrainingInstanceType", accelerator.instance_type, enum_values=list(accelerator.instance_types)
        ),
        ParameterInteger("TrainingInstanceCount", 1),
        # One a device of the instance type; an image that guessed it would quietly train with one.
        ParameterInteger("TrainingProcesses", accelerator.processes),
    ]


def process_step(use: Build) -> ProcessingStep:
    """Bring the pictures to one size, and split them into train, validation and test sets."""
    return processing_step(
        use,
        [*jobs.scripts(HERE, "process", "images"), *jobs.shared("job")],
        {"data": use.parameters["DataUri"]},
        ["train", "validation", "test", "metadata"],
        *("--size", use.parameters["ImageSize"].to_string()),
        *("--channels", use.parameters["ImageChannels"].to_string()),
        *("--data-uri", use.parameters["DataUri"]),
        *("--input", f"{jobs.JOB_FOLDER}/input/data"),
        *("--output", f"{jobs.JOB_FOLDER}/output"),
    )


def train_step(use: Build, accelerator: accelerators.Accelerator, process: ProcessingStep) -> Trained:
    """Train the network, once or in a search, with no network connection but between its instances."""
    compute = Compute(
        instance_type=use.parameters["TrainingInstanceType"],
        instance_count=use.parameters["TrainingInstanceCount"],
        volume_kms_key_id=None if accelerator.own_disks else use.settings.kms_key_arn,
        enable_managed_spot_training=SPOT or None,
        keep_alive_period_in_seconds=KEEP_ALIVE_SECONDS or None,
    )
    image, output = use.parameters["TrainingImageUri"], use.output_uri("train")
    trainer = jobs.trainer(use.session, use.pipeline_name, image, compute, output)
    trainer.hyperparameters = {**HYPERPARAMETERS, "precision": accelerator.precision}
    trainer.environment = {
        "ACCELERATOR": accelerator.name,
        "PROCESSES_PER_HOST": use.parameters["TrainingProcesses"].to_string(),
        **accelerator.environment,
    }
    trainer.checkpoint_config = CheckpointConfig(s3_uri=checkpoints(use))
    if SPOT:
        trainer.stopping_condition.max_wait_time_in_seconds = MAX_WAIT_SECONDS
    names = ("train", "validation", "metadata")
    channels = [InputData(channel_name=name, data_source=jobs.output_of(process, name)) for name in names]
    if TUNING is None:
        return train(trainer, channels, METRICS)
    return tune(trainer, channels, METRICS, SOUGHT, TUNING)


def checkpoints(use: Build) -> str:
    """S3 URI of the checkpoints, the same in each execution: it is part of the step's cache key.

    A training finds its own there by its data, program and hyperparameters.
    """
    return f"s3://{use.settings.bucket}/{use.pipeline_name}/checkpoints"
