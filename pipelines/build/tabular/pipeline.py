"""Process, train, evaluate; register a model that is good enough and no worse than the approved one, else say why not.

This file is yours to edit: HYPERPARAMETERS, TUNING, GATES and the steps below. Push, and the project builds and
runs it.
"""

import logging
from pathlib import Path
from typing import Any

from sagemaker.core.metadata_properties import MetadataProperties
from sagemaker.core.model_metrics import MetricsSource, ModelMetrics
from sagemaker.core.parameter import ContinuousParameter, IntegerParameter
from sagemaker.core.shapes import S3DataSource, Tag
from sagemaker.core.workflow.conditions import ConditionEquals, ConditionGreaterThanOrEqualTo, ConditionOr
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import Parameter, ParameterFloat, ParameterInteger, ParameterString
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import ProcessingStep
from sagemaker.serve.model_builder import ModelBuilder
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, Networking, OutputDataConfig, StoppingCondition

from pipelines.build import jobs
from pipelines.build.tabular.settings import Settings
from pipelines.build.tuning import Objective, Trained, Tuning, train, tune
from pipelines.session import ProjectSession

HYPERPARAMETERS = {
    "num_round": 300,
    "early_stopping_rounds": 20,
    "max_depth": 5,
    "eta": 0.1,
    "subsample": 0.8,
    "seed": 7,
}

# What the booster minimises and what it prints, by problem type.
OBJECTIVES = {
    "binary_classification": {"objective": "binary:logistic", "eval_metric": "auc"},
    "regression": {"objective": "reg:squarederror", "eval_metric": "rmse"},
}

# What is searched with `TUNING = SEARCH`, instead of training once.
SEARCH = Tuning(
    ranges={
        "eta": ContinuousParameter(0.02, 0.3, "Logarithmic"),
        "max_depth": IntegerParameter(3, 9),
        "subsample": ContinuousParameter(0.5, 1.0),
    },
    max_jobs=12,
    parallel_jobs=2,
)
TUNING: Tuning | None = None
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


def own(*scripts: str) -> list[Path]:
    """Scripts of this use case."""
    return [HERE / f"{name}.py" for name in scripts]


def get_pipeline(settings: Settings, session: ProjectSession) -> Pipeline:
    """Return the pipeline, its steps in the order of the data."""
    use = Build(settings, session)
    process = process_step(use)
    trained = train_step(use, process)
    evaluate = evaluate_step(use, process, trained)
    register = register_step(use, process, trained, evaluate)
    gate = gate_step(use, evaluate, register, fail_step(use, evaluate))
    return Pipeline(
        name=use.pipeline_name,
        parameters=list(use.parameters.values()),
        pipeline_experiment_config=None,
        steps=[process, trained.step, evaluate, gate],
        sagemaker_session=session,
    )


class Build:
    """What the steps share: settings, session and pipeline parameters."""

    def __init__(self, settings: Settings, session: ProjectSession) -> None:
        self.settings = settings
        self.session = session
        self.pipeline_name = settings.pipeline_name("tabular")
        self.metric, least = GATES[settings.problem_type]
        declared: list[Parameter] = [
            ParameterString("DataUri", settings.data_uri),
            ParameterString("TargetColumn", settings.target_column),
            # Without images there are no defaults, and a start without one is refused.
            ParameterString("ImageUri", settings.image_uri or None),
            ParameterString("InferenceImageUri", settings.inference_image_uri or None),
            ParameterString("ProcessingInstanceType", "ml.m5.large", enum_values=jobs.INSTANCE_TYPES),
            ParameterString("TrainingInstanceType", "ml.m5.large", enum_values=jobs.INSTANCE_TYPES),
            ParameterInteger("TrainingInstanceCount", 1),
            ParameterString(
                "ModelApprovalStatus",
                "PendingManualApproval",
                enum_values=["PendingManualApproval", "Approved", "Rejected"],
            ),
            ParameterFloat("GateThreshold", least),
            ParameterFloat("ChampionMargin", MARGIN),
            # A folder without a model stands for none.
            ParameterString("ChampionUri", settings.champion_uri or session.upload_code([HERE / "no_champion.md"])),
            ParameterString("GitCommit", settings.git_commit),
        ]
        self.parameters = {parameter.name: parameter for parameter in declared}

    def output_uri(self, *parts: str) -> Join:
        """S3 URI of an output in this execution's own prefix."""
        return jobs.output_uri(self.settings, self.pipeline_name, *parts)

    def processing(self, scripts: list[Path], inputs: dict[str, Any], outputs: dict[str, Any], *arguments: Any) -> Any:
        """Arguments of a step that runs the first script with the others beside it."""
        image, instance = self.parameters["ImageUri"], self.parameters["ProcessingInstanceType"]
        processor = jobs.processor(self.settings, self.session, image, instance, scripts[0].name)
        return processor.run(
            inputs=jobs.inputs(self.session, scripts, inputs),
            outputs=jobs.outputs(outputs),
            arguments=[*arguments, "--message", jobs.MESSAGE_FILE],
        )


