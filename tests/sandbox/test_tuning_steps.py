"""Tuning steps of pipelines, and the SageMaker SDK's tuner."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from harness import Sandbox, eventually
from pipeline_runs import Pipelines
from tunings import BEGIN, HANGS, SQUARE, Tunings, value, x_in
from workbench import Workbench

ROOT = Path(__file__).parents[2]
SHOW = "import sys; print(sys.argv[1:])"
SAVES = f"{SQUARE}; open('/opt/ml/model/x', 'w').write(p['x'])"


@pytest.fixture(scope="module")
def pipelines(bench: Workbench) -> Pipelines:
    return Pipelines(bench)


@pytest.fixture(scope="module")
def tunings(bench: Workbench) -> Tunings:
    return Tunings(bench)


def tune(tunings: Tunings, *arguments: Any, **members: Any) -> dict[str, Any]:
    """Return a tuning step; `Step` are members of the step itself."""
    own = members.pop("Step", {})
    return {"Name": "tune", "Type": "Tuning", "Arguments": tunings.request(*arguments, **members), **own}


def name_of(step: dict[str, Any]) -> str:
    return str(step["Metadata"]["TuningJob"]["Arn"].rpartition("/")[2])


def test_later_steps_get_the_best_training_jobs(pipelines: Pipelines, tunings: Tunings) -> None:
    paths = (
        "BestTrainingJob.TrainingJobName",
        "TrainingJobSummaries[0].TrainingJobName",
        "TrainingJobSummaries[2].TunedHyperParameters['x']",
        "HyperParameterTuningJobName",
    )
    shown = [{"Get": f"Steps.tune.{path}"} for path in paths]
    steps = [
        tune(tunings, ranges=x_in(9, 2, 5), Strategy="Grid", jobs=None),
        pipelines.process("show", SHOW, Arguments=shown),
    ]
    execution, found = pipelines.run(steps)
    assert execution["PipelineExecutionStatus"] == "Succeeded", found
    name = name_of(found["tune"])
    best = next(job["TrainingJobName"] for job in tunings.jobs(name) if job["TunedHyperParameters"] == {"x": "2"})
    assert pipelines.printed(found["show"]) == [str([best, best, "9", name])]


def test_a_failed_tuning_job_fails_its_step(pipelines: Pipelines, tunings: Tunings) -> None:
    execution, found = pipelines.run([tune(tunings, "raise SystemExit(1)", jobs=1)])
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert "No training job succeeded after 1 attempts." in found["tune"]["FailureReason"]
    assert tunings.describe(name_of(found["tune"]))["HyperParameterTuningJobStatus"] == "Failed"


def test_a_refused_tuning_job_fails_its_step(pipelines: Pipelines, tunings: Tunings) -> None:
    _, found = pipelines.run([tune(tunings, ranges=x_in(1, 2), jobs=3)])
    assert "You don't have enough combinations" in found["tune"]["FailureReason"]


def test_a_stop_of_the_execution_stops_the_tuning_job(pipelines: Pipelines, tunings: Tunings) -> None:
    execution = pipelines.start(pipelines.create([tune(tunings, HANGS)]))
    name = eventually(lambda: name_of(step) if "Metadata" in (step := pipelines.steps(execution)["tune"]) else "")
    eventually(lambda: len(tunings.jobs(name)) == 2)
    pipelines.api.stop_pipeline_execution(PipelineExecutionArn=execution)
    assert pipelines.ended(execution)["PipelineExecutionStatus"] == "Stopped"
    assert pipelines.statuses(execution) == {"tune": "Stopped"}
    assert tunings.describe(name)["HyperParameterTuningJobStatus"] == "Stopped"


def test_a_tuning_step_is_cached_by_what_it_searches(pipelines: Pipelines, tunings: Tunings) -> None:
    cached = {"CacheConfig": {"Enabled": True, "ExpireAfter": "P1D"}}
    step = tune(tunings, ranges=x_in(1), Strategy="Grid", jobs=1, Step=cached)
    pipeline = pipelines.create([step])

    def run() -> dict[str, Any]:
        execution = pipelines.start(pipeline)
        assert pipelines.ended(execution)["PipelineExecutionStatus"] == "Succeeded"
        return pipelines.steps(execution)["tune"]

    def change(**definition: Any) -> dict[str, Any]:
        step["Arguments"]["TrainingJobDefinition"] |= definition
        pipelines.api.update_pipeline(PipelineName=pipeline, PipelineDefinition=pipelines.definition([step]))
        return run()

    first = run()
    for again in (run(), change(StoppingCondition={"MaxRuntimeInSeconds": 50})):  # the time limit is not searched
        assert "CacheHitResult" in again
        assert name_of(again) == name_of(first)
    assert "CacheHitResult" not in change(StaticHyperParameters={"fixed": "8"})


# A program of its own: the SDK reads its settings from the environment when it is imported.
PROGRAM = """
import json, sys
import boto3
import pipelines.session  # quiets the SDK and its telemetry
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.parameter import ContinuousParameter
from sagemaker.core.processing import ScriptProcessor
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import ProcessingStep, TuningStep
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, OutputDataConfig, StoppingCondition
from sagemaker.train.tuner import HyperparameterTuner

