"""Running one step: each type is one function that acts through the SageMaker API with the pipeline's role."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore import xform_name

from smproject.sandbox.sagemaker import conditions
from smproject.sandbox.sagemaker.execution import Execution, StepRun
from smproject.sandbox.sagemaker.expressions import Scope
from smproject.sandbox.service import unique_id

_POLL_SECONDS = 0.05
_TOP = 50  # training jobs of a tuning step, the best first, that later steps may refer to


class StepFailure(Exception):
    """A step that failed, with the reason that a person reads."""


class StepStopped(Exception):
    """A step that was stopped."""


@dataclass(frozen=True)
class Work:
    """A step about to run: its execution, its record, its resolved arguments and a SageMaker client."""

    execution: Execution
    run: StepRun
    scope: Scope
    arguments: dict[str, Any]
    sagemaker: Any


def _job(work: Work, kind: str) -> None:
    name = f"pipelines-{work.execution.id}-{work.run.step.name}"[:52] + f"-{unique_id(10)}"
    create = getattr(work.sagemaker, f"create_{kind.lower()}_job")
    arguments = {k: v for k, v in work.arguments.items() if k not in (f"{kind}JobName", "ExperimentConfig")}
    arn = create(**{f"{kind}JobName": name}, **arguments)[f"{kind}JobArn"]
    work.run.metadata = {f"{kind}Job": {"Arn": arn}}
    _finish(work, kind, name)


def _tuning(work: Work) -> None:
    name = f"{work.execution.id}-{work.run.step.name}"[:21].replace("_", "-").strip("-") + f"-{unique_id(10)}"
    arguments = {key: value for key, value in work.arguments.items() if key != "HyperParameterTuningJobName"}
    made = work.sagemaker.create_hyper_parameter_tuning_job(HyperParameterTuningJobName=name, **arguments)
    work.run.metadata = {"TuningJob": {"Arn": made["HyperParameterTuningJobArn"]}}
    _finish(work, "HyperParameterTuning", name)
    maximizes = arguments["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["Type"] == "Maximize"
    best = work.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name,
        SortBy="FinalObjectiveMetricValue",
        SortOrder="Descending" if maximizes else "Ascending",
        MaxResults=_TOP,
    )
    work.run.properties["TrainingJobSummaries"] = best["TrainingJobSummaries"]


def _finish(work: Work, kind: str, name: str) -> None:
    """Wait for a job's end; its description is what later steps may refer to."""
    found = _wait(work, kind, name)
    status = found[f"{kind}JobStatus"]
    if status == "Stopped" and work.execution.stopping.is_set():
        raise StepStopped(f"The {kind.lower()} job was stopped.")
    if status != "Completed":
        reason = found.get("FailureReason") or f"the job is {status}"
        raise StepFailure(f"ClientError: Failed to complete {kind.lower()} job {name}. {reason}")
    work.run.properties = found


def _wait(work: Work, kind: str, name: str) -> dict[str, Any]:
    describe = getattr(work.sagemaker, xform_name(f"Describe{kind}Job"))
    stop = getattr(work.sagemaker, xform_name(f"Stop{kind}Job"))
    asked = False
    while True:
        found: dict[str, Any] = describe(**{f"{kind}JobName": name})
        status = found[f"{kind}JobStatus"]
        if status not in ("InProgress", "Stopping"):
            return found
        if work.execution.stopping.is_set() and status == "InProgress" and not asked:
            stop(**{f"{kind}JobName": name})
            asked = True
        time.sleep(_POLL_SECONDS)


def _condition(work: Work) -> None:
    outcome = all(conditions.holds(item, work.scope) for item in work.run.step.content["Arguments"]["Conditions"])
    work.execution.outcomes[work.run.step.name] = outcome
    work.run.metadata = {"Condition": {"Outcome": str(outcome)}}
    work.run.properties = {"Outcome": str(outcome)}


def _fail(work: Work) -> None:
    message = work.arguments.get("ErrorMessage", "")
    work.run.metadata = {"Fail": {"ErrorMessage": message}}
    raise StepFailure(message)


def _model(work: Work) -> None:
    name = f"pipelines-{work.execution.id}-{work.run.step.name}"[:52] + f"-{unique_id(10)}"
    arguments = {key: value for key, value in work.arguments.items() if key != "ModelName"}
    arn = work.sagemaker.create_model(ModelName=name, **arguments)["ModelArn"]
    work.run.metadata = {"Model": {"Arn": arn}}
    work.run.properties = work.sagemaker.describe_model(ModelName=name)


def _register(work: Work) -> None:
    arn = work.sagemaker.create_model_package(**work.arguments)["ModelPackageArn"]
    work.run.metadata = {"RegisterModel": {"Arn": arn}}
    work.run.properties = work.sagemaker.describe_model_package(ModelPackageName=arn)


RUNNERS: dict[str, Callable[[Work], None]] = {
    "Processing": lambda work: _job(work, "Processing"),
    "Training": lambda work: _job(work, "Training"),
    "Tuning": _tuning,
    "Transform": lambda work: _job(work, "Transform"),
    "Model": _model,
    "Condition": _condition,
    "Fail": _fail,
    "RegisterModel": _register,
}