def process_step(use: Build) -> ProcessingStep:
    """Split the data into train, validation and test sets, and encode them; data.json says what was read."""
    arguments = use.processing(
        [*own("process", "encoding", "samples"), *jobs.shared("job")],
        {"data": use.parameters["DataUri"]},
        {name: use.output_uri("process", name) for name in ("train", "validation", "test", "metadata")},
        *("--target", use.parameters["TargetColumn"]),
        *("--problem-type", use.settings.problem_type),
        *("--shares", use.parameters["TrainingInstanceCount"].to_string()),
        *("--data-uri", use.parameters["DataUri"]),
        *("--input", f"{jobs.JOB_FOLDER}/input/data"),
        *("--output", f"{jobs.JOB_FOLDER}/output"),
    )
    manifest = PropertyFile(name="Data", output_name="metadata", path="data.json")
    return ProcessingStep(
        "process",
        step_args=arguments,
        property_files=[manifest],
        cache_config=jobs.CACHE,
        retry_policies=[jobs.STEP_RETRY, jobs.JOB_RETRY],
    )


def train_step(use: Build, process: ProcessingStep) -> Trained:
    """Train the booster, once or in a search, in the project's own image, with no network."""
    kms_key = use.settings.kms_key_arn
    objective = OBJECTIVES[use.settings.problem_type]
    trainer = ModelTrainer(
        training_image=use.parameters["ImageUri"],
        role=use.settings.role_arn,
        base_job_name=use.pipeline_name,
        hyperparameters={**HYPERPARAMETERS, **objective},
        compute=Compute(
            instance_type=use.parameters["TrainingInstanceType"],
            instance_count=use.parameters["TrainingInstanceCount"],
            volume_kms_key_id=kms_key,
        ),
        networking=Networking(enable_network_isolation=True),
        output_data_config=OutputDataConfig(s3_output_path=use.output_uri("train"), kms_key_id=kms_key),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=jobs.MAX_RUNTIME_SECONDS),
        tags=[Tag(key=tag["Key"], value=tag["Value"]) for tag in use.settings.tags],
        sagemaker_session=use.session,
    )
    metrics = [f"{part}:{objective['eval_metric']}" for part in ("train", "validation")]
    if TUNING is None:
        return train(trainer, training_channels(process), metrics)
    return tune(trainer, training_channels(process), metrics, SOUGHT[use.settings.problem_type], TUNING)


def training_channels(process: ProcessingStep) -> list[InputData]:
    """Return what training reads; each instance trains on its share of the rows."""
    rows = {name: jobs.output_of(process, name) for name in ("train", "validation")}
    shared_out = S3DataSource(s3_data_type="S3Prefix", s3_uri=rows["train"], s3_data_distribution_type="ShardedByS3Key")
    return [
        InputData(channel_name="train", data_source=shared_out, content_type="text/csv"),
        InputData(channel_name="validation", data_source=rows["validation"], content_type="text/csv"),
        InputData(channel_name="metadata", data_source=jobs.output_of(process, "metadata")),
    ]


def evaluate_step(use: Build, process: ProcessingStep, trained: Trained) -> ProcessingStep:
    """Measure the model on the test set, draw the report, and keep predictions that an endpoint must repeat."""
    arguments = use.processing(
        [
            *own("evaluate", "model", "champion", "encoding", "report"),
            *jobs.shared("archive", "golden", "job", "measures", "page"),
        ],
        {
            "model": trained.model_uri,
            "test": jobs.output_of(process, "test"),
            "champion": use.parameters["ChampionUri"],
        },
        {"evaluation": use.output_uri("evaluate", "evaluation")},
        *("--metric", use.metric),
        *("--model", f"{jobs.JOB_FOLDER}/input/model"),
        *("--test", f"{jobs.JOB_FOLDER}/input/test"),
        *("--champion", f"{jobs.JOB_FOLDER}/input/champion"),
        *("--output", f"{jobs.JOB_FOLDER}/output/evaluation"),
    )
    measured = [
        PropertyFile(name=name, output_name="evaluation", path=file)
        for name, file in (
            ("Evaluation", "evaluation.json"),
            ("Comparison", "comparison.json"),
            ("Model", "model.json"),
        )
    ]
    return ProcessingStep(
        "evaluate",
        step_args=arguments,
        property_files=measured,
        cache_config=jobs.CACHE,
        retry_policies=[jobs.STEP_RETRY, jobs.JOB_RETRY],
    )


