"""What goes wrong in a project's life says what and where, and leaves the sandbox able to go on."""

from __future__ import annotations

import json
import os
import re
import signal
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from harness import eventually
from visitor import PROJECT, Found, Visitor

BUILDSPEC, SCRIPT = "buildspecs/model_build.yml", "pipelines/build/tabular/process.py"
Push = Callable[..., str]


@pytest.fixture
def push(visitor: Visitor, tmp_path: Path) -> Push:
    """Return a function that pushes the first commit's files, one of them changed, and returns the new commit."""
    clone = visitor.clone(tmp_path)

    def change(path: str, edit: Callable[[str], str], branch: str = "main") -> str:
        visitor.git(clone, "checkout", "--quiet", visitor.git(clone, "rev-list", "--max-parents=0", "HEAD"), "--", ".")
        (clone / path).write_text(edit((clone / path).read_text()))
        visitor.git(clone, "commit", "--quiet", "--all", "--message", f"Change {path}")
        visitor.git(clone, "push", "--quiet", "origin", f"HEAD:{branch}")
        return visitor.git(clone, "rev-parse", "HEAD")

    return change


def failed_build(visitor: Visitor, commit: str) -> Found:
    """Wait for a delivery that fails in its build; return the run of the build action."""
    delivery = visitor.delivered(commit)
    assert delivery["status"] == "Failed"
    return visitor.build(delivery)


def details(visitor: Visitor, action: Found) -> Found:
    """Return CodeBuild's description of an action's build."""
    build = action["output"]["executionResult"]["externalExecutionId"]
    found: Found = visitor.client("codebuild").batch_get_builds(ids=[build])["builds"][0]
    return found


def start(visitor: Visitor, **parameters: str) -> str:
    """Start the SageMaker pipeline as the data scientist; return the execution's ARN."""
    given = [{"Name": name, "Value": value} for name, value in parameters.items()]
    sagemaker = visitor.client("sagemaker")
    return str(
        sagemaker.start_pipeline_execution(PipelineName=visitor.pipeline, PipelineParameters=given)[
            "PipelineExecutionArn"
        ]
    )


def create_project(visitor: Visitor, name: str, **changed: str) -> None:
    """Create a project like the demonstration's, some parameters changed."""
    like = visitor.project["ServiceCatalogProvisioningDetails"]
    parameters = {item["Key"]: item["Value"] for item in like["ProvisioningParameters"]} | changed
    like |= {"ProvisioningParameters": [{"Key": key, "Value": value} for key, value in parameters.items()]}
    visitor.client("sagemaker").create_project(ProjectName=name, ServiceCatalogProvisioningDetails=like)


def test_broken_python_stops_the_build_at_its_file_and_line(visitor: Visitor, push: Push) -> None:
    executions, lines = visitor.executions(), []

    def break_it(text: str) -> str:
        lines.append(len(text.splitlines()) + 1)
        return f"{text}def broken(:\n"

    action = failed_build(visitor, push(SCRIPT, break_it))
    logs = details(visitor, action)["logs"]
    log = visitor.log(logs["groupName"], logs["streamName"])
    assert f'File "{SCRIPT}", line {lines[0]}' in log.replace("./", "")
    assert "SyntaxError" in log
    assert "did not start" in action["output"]["outputVariables"]["PIPELINE_RESULT"]
    assert visitor.executions() == executions


def test_a_malformed_buildspec_fails_the_phase_that_reads_it(visitor: Visitor, push: Push) -> None:
    action = failed_build(visitor, push(BUILDSPEC, lambda text: text.replace("phases:", "phases: [")))
    build = details(visitor, action)
    (failed,) = [phase for phase in build["phases"] if phase.get("phaseStatus") == "FAILED"]
    assert failed["phaseType"] == "DOWNLOAD_SOURCE"
    assert failed["contexts"][0]["statusCode"] == "YAML_FILE_ERROR"
    assert re.search(r"line \d+", failed["contexts"][0]["message"])
    assert "YAML_FILE_ERROR" in action["output"]["executionResult"]["errorDetails"]["message"]


