"""A server that is killed in the middle of something: what was interrupted has failed, and can be mended."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from catalogues import publish, share
from durable import Durable
from harness import eventually
from hosting_bench import Serving
from pipeline_runs import Pipelines
from stacks import Stacks
from workbench import Workbench
from workshop import Workshop, action, stage

SLOW = "import time; print('begun', flush=True); time.sleep(300)"
IMAGE = {"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0", "computeType": "BUILD_GENERAL1_SMALL"}
QUIET = """
Parameters: {Name: {Type: String}, Value: {Type: String, Default: one}}
Resources:
  First: {Type: AWS::SSM::Parameter, Properties: {Name: !Ref Name, Type: String, Value: !Ref Value}}
"""
# `Waits` never comes to be: nobody signals its handle.
WAITING = f"""{QUIET}
  Handle: {{Type: AWS::CloudFormation::WaitConditionHandle}}
  Waits:
    Type: AWS::CloudFormation::WaitCondition
    DependsOn: First
    Properties: {{Handle: !Ref Handle, Timeout: "300"}}
"""


@pytest.fixture(scope="module")
def durable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Durable]:
    made = Durable(tmp_path_factory.mktemp("killed") / "home")
    made.up()
    yield made
    made.kill()


@pytest.fixture(scope="module")
def bench(durable: Durable, tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    return Workbench(durable.sandbox, tmp_path_factory.mktemp("job"))


@pytest.fixture
def name() -> str:
    return f"killed-{uuid.uuid4().hex[:8]}"


def again(durable: Durable) -> None:
    """Kill the server as soon as what has happened is on disk, and start it."""
    durable.saved()
    durable.kill()
    durable.up()


def processes(marker: str) -> list[str]:
    """Return the processes with a text in their command line or environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        except OSError:
            continue
        if marker.encode() in text and int(folder.name) != os.getpid():
            found.append(folder.name)
    return found


def test_a_stack_that_was_being_created_has_failed_and_is_deleted(durable: Durable, name: str) -> None:
    stacks = Stacks(durable.sandbox)
    made = stacks.start(WAITING, {"Name": name}, StackName=name)
    eventually(lambda: ("First", "CREATE_COMPLETE", "") in stacks.events(made))
    eventually(lambda: any(who == "Waits" for who, *_ in stacks.events(made)))
    again(durable)
    ended = stacks.ended(made)
    assert (ended["StackStatus"], "stopped" in ended["StackStatusReason"]) == ("CREATE_FAILED", True)
    assert stacks.physical(made)["First"] == name
    failed = [who for who, status, _ in stacks.events(made) if status == "CREATE_FAILED"]
    assert set(failed) == {"Waits", name}
    assert stacks.delete(made)["StackStatus"] == "DELETE_COMPLETE"
    assert stacks.parameter(name) is None


