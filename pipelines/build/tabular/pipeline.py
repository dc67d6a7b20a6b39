"""Process, train, evaluate; register a model that is good enough and no worse than the approved one, else say why not.

This file is yours to edit: HYPERPARAMETERS, TUNING, GATES and the steps below. Push, and the project builds and
runs it.
"""

from pathlib import Path
from typing import Any

from sagemaker.core.parameter import ContinuousParameter, IntegerParameter
from sagemaker.core.shapes import S3DataSource
from sagemaker.core.workflow.parameters import Parameter, ParameterInteger, ParameterString
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import ProcessingStep
from sagemaker.train.configs import Compute, InputData

from pipelines.build import accelerators, jobs
from pipelines.build.accelerators import Accelerator
from pipelines.build.steps import Build, Gate, evaluate_step, processing_step
from pipelines.build.tabular.settings import Algorithm, ProblemType, Settings
from pipelines.build.tuning import Objective, Trained, Tuning, train, tune
from pipelines.session import ProjectSession

# By algorithm, as containers/training/<algorithm>/hyperparameters.py declares them.
HYPERPARAMETERS: dict[Algorithm, dict[str, Any]] = {
    "xgboost": {
        "num_round": 300,
        "early_stopping_rounds": 20,
        "max_depth": 5,
        "eta": 0.1,
        "subsample": 0.8,
        "seed": 7,
    },
    "sklearn": {
        "model": "forest",  # or "linear"
        "n_estimators": 200,
        "max_depth": 12,
        "min_samples_leaf": 3,
        "max_features": 0.3,
        "seed": 7,
    },
}

# By algorithm and problem type: what makes it that problem's.
OBJECTIVES: dict[Algorithm, dict[ProblemType, dict[str, str]]] = {
    "xgboost": {
        "binary_classification": {"objective": "binary:logistic", "eval_metric": "auc"},
        "regression": {"objective": "reg:squarederror", "eval_metric": "rmse"},
    },
    "sklearn": {
        "binary_classification": {"problem": "binary_classification"},
        "regression": {"problem": "regression"},
    },
}
# What training prints of its data sets.
METRICS = {"binary_classification": "auc", "regression": "rmse"}

# What is searched with `TUNING = SEARCH`, instead of training once.
SEARCH: dict[Algorithm, Tuning] = {
    "xgboost": Tuning(
        ranges={
            "eta": ContinuousParameter(0.02, 0.3, "Logarithmic"),
            "max_depth": IntegerParameter(3, 9),
            "subsample": ContinuousParameter(0.5, 1.0),
        },
        max_jobs=12,
        parallel_jobs=2,
    ),
    "sklearn": Tuning(
        ranges={
            "max_depth": IntegerParameter(4, 16),
            "min_samples_leaf": IntegerParameter(1, 30, "Logarithmic"),
            "max_features": ContinuousParameter(0.1, 1.0),
        },
        max_jobs=12,
        parallel_jobs=2,
    ),
}
TUNING: dict[Algorithm, Tuning] | None = None
# What a search improves: a metric as training prints it.
SOUGHT = {
    "binary_classification": Objective("validation:auc", "Maximize"),
    "regression": Objective("validation:rmse", "Minimize"),
}

# The metric of evaluation.json that the gate reads, more being better, and the least value that registers a model.
GATES = {"binary_classification": ("auc", 0.8), "regression": ("r2", 0.5)}
# By how much it must be above the approved version's, on the same test set.
MARGIN = 0.0

# What the inference image takes and answers.
CONTENT_TYPES = ["text/csv", "application/json", "application/jsonlines", "application/x-npy"]

HERE = Path(__file__).parent


def get_pipeline(settings: Settings, session: ProjectSession) -> Pipeline:
    """Return the pipeline, its steps in the order of the data."""
    gate = Gate(settings.problem_type, *GATES[settings.problem_type], MARGIN)
    accelerator = accelerators.find(settings.accelerator)
    use = Build("tabular", settings, session, gate, parameters(settings, accelerator))
    process = process_step(use, settings)
    trained = train_step(use, settings, accelerator, process)
    scripts = jobs.scripts(HERE, "evaluate", "model", "champion", "encoding", "report")
    evaluate = evaluate_step(use, scripts, process, trained)
    return use.pipeline(process, trained, evaluate, CONTENT_TYPES)


def parameters(settings: Settings, accelerator: Accelerator) -> list[Parameter]:
    """Pipeline parameters that only this use case has."""
    return [
        ParameterString("TargetColumn", settings.target_column),
        ParameterString("TrainingImageUri", settings.training_image_uri or settings.image_uri or None),
        ParameterString(
            "TrainingInstanceType", accelerator.instance_type, enum_values=list(accelerator.instance_types)
        ),
        ParameterInteger("TrainingInstanceCount", 1),
    ]


def process_step(use: Build, settings: Settings) -> ProcessingStep:
    """Split the data into train, validation and test sets, and encode them; data.json says what was read."""
    return processing_step(
        use,
        [*jobs.scripts(HERE, "process", "encoding", "samples"), *jobs.shared("job")],
        {"data": use.parameters["DataUri"]},
        ["train", "validation", "test", "metadata"],
        *("--target", use.parameters["TargetColumn"]),
        *("--problem-type", settings.problem_type),
        *("--shares", use.parameters["TrainingInstanceCount"].to_string()),
        *("--data-uri", use.parameters["DataUri"]),
        *("--input", f"{jobs.JOB_FOLDER}/input/data"),
        *("--output", f"{jobs.JOB_FOLDER}/output"),
    )


def train_step(use: Build, settings: Settings, accelerator: Accelerator, process: ProcessingStep) -> Trained:
    """Train once or in a search, in the project's own image, with no network."""
    compute = Compute(
        instance_type=use.parameters["TrainingInstanceType"],
        instance_count=use.parameters["TrainingInstanceCount"],
        volume_kms_key_id=None if accelerator.own_disks else settings.kms_key_arn,
    )
    image, output = use.parameters["TrainingImageUri"], use.output_uri("train")
    trainer = jobs.trainer(use.session, use.pipeline_name, image, compute, output)
    algorithm, problem = settings.algorithm, settings.problem_type
    trainer.hyperparameters = {**HYPERPARAMETERS[algorithm], **OBJECTIVES[algorithm][problem]}
    trainer.environment = {"ACCELERATOR": accelerator.name}
    metrics = [f"{part}:{METRICS[problem]}" for part in ("train", "validation")]
    if TUNING is None:
        return train(trainer, training_channels(process), metrics)
    return tune(trainer, training_channels(process), metrics, SOUGHT[problem], TUNING[algorithm])


def training_channels(process: ProcessingStep) -> list[InputData]:
    """Return what training reads; each instance trains on its share of the rows."""
    rows = {name: jobs.output_of(process, name) for name in ("train", "validation")}
    shared_out = S3DataSource(s3_data_type="S3Prefix", s3_uri=rows["train"], s3_data_distribution_type="ShardedByS3Key")
    return [
        InputData(channel_name="train", data_source=shared_out, content_type="text/csv"),
        InputData(channel_name="validation", data_source=rows["validation"], content_type="text/csv"),
        InputData(channel_name="metadata", data_source=jobs.output_of(process, "metadata")),
    ]