def _measured(use: Build, evaluate: ProcessingStep) -> JsonGet:
    path = f"{use.settings.problem_type}_metrics.{use.metric}.value"
    return JsonGet(step_name=evaluate.name, property_file="Evaluation", json_path=path)


def _compared(evaluate: ProcessingStep, path: str) -> JsonGet:
    return JsonGet(step_name=evaluate.name, property_file="Comparison", json_path=path)


def gate_step(use: Build, evaluate: ProcessingStep, register: ModelStep, fail: FailStep) -> ConditionStep:
    """Let a model through that reaches the threshold and beats the approved version by the margin, if there is one."""
    good = ConditionGreaterThanOrEqualTo(left=_measured(use, evaluate), right=use.parameters["GateThreshold"])
    alone = ConditionEquals(left=_compared(evaluate, "compared"), right=0)
    better = ConditionGreaterThanOrEqualTo(
        left=_compared(evaluate, "improvement"), right=use.parameters["ChampionMargin"]
    )
    # In one step: SageMaker takes no condition step within another.
    conditions = [good, ConditionOr(conditions=[alone, better])]
    return ConditionStep("gate", conditions=conditions, if_steps=[register], else_steps=[fail])


def fail_step(use: Build, evaluate: ProcessingStep) -> FailStep:
    """End the execution with the metric, and with what it missed."""
    found = ["Quality gate not met: ", use.metric, " ", _measured(use, evaluate)]
    wanted = ["; threshold ", use.parameters["GateThreshold"]]
    rival = [", margin over the approved version ", use.parameters["ChampionMargin"]]
    told = [". ", _compared(evaluate, "summary"), ". Nothing was registered."]
    return FailStep("gate-not-met", error_message=Join(on="", values=[*found, *wanted, *rival, *told]))


def register_step(use: Build, process: ProcessingStep, trained: Trained, evaluate: ProcessingStep) -> ModelStep:
    """Register the model to be served by the inference image, with its metrics, its origin and how to prove it."""
    evaluation = jobs.output_of(evaluate, "evaluation")
    statistics = MetricsSource(
        content_type="application/json", s3_uri=Join(on="/", values=[evaluation, "evaluation.json"])
    )
    model = ModelBuilder(
        image_uri=use.parameters["InferenceImageUri"],
        s3_model_data_url=trained.model_uri,
        role_arn=use.settings.role_arn,
        sagemaker_session=use.session,
        log_level=logging.ERROR,
    )
    arguments = model.register(
        model_package_group_name=use.settings.model_package_group_name,
        content_types=CONTENT_TYPES,
        response_types=CONTENT_TYPES,
        inference_instances=jobs.REALTIME_INSTANCE_TYPES,
        approval_status=use.parameters["ModelApprovalStatus"],
        model_metrics=ModelMetrics(model_statistics=statistics),
        metadata_properties=MetadataProperties(
            commit_id=use.parameters["GitCommit"],
            generated_by=ExecutionVariables.PIPELINE_EXECUTION_ARN,
            project_id=use.settings.project_id,
        ),
        customer_metadata_properties={
            "GitCommit": use.parameters["GitCommit"],
            "DataUri": use.parameters["DataUri"],
            "DataSha256": JsonGet(step_name=process.name, property_file="Data", json_path="sha256"),
            "ImageUri": use.parameters["ImageUri"],
            "EvaluationReport": Join(on="/", values=[evaluation, "evaluation.html"]),
            "ComparedWith": use.parameters["ChampionUri"],
            "ModelSha256": JsonGet(step_name=evaluate.name, property_file="Model", json_path="sha256"),
            "GoldenPredictions": Join(on="/", values=[evaluation, "golden.json"]),
            "PipelineExecutionArn": ExecutionVariables.PIPELINE_EXECUTION_ARN,
        },
    )
    for container in arguments.create_model_package_request["InferenceSpecification"]["Containers"]:
        # The SDK adds variables of script mode, empty ones, which this image does not read.
        container.pop("Environment", None)
    return ModelStep("register", step_args=arguments, retry_policies=[jobs.STEP_RETRY])