role, bucket, image, code, show = sys.argv[1:]

def tuner(session):
    trainer = ModelTrainer(
        training_image=image,
        role=role,
        sagemaker_session=session,
        base_job_name="from-the-sdk",
        compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=1),
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/sdk"),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=60),
        hyperparameters={"fixed": 7},
        environment={"CODE": code},
    )
    return HyperparameterTuner(
        model_trainer=trainer,
        objective_metric_name="loss",
        hyperparameter_ranges={"x": ContinuousParameter(-10, 10)},
        metric_definitions=[{"Name": "loss", "Regex": "loss=(.*?);"}],
        strategy="Bayesian",
        objective_type="Minimize",
        max_jobs=3,
        max_parallel_jobs=2,
        base_tuning_job_name="sdk",
        early_stopping_type="Off",
    )

boto_session = boto3.Session()
direct = tuner(Session(boto_session=boto_session, default_bucket=bucket))
direct.tune(wait=True)
found = {"direct": direct.latest_tuning_job.hyper_parameter_tuning_job_name, "best": direct.best_training_job()}

session = PipelineSession(boto_session=boto_session, default_bucket=bucket)
step = TuningStep("tune", step_args=tuner(session).tune())
uri = step.get_top_model_s3_uri(top_k=0, s3_bucket=bucket, prefix="sdk")
processor = ScriptProcessor(
    image_uri=image, role=role, command=["python3"], instance_type="ml.m5.large", instance_count=1,
    sagemaker_session=session,
)
shown = ProcessingStep("show", step_args=processor.run(code=show, arguments=[uri]))
pipeline = Pipeline("tuned-by-the-sdk", steps=[step, shown], sagemaker_session=session)
pipeline.upsert(role_arn=role)
execution = pipeline.start()
execution.wait(delay=1, max_attempts=60)
found["steps"] = {item["StepName"]: item["Metadata"] for item in execution.list_steps()}
sys.stdout.write(json.dumps(found))
"""


@pytest.mark.skipif(find_spec("sagemaker") is None, reason="the SageMaker SDK is not installed")
def test_the_sdk_tunes_by_itself_and_in_a_pipeline(sandbox: Sandbox, tunings: Tunings, tmp_path: Path) -> None:
    bench = tunings.bench
    environment = sandbox.environment() | {"PYTHONPATH": str(ROOT), "AWS_DEFAULT_REGION": "us-east-1"}
    environment["HOME"] = str(tmp_path)  # the SDK reads settings there
    (tmp_path / "show.py").write_text(SHOW)
    words = [bench.role, bench.bucket, bench.image, BEGIN + SAVES, str(tmp_path / "show.py")]
    command = [sys.executable, "-c", PROGRAM, *words]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    jobs = tunings.jobs(found["direct"])
    assert len(jobs) == 3
    assert found["best"] == min(jobs, key=value)["TrainingJobName"]
    in_pipeline = tunings.jobs(found["steps"]["tune"]["TuningJob"]["Arn"].rpartition("/")[2])
    best = min(in_pipeline, key=value)
    processing = found["steps"]["show"]["ProcessingJob"]["Arn"].rpartition("/")[2]
    [line] = bench.log("Processing", processing)
    uri = line.removeprefix("['").removesuffix("']")
    assert bench.archive(uri) == {"x": best["TunedHyperParameters"]["x"]}