BESIDE, ELSEWHERE = "s3://churn-data-222222222222/churn/2026/churn.csv/none", "s3://churn-data-222222222222/no/such.csv"


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        (BESIDE, f'ClientError: No S3 objects found under S3 URL "{BESIDE}" given in input data source.'),
        (ELSEWHERE, "because no identity-based policy allows the s3:ListBucket action"),
    ],
    ids=["missing", "not the project's"],
)
def test_data_that_cannot_be_read_fail_the_processing_job_and_the_delivery_with_the_reason(
    visitor: Visitor, push: Push, uri: str, told: str
) -> None:
    command = "python -m pipelines.run run --wait"
    commit = push(BUILDSPEC, lambda text: text.replace(command, f"{command} --parameter DataUri={uri}"))

    variables = failed_build(visitor, commit)["output"]["outputVariables"]
    process = visitor.steps(variables["PIPELINE_EXECUTION_ARN"])["process"]
    reason = visitor.job(process, "Processing")["FailureReason"]
    assert told in reason
    assert reason in process["FailureReason"]
    assert variables["PIPELINE_RESULT"].startswith("Failed at step process: ")
    assert told[:40] in variables["PIPELINE_RESULT"]


def test_a_parameter_outside_its_pattern_fails_the_project_and_is_named(visitor: Visitor) -> None:
    create_project(visitor, "greedy", ModelBuildDataKey="*")
    describe = visitor.client("sagemaker").describe_project
    eventually(lambda: describe(ProjectName="greedy")["ProjectStatus"] == "CreateFailed")
    reason = describe(ProjectName="greedy")["ServiceCatalogProvisionedProductDetails"]
    assert "ModelBuildDataKey" in reason["ProvisionedProductStatusMessage"]


def test_a_taken_project_name_is_refused(visitor: Visitor) -> None:
    with pytest.raises(ClientError, match="already exists") as refused:
        create_project(visitor, PROJECT)
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def training_program(execution: str) -> int:
    """Return the process of an execution's training program, 0 while there is none."""
    job = f"TRAINING_JOB_NAME=pipelines-{execution.rpartition('/')[2]}-".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            mine = job in (folder / "environ").read_bytes()
        except OSError:  # it has ended, or is another user's
            continue
        if mine and b"python" in words[0] and b"entry.worker" in words:
            return int(folder.name)
    return 0


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for the program in /proc")
def test_a_killed_training_program_fails_its_step_and_the_next_execution_works(visitor: Visitor) -> None:
    parameters = visitor.client("sagemaker").list_pipeline_parameters_for_execution(
        PipelineExecutionArn=visitor.executions()[0]
    )["PipelineParameters"]
    data = next(item["Value"] for item in parameters if item["Name"] == "DataUri")
    bucket, _, key = data.removeprefix("s3://").partition("/")
    # New data, else the training's result is an earlier execution's; where the project may read them.
    copy = {"Bucket": bucket, "Key": f"{key}/copy.csv"}
    visitor.client("s3").copy_object(**copy, CopySource=f"{bucket}/{key}")
    wanted = {"DataUri": f"s3://{bucket}/{copy['Key']}", "GateThreshold": "0.8"}

    killed = start(visitor, **wanted)
    os.kill(eventually(lambda: training_program(killed)), signal.SIGKILL)
    assert visitor.ended(killed)["PipelineExecutionStatus"] == "Failed"
    train = visitor.steps(killed)["train"]
    assert (train["StepStatus"], visitor.job(train, "Training")["TrainingJobStatus"]) == ("Failed", "Failed")
    assert "was ended by SIGKILL" in train["FailureReason"]
    assert "exit code: 137" in train["FailureReason"]

    again = start(visitor, **wanted)
    assert visitor.ended(again)["PipelineExecutionStatus"] == "Succeeded"
    steps = visitor.steps(again)
    assert ("CacheHitResult" in steps["process"], "CacheHitResult" in steps["train"]) == (True, False)
    # The demonstration's two versions stay the only ones, for the tests that look at them.
    registered = steps["register"]["Metadata"]["RegisterModel"]["Arn"]
    visitor.client("sagemaker").delete_model_package(ModelPackageName=registered)
    visitor.client("s3").delete_object(**copy)


@pytest.fixture
def pushes(visitor: Visitor) -> Callable[[], list[str]]:
    """Return a function that gives the branches of the events of pushes, from now on."""
    name = f"watch-{uuid.uuid4().hex[:8]}"  # after the project's rule in any order, so told after it
    sqs, events = visitor.client("sqs"), visitor.client("events")
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name=name, EventPattern=json.dumps({"source": ["aws.codecommit"]}))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])

    def receive() -> list[str]:
        messages = sqs.receive_message(QueueUrl=queue).get("Messages", [])
        return [json.loads(message["Body"])["detail"]["referenceName"] for message in messages]

    return receive


def test_a_push_to_another_branch_starts_nothing(visitor: Visitor, push: Push, pushes: Callable[[], list[str]]) -> None:
    deliveries = len(visitor.deliveries())
    push(BUILDSPEC, lambda text: f"# An idea.\n{text}", "idea")
    assert eventually(pushes) == ["idea"]
    assert len(visitor.deliveries()) == deliveries