def test_a_stack_that_was_being_updated_goes_back_and_is_updated(durable: Durable, name: str) -> None:
    stacks = Stacks(durable.sandbox)
    made = stacks.create(QUIET, {"Name": name}, StackName=name)["StackId"]
    stacks.start_update(made, WAITING, {"Name": name, "Value": "two"})
    eventually(lambda: stacks.parameter(name) == "two" and any(who == "Waits" for who, *_ in stacks.events(made)))
    again(durable)
    ended = stacks.ended(made)
    assert (ended["StackStatus"], stacks.parameter(name)) == ("UPDATE_ROLLBACK_COMPLETE", "one")
    assert set(stacks.physical(made)) == {"First"}
    assert stacks.update(made, QUIET, {"Name": name, "Value": "three"})["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.parameter(name) == "three"


def test_a_role_that_was_assumed_just_before_is_assumed_again(durable: Durable, name: str) -> None:
    stacks = Stacks(durable.sandbox)
    role = durable.sandbox.role(name, "cloudformation.amazonaws.com")
    durable.saved()
    made = stacks.create(QUIET, {"Name": name}, StackName=name, RoleARN=role)
    assert made["StackStatus"] == "CREATE_COMPLETE"
    again(durable)
    updated = stacks.update(made["StackId"], QUIET, {"Name": name, "Value": "two"})
    assert (updated["StackStatus"], stacks.parameter(name)) == ("UPDATE_COMPLETE", "two")


def test_a_pipeline_whose_build_ran_has_failed_and_is_retried(durable: Durable, name: str) -> None:
    workshop = Workshop(durable.sandbox)
    role = durable.sandbox.role("build-role", "codebuild.amazonaws.com")
    builds = durable.sandbox.client("codebuild")
    spec = f"version: 0.2\nphases:\n  build:\n    commands: ['echo {name}; sleep 300']\n"
    kinds = {"source": {"type": "CODEPIPELINE", "buildspec": spec}, "artifacts": {"type": "CODEPIPELINE"}}
    builds.create_project(name=name, **kinds, environment=IMAGE, serviceRole=role)
    build = action("Build", "Build/CodeBuild", {"ProjectName": name}, takes=["Code"])
    pipeline = workshop.create(stage("Build", build))
    eventually(lambda: [found for found in _builds(builds, name) if found["currentPhase"] == "BUILD"])
    assert processes(name)
    again(durable)
    assert eventually(lambda: not processes(name))
    ended = workshop.ended(pipeline, "Failed")
    error = workshop.actions(pipeline)["Build"]["output"]["executionResult"]["errorDetails"]
    assert "stopped" in error["message"]
    assert workshop.stages(pipeline)["Build"]["latestExecution"]["status"] == "Failed"
    [found] = _builds(builds, name)
    assert (found["buildStatus"], found["buildComplete"]) == ("FAULT", True)
    assert "stopped" in found["phases"][-2]["contexts"][0]["message"]
    quick = kinds["source"] | {"buildspec": spec.replace("sleep 300", "true")}
    builds.update_project(name=name, source=quick)
    workshop.api.retry_stage_execution(
        pipelineName=pipeline,
        stageName="Build",
        pipelineExecutionId=ended["pipelineExecutionId"],
        retryMode="FAILED_ACTIONS",
    )
    workshop.ended(pipeline, "Succeeded")


def _builds(api: Any, project: str) -> list[Any]:
    ids = api.list_builds_for_project(projectName=project)["ids"]
    return list(api.batch_get_builds(ids=ids)["builds"]) if ids else []


def test_an_execution_whose_job_ran_has_failed_and_nothing_is_registered(durable: Durable, bench: Workbench) -> None:
    pipelines = Pipelines(bench)
    name = pipelines.create([pipelines.process("Slow", SLOW)])
    execution = pipelines.start(name)
    eventually(lambda: pipelines.steps(execution).get("Slow", {}).get("Metadata"))
    job = pipelines.steps(execution)["Slow"]["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
    eventually(lambda: bench.log("Processing", job) == ["begun"])
    again(durable)
    found = bench.describe("Processing", job)
    assert (found["ProcessingJobStatus"], "stopped" in found["FailureReason"]) == ("Failed", True)
    ended = pipelines.ended(execution)
    assert ended["PipelineExecutionStatus"] == "Failed"
    step = pipelines.steps(execution)["Slow"]
    assert (step["StepStatus"], "stopped" in step["FailureReason"]) == ("Failed", True)
    assert not (durable.home / "jobs").exists()
    quick = pipelines.start(pipelines.create([pipelines.process("Quick")]))
    assert pipelines.ended(quick)["PipelineExecutionStatus"] == "Succeeded", pipelines.steps(quick)


def test_a_product_that_was_being_provisioned_has_failed_and_is_terminated(durable: Durable, name: str) -> None:
    catalogue, api = share(publish(durable.sandbox, template=WAITING)), durable.sandbox.client("servicecatalog")
    made = api.provision_product(
        ProductId=catalogue.product,
        ProvisioningArtifactId=catalogue.version,
        ProvisionedProductName=name,
        ProvisioningParameters=[{"Key": "Name", "Value": name}],
    )["RecordDetail"]
    stacks = Stacks(durable.sandbox)
    eventually(lambda: stacks.parameter(name))
    again(durable)
    record = catalogue.ended(made["RecordId"])["RecordDetail"]
    assert (record["Status"], "stopped" in record["RecordErrors"][0]["Description"]) == ("FAILED", True)
    assert api.describe_provisioned_product(Name=name)["ProvisionedProductDetail"]["Status"] == "ERROR"
    assert catalogue.terminate(name)["RecordDetail"]["Status"] == "SUCCEEDED"
    assert stacks.parameter(name) is None


def test_an_endpoint_that_was_being_created_has_failed_and_is_deleted(
    durable: Durable, bench: Workbench, tmp_path: Path
) -> None:
    serving = Serving(bench, tmp_path)
    name = serving.begin(serving.config(serving.model("slow", START="import time; time.sleep(300)")))
    assert serving.api.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Creating"
    again(durable)
    found = serving.api.describe_endpoint(EndpointName=name)
    assert (found["EndpointStatus"], "stopped" in found["FailureReason"]) == ("Failed", True)
    serving.api.delete_endpoint(EndpointName=name)
    with pytest.raises(ClientError):
        eventually(lambda: not serving.api.describe_endpoint(EndpointName=name))


def test_an_endpoint_that_was_being_updated_serves_what_it_did(
    durable: Durable, bench: Workbench, tmp_path: Path
) -> None:
    serving = Serving(bench, tmp_path)
    former = serving.config(serving.model("former"))
    name = serving.endpoint(former)
    slow = serving.config(serving.model("slow", START="import time; time.sleep(300)"))
    serving.api.update_endpoint(EndpointName=name, EndpointConfigName=slow)
    again(durable)
    eventually(lambda: serving.settled(name)["EndpointStatus"] == "InService")
    found = serving.api.describe_endpoint(EndpointName=name)
    assert (found["EndpointConfigName"], "stopped" in found["FailureReason"]) == (former, True)
    assert "PendingDeploymentSummary" not in found
    assert serving.tell(name)["model"] == "former"


def test_no_server_of_an_endpoint_outlives_the_sandbox(durable: Durable, bench: Workbench, tmp_path: Path) -> None:
    serving, mark = Serving(bench, tmp_path), uuid.uuid4().hex
    name = serving.endpoint(serving.config(serving.model("marked", MARK=mark)))
    assert processes(mark)
    durable.saved()
    durable.kill()
    eventually(lambda: not processes(mark))
    durable.up()
    eventually(lambda: serving.settled(name)["EndpointStatus"] == "InService")
    assert serving.tell(name)["model"] == "marked"


def test_killed_at_any_moment_it_starts_with_whole_things(durable: Durable, bench: Workbench) -> None:
    container = {"Image": bench.image, "ModelDataUrl": bench.put("moment/model.tar.gz", "model")}
    types = {"SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
    spec = {"Containers": [container], **types}

    begun = threading.Event()

    def work() -> None:
        api = durable.sandbox.client("sagemaker")
        with suppress(BotoCoreError, ClientError):
            while True:
                group = f"moment-{uuid.uuid4().hex[:8]}"
                api.create_model_package_group(ModelPackageGroupName=group)
                api.create_model_package(ModelPackageGroupName=group, InferenceSpecification=spec)
                begun.set()

    for pause in (0.0, 0.3):
        thread = threading.Thread(target=work)
        begun.clear()
        thread.start()
        assert begun.wait(60)
        durable.writes(2)  # the second has seen the work
        time.sleep(pause)
        durable.kill()
        thread.join()
        durable.up()
        api = durable.sandbox.client("sagemaker")
        groups = {item["ModelPackageGroupName"] for item in _all(api, "list_model_package_groups")}
        listed = _all(api, "list_model_packages", ModelPackageType="Versioned")
        assert groups
        assert {item["ModelPackageGroupName"] for item in listed} <= groups
    assert "could not take up" not in durable.log


def _all(api: Any, operation: str, **request: Any) -> list[Any]:
    pages = api.get_paginator(operation).paginate(**request)
    return [item for page in pages for key in page if key.endswith("SummaryList") for item in page[key]]
