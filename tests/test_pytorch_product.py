"""A project of model-build-pytorch, from pictures in a bucket to a model that answers a picture."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

import builder
import numpy as np
import pytest
import scientist
from connected import twin
from harness import ACCOUNTS, PATIENCE, eventually
from PIL import Image
from sklearn.datasets import load_digits

BUCKET, KEY = f"pictures-{ACCOUNTS['development']}", "digits/2026.zip"
SHOWN = (0, 1, 2)
Found = scientist.Found


def pictures() -> Iterator[tuple[int, bytes]]:
    """Scans of handwritten digits, and what they show."""
    found = load_digits()
    for pixels, digit in zip((found.images * 15.9).astype(np.uint8), found.target, strict=True):
        if digit in SHOWN:
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, "PNG")
            yield int(digit), buffer.getvalue()


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, (digit, content) in enumerate(pictures()):
            if number < 320:
                archive.writestr(f"{digit}/{number}.png", content)
    return buffer.getvalue()


@dataclass
class Project(builder.Project):
    """A project that learns what pictures show."""

    product, project, use_case = "model-build-pytorch", "digits", "vision"

    def log(self, job: str) -> str:
        """What a training job has printed."""
        group = {"logGroupName": "/aws/sagemaker/TrainingJobs", "logStreamNamePrefix": f"{job}/"}
        pages = self.client("logs").get_paginator("filter_log_events").paginate(**group)
        return "\n".join(event["message"] for page in pages for event in page["events"])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with scientist.published(Project, tmp_path_factory.mktemp("pytorch")) as made:
        made.put(BUCKET, {KEY: zipped()})
        made.create(ModelBuildDataBucket=BUCKET, ModelBuildDataKey=KEY)
        yield made


@pytest.fixture(scope="module")
def first(project: Project) -> Found:
    """How the run ended that came with the creation."""
    run = project.ended()
    assert run["status"] == "Succeeded", run
    return run


@pytest.fixture(scope="module")
def version(project: Project, first: Found) -> Found:
    """The model package that it registered."""
    return project.registered()


def test_the_first_push_registers_a_model_that_knows_what_pictures_show(project: Project, version: Found) -> None:
    quality = project.read(version["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"])

    assert version["ModelApprovalStatus"] == "PendingManualApproval"
    assert quality["multiclass_classification_metrics"]["accuracy"]["value"] > 0.9
    assert version["CustomerMetadataProperties"]["DataUri"] == f"s3://{BUCKET}/{KEY}"


def test_training_tells_its_metrics_and_ran_on_what_was_asked_for(project: Project, first: Found) -> None:
    job = project.training(first["PIPELINE_EXECUTION_ARN"])

    assert job["Environment"]["ACCELERATOR"] == "cpu"
    metrics = {each["MetricName"]: each["Value"] for each in job["FinalMetricDataList"]}
    assert metrics["validation:accuracy"] > 0.9
    assert metrics["images_per_second"] > 0


def test_two_instances_train_one_model(project: Project, first: Found) -> None:
    # The number of processes is part of the step's cache key, that of instances is not.
    ended = project.start(TrainingInstanceCount="2", TrainingProcesses="2", ModelApprovalStatus="Rejected")

    steps = project.steps(ended["PipelineExecutionArn"])
    assert ended["PipelineExecutionStatus"] == "Succeeded", [step.get("FailureReason") for step in steps.values()]
    job = project.training(ended["PipelineExecutionArn"])
    assert job["ResourceConfig"]["InstanceCount"] == 2


def test_spot_instances_that_are_taken_away_cost_no_epoch(project: Project, first: Found) -> None:
    api, job = project.client("sagemaker"), project.training(first["PIPELINE_EXECUTION_ARN"])
    kept = ("AlgorithmSpecification", "CheckpointConfig", "EnableNetworkIsolation", "Environment", "InputDataConfig")
    request = {name: job[name] for name in (*kept, "OutputDataConfig", "ResourceConfig", "RoleArn")}
    api.create_training_job(
        TrainingJobName="spot",
        HyperParameters={**job["HyperParameters"], "epochs": "12", "patience": "0"},
        EnableManagedSpotTraining=True,
        StoppingCondition={"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200},
        **request,
    )
    eventually(lambda: "[epoch 2," in project.log("spot"))
    project.smproject("sandbox", "interrupt", "spot", "--seconds", "1", "--profile", "development")
    waits = {"Delay": 1, "MaxAttempts": PATIENCE}
    api.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName="spot", WaiterConfig=waits)

    ended = api.describe_training_job(TrainingJobName="spot")
    assert ended["TrainingJobStatus"] == "Completed", ended.get("FailureReason")
    assert "Interrupted" in [each["Status"] for each in ended["SecondaryStatusTransitions"]]
    log = project.log("spot")
    assert "Goes on after step" in log
    assert log.count("images_per_second=") == 12


def test_the_registered_model_answers_a_picture(project: Project, version: Found) -> None:
    project.serve("digits", version)

    unseen = list(pictures())[320:420]
    runtime = project.client("sagemaker-runtime")
    right = 0
    for digit, content in unseen:
        answer = runtime.invoke_endpoint(EndpointName="digits", ContentType="image/png", Body=content)
        right += json.loads(answer["Body"].read())["predictions"][0]["predicted_label"] == str(digit)
    assert right > 0.9 * len(unseen)


def test_an_accelerator_that_is_not_there_ends_the_build_with_the_cause(project: Project, first: Found) -> None:
    settings = project.checkout / "buildspecs" / "model_build_pytorch.yml"
    wanted = "- export ACCELERATOR=gpu\n      - IMAGE_URI="
    settings.write_text(settings.read_text().replace("- IMAGE_URI=", wanted, 1))
    run = project.pushed("Train on GPUs")

    assert run["status"] == "Failed"
    assert "The job asks for the accelerator gpu (cuda)" in run["failed"] + run["PIPELINE_RESULT"]


def test_code_on_a_git_host_builds_as_well(project: Project, first: Found) -> None:
    other = twin(project, ModelBuildDataBucket=BUCKET, ModelBuildDataKey=KEY)
    assert (run := other.ended())["status"] == "Succeeded", run
    assert other.registered()["ModelApprovalStatus"] == "PendingManualApproval"
