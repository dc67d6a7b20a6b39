"""The steps that every build has alike: measure, decide, register; and what all of its steps share."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sagemaker.core.metadata_properties import MetadataProperties
from sagemaker.core.model_metrics import MetricsSource, ModelMetrics
from sagemaker.core.workflow.conditions import ConditionEquals, ConditionGreaterThanOrEqualTo, ConditionOr
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import Parameter, ParameterFloat, ParameterString
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import ProcessingStep
from sagemaker.serve.model_builder import ModelBuilder

from pipelines.build import jobs
from pipelines.build.tuning import Trained
from pipelines.session import ProjectSession
from pipelines.settings import Settings

NO_CHAMPION = Path(__file__).with_name("no_champion.md")
STATUSES = ["PendingManualApproval", "Approved", "Rejected"]
# What evaluate.py leaves for the gate and for the registry, by the name of the property file.
MEASURED = {"Evaluation": "evaluation.json", "Comparison": "comparison.json", "Model": "model.json"}


class Gate(NamedTuple):
    """What registers a model: a metric of evaluation.json, more being better, and how good it must be.

    `least` is its least value; `margin`, by how much it must be above the approved version's on the same test set.
    """

    problem_type: str
    metric: str
    least: float
    margin: float


class Build:
    """What the steps share: settings, session and pipeline parameters."""

    def __init__(
        self, use_case: str, settings: Settings, session: ProjectSession, gate: Gate, own: Iterable[Parameter]
    ) -> None:
        self.settings, self.session, self.gate = settings, session, gate
        self.pipeline_name = settings.pipeline_name(use_case)
        declared: list[Parameter] = [
            ParameterString("DataUri", settings.data_uri),
            *own,
            # Without images there are no defaults, and a start without one is refused.
            ParameterString("ImageUri", settings.image_uri or None),
            ParameterString("InferenceImageUri", settings.inference_image_uri or None),
            ParameterString("ProcessingInstanceType", "ml.m5.large", enum_values=jobs.INSTANCE_TYPES),
            ParameterString("ModelApprovalStatus", STATUSES[0], enum_values=STATUSES),
            ParameterFloat("GateThreshold", gate.least),
            ParameterFloat("ChampionMargin", gate.margin),
            # A folder without a model stands for none.
            ParameterString("ChampionUri", settings.champion_uri or session.upload_code([NO_CHAMPION])),
            ParameterString("GitCommit", settings.git_commit),
        ]
        self.parameters = {parameter.name: parameter for parameter in declared}

    def output_uri(self, *parts: str) -> Join:
        """S3 URI of an output in this execution's own prefix."""
        return jobs.output_uri(self.settings, self.pipeline_name, *parts)

    def pipeline(
        self, process: ProcessingStep, trained: Trained, evaluate: ProcessingStep, takes: list[str]
    ) -> Pipeline:
        """Return the pipeline: registers a model that is good enough; it takes those content types."""
        register = register_step(self, process, trained, evaluate, takes)
        gate = gate_step(self, evaluate, register, fail_step(self, evaluate))
        return Pipeline(
            name=self.pipeline_name,
            parameters=list(self.parameters.values()),
            pipeline_experiment_config=None,
            steps=[process, trained.step, evaluate, gate],
            sagemaker_session=self.session,
        )


def processing_step(
    use: Build, scripts: Sequence[Path], inputs: Mapping[str, Any], outputs: Sequence[str], *arguments: Any
) -> ProcessingStep:
    """Return a step named like the first script, which it runs, the others beside it.

    Its outputs `metadata` and `evaluation` hold what other steps read of them.
    """
    name, image = scripts[0].stem, use.parameters["ImageUri"]
    processor = jobs.processor(
        use.settings, use.session, image, use.parameters["ProcessingInstanceType"], scripts[0].name
    )
    step_arguments = processor.run(
        inputs=jobs.inputs(use.session, scripts, inputs),
        outputs=jobs.outputs({output: use.output_uri(name, output) for output in outputs}),
        arguments=[*arguments, "--message", jobs.MESSAGE_FILE],
    )
    found = {"Data": ("metadata", "data.json"), **{key: ("evaluation", file) for key, file in MEASURED.items()}}
    files = [PropertyFile(key, output, path) for key, (output, path) in found.items() if output in outputs]
    return ProcessingStep(
        name,
        step_args=step_arguments,
        property_files=files,
        cache_config=jobs.CACHE,
        retry_policies=[jobs.STEP_RETRY, jobs.JOB_RETRY],
    )


def evaluate_step(use: Build, scripts: Sequence[Path], process: ProcessingStep, trained: Trained) -> ProcessingStep:
    """Measure the model on the test set, draw the report, and keep predictions that an endpoint must repeat."""
    read = {
        "model": trained.model_uri,
        "test": jobs.output_of(process, "test"),
        "champion": use.parameters["ChampionUri"],
    }
    folders = [word for name in read for word in (f"--{name}", f"{jobs.JOB_FOLDER}/input/{name}")]
    written = ["--output", f"{jobs.JOB_FOLDER}/output/evaluation"]
    shared = jobs.shared("archive", "golden", "job", "measures", "page")
    return processing_step(
        use, [*scripts, *shared], read, ["evaluation"], "--metric", use.gate.metric, *folders, *written
    )


def _measured(use: Build, evaluate: ProcessingStep) -> JsonGet:
    path = f"{use.gate.problem_type}_metrics.{use.gate.metric}.value"
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
    found = ["Quality gate not met: ", use.gate.metric, " ", _measured(use, evaluate)]
    wanted = ["; threshold ", use.parameters["GateThreshold"]]
    rival = [", margin over the approved version ", use.parameters["ChampionMargin"]]
    told = [". ", _compared(evaluate, "summary"), ". Nothing was registered."]
    return FailStep("gate-not-met", error_message=Join(on="", values=[*found, *wanted, *rival, *told]))


def register_step(
    use: Build, process: ProcessingStep, trained: Trained, evaluate: ProcessingStep, takes: list[str]
) -> ModelStep:
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
        content_types=takes,
        response_types=takes,
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
