"""Executions of pipelines: cached, retried, stopped, listed; and definitions that are refused."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from harness import Sandbox, eventually
from pipeline_runs import Pipelines
from workbench import Workbench

FOREVER = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); time.sleep(60)"
PARAMETERS = [
    {"Name": "Text", "Type": "String"},
    {"Name": "Size", "Type": "Integer", "DefaultValue": 1},
    {"Name": "Flag", "Type": "Boolean", "DefaultValue": True},
    {"Name": "Kind", "Type": "String", "DefaultValue": "a", "EnumValues": ["a", "b"]},
]


@pytest.fixture(scope="module")
def pipelines(bench: Workbench) -> Pipelines:
    return Pipelines(bench)


def refusal(call: Any) -> tuple[str, str]:
    """Return code and message of a call that is refused."""
    with pytest.raises(ClientError) as refused:
        call()
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def cached(pipelines: Pipelines, expires: str | None = "P1D") -> list[dict[str, Any]]:
    """Return a cached step that hands its output to one that isn't cached."""
    config = {"Enabled": True} | ({"ExpireAfter": expires} if expires else {})
    text = {"Get": "Parameters.Text"}
    path = {"Get": "Steps.make.ProcessingOutputConfig.Outputs['data'].S3Output.S3Uri"}
    uri = {"Std:Join": {"On": "/", "Values": [pipelines.bench.uri("cached"), {"Get": "Execution.PipelineExecutionId"}]}}
    return [
        pipelines.process("make", Environment={"TEXT": text}, Outputs={"data": uri}, CacheConfig=config),
        pipelines.process("show", "import sys; print(sys.argv[1])", Arguments=[path]),
    ]


def test_a_step_with_the_same_inputs_is_taken_from_the_cache(pipelines: Pipelines) -> None:
    pipeline = pipelines.create(cached(pipelines), [{"Name": "Text", "Type": "String"}])
    runs = []
    for text in ("one", "one", "two", "one"):
        execution = pipelines.start(pipeline, {"Text": text})
        assert pipelines.ended(execution)["PipelineExecutionStatus"] == "Succeeded"
        runs.append((execution, pipelines.steps(execution)))
    hits = [steps["make"].get("CacheHitResult", {}).get("SourcePipelineExecutionArn") for _, steps in runs]
    first = runs[0][0]
    assert hits == [None, first, None, first]
    assert runs[1][1]["make"]["Metadata"] == runs[0][1]["make"]["Metadata"]
    assert pipelines.printed(runs[1][1]["show"]) == pipelines.printed(runs[0][1]["show"])


@pytest.mark.parametrize(("expires", "hit"), [("PT0S", False), ("30d", True), (None, True)])
def test_a_cached_result_expires(pipelines: Pipelines, expires: str | None, hit: bool) -> None:
    pipeline = pipelines.create(cached(pipelines, expires)[:1], [{"Name": "Text", "Type": "String"}])
    for expected in (False, hit):
        execution = pipelines.start(pipeline, {"Text": "same"})
        pipelines.ended(execution)
        assert ("CacheHitResult" in pipelines.steps(execution)["make"]) is expected


def test_a_failed_step_is_not_reused(pipelines: Pipelines) -> None:
    step = pipelines.process("bad", "raise SystemExit(1)", CacheConfig={"Enabled": True})
    pipeline = pipelines.create([step])
    for _ in range(2):
        execution = pipelines.start(pipeline)
        assert pipelines.ended(execution)["PipelineExecutionStatus"] == "Failed"
        assert "CacheHitResult" not in pipelines.steps(execution)["bad"]


@pytest.mark.parametrize(("kind", "attempts"), [("SageMaker.CAPACITY_ERROR", 3), ("Step.THROTTLING", 1)])
def test_a_step_is_retried_as_its_policy_says(pipelines: Pipelines, kind: str, attempts: int) -> None:
    policy = {"ExceptionType": [kind], "IntervalSeconds": 0.01, "BackoffRate": 1.0, "MaxAttempts": 2}
    code = "open('/opt/ml/output/failure', 'w').write('CapacityError: no instances'); raise SystemExit(1)"
    training = {"Name": "try", "Type": "Training", "Arguments": pipelines.bench.training(code)}
    execution, found = pipelines.run([{**training, "RetryPolicies": [policy]}])
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert found["try"]["AttemptCount"] == attempts
    assert "CapacityError: no instances" in found["try"]["FailureReason"]


def test_a_stop_stops_the_job_and_starts_nothing_more(pipelines: Pipelines) -> None:
    pipeline = pipelines.create([pipelines.process("long", FOREVER), pipelines.process("after", DependsOn=["long"])])
    execution = pipelines.start(pipeline)
    job = eventually(lambda: pipelines.steps(execution).get("long", {}).get("Metadata"))
    code, _ = refusal(lambda: pipelines.api.delete_pipeline(PipelineName=pipeline))
    assert code == "ConflictException"
    pipelines.api.stop_pipeline_execution(PipelineExecutionArn=execution)
    assert pipelines.ended(execution)["PipelineExecutionStatus"] == "Stopped"
    assert pipelines.statuses(execution) == {"long": "Stopped"}
    name = job["ProcessingJob"]["Arn"].rpartition("/")[2]
    assert pipelines.bench.describe("Processing", name)["ProcessingJobStatus"] == "Stopped"
    code, _ = refusal(lambda: pipelines.api.stop_pipeline_execution(PipelineExecutionArn=execution))
    assert code == "ConflictException"
    pipelines.api.delete_pipeline(PipelineName=pipeline)
    assert refusal(lambda: pipelines.api.describe_pipeline(PipelineName=pipeline))[0] == "ResourceNotFound"


def test_an_update_leaves_running_executions_alone(pipelines: Pipelines) -> None:
    old = [pipelines.process("old", FOREVER)]
    pipeline = pipelines.create(old)
    execution = pipelines.start(pipeline)
    eventually(lambda: pipelines.steps(execution).get("old", {}).get("Metadata"))
    new = pipelines.definition([pipelines.process("new")])
    pipelines.api.update_pipeline(PipelineName=pipeline, PipelineDefinition=new)
    shown = pipelines.api.describe_pipeline_definition_for_execution(PipelineExecutionArn=execution)
    assert json.loads(shown["PipelineDefinition"])["Steps"] == old
    second = pipelines.start(pipeline)
    assert list(pipelines.steps(second) if pipelines.ended(second) else {}) == ["new"]
    pipelines.api.stop_pipeline_execution(PipelineExecutionArn=execution)
    pipelines.ended(execution)
    assert list(pipelines.steps(execution)) == ["old"]


def test_the_same_token_starts_one_execution(pipelines: Pipelines) -> None:
    pipeline, token = pipelines.create([pipelines.process("only")]), uuid.uuid4().hex
    first = pipelines.start(pipeline, ClientRequestToken=token)
    assert pipelines.start(pipeline, ClientRequestToken=token) == first
    assert pipelines.start(pipeline, ClientRequestToken=token[::-1]) != first
    listed = pipelines.api.list_pipeline_executions(PipelineName=pipeline)["PipelineExecutionSummaries"]
    assert len(listed) == 2
    for item in listed:
        pipelines.ended(item["PipelineExecutionArn"])


def test_executions_and_steps_are_listed_newest_first(pipelines: Pipelines) -> None:
    pipeline = pipelines.create([pipelines.process("one"), pipelines.process("two", DependsOn=["one"])])
    arns = [pipelines.start(pipeline, PipelineExecutionDisplayName=f"run-{number}") for number in range(3)]
    for arn in arns:
        pipelines.ended(arn)
    pages = pipelines.api.get_paginator("list_pipeline_executions")
    wanted = {"PipelineName": pipeline, "PaginationConfig": {"PageSize": 2}}
    listed = pages.paginate(**wanted).build_full_result()["PipelineExecutionSummaries"]
    assert [item["PipelineExecutionArn"] for item in listed] == arns[::-1]
    assert [item["PipelineExecutionDisplayName"] for item in listed] == ["run-2", "run-1", "run-0"]
    listed = pages.paginate(**wanted, SortOrder="Ascending").build_full_result()["PipelineExecutionSummaries"]
    assert [item["PipelineExecutionArn"] for item in listed] == arns
    steps = pipelines.api.list_pipeline_execution_steps(PipelineExecutionArn=arns[0])["PipelineExecutionSteps"]
    assert [item["StepName"] for item in steps] == ["two", "one"]


def test_another_account_sees_neither_pipeline_nor_execution(pipelines: Pipelines, sandbox: Sandbox) -> None:
    pipeline = pipelines.create([pipelines.process("own")])
    execution = pipelines.start(pipeline)
    arn = pipelines.api.describe_pipeline(PipelineName=pipeline)["PipelineArn"]
    other = sandbox.client("sagemaker", "staging")
    assert refusal(lambda: other.describe_pipeline(PipelineName=pipeline))[0] == "ResourceNotFound"
    calls = [
        lambda: other.describe_pipeline(PipelineName=arn),
        lambda: other.start_pipeline_execution(PipelineName=arn),
        lambda: other.describe_pipeline_execution(PipelineExecutionArn=execution),
        lambda: other.list_pipeline_execution_steps(PipelineExecutionArn=execution),
        lambda: other.stop_pipeline_execution(PipelineExecutionArn=execution),
    ]
    assert {refusal(call)[0] for call in calls} == {"AccessDeniedException"}
    assert other.list_pipelines()["PipelineSummaries"] == []
    pipelines.ended(execution)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "Parameter Text has no default value and must be given."),
        ({"Text": "a", "Other": "b"}, "Unknown parameters: [Other] are not in the pipeline definition."),
        ({"Text": "a", "Size": "1.5"}, "Parameter Size must be of type Integer, not '1.5'."),
        ({"Text": "a", "Flag": "perhaps"}, "Parameter Flag must be of type Boolean, not 'perhaps'."),
        ({"Text": "a", "Kind": "c"}, "Parameter Kind must be one of ['a', 'b'], not 'c'."),
    ],
)
def test_wrong_parameters_are_refused(pipelines: Pipelines, given: dict[str, str], message: str) -> None:
    pipeline = pipelines.create([{"Name": "end", "Type": "Fail", "Arguments": {"ErrorMessage": "x"}}], PARAMETERS)
    assert refusal(lambda: pipelines.start(pipeline, given)) == ("ValidationException", message)
    assert pipelines.api.list_pipeline_executions(PipelineName=pipeline)["PipelineExecutionSummaries"] == []


def condition(name: str, *inside: dict[str, Any]) -> dict[str, Any]:
    return {"Name": name, "Type": "Condition", "Arguments": {"Conditions": [], "IfSteps": [*inside], "ElseSteps": []}}


def step(name: str, **members: Any) -> dict[str, Any]:
    return {"Name": name, "Type": "Fail", "Arguments": {"ErrorMessage": members.pop("message", "x")}, **members}


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([step("a", DependsOn=["b"])], "Step a refers to a step that does not exist: b."),
        ([step("a", message={"Get": "Steps.b.Outcome"})], "Step a refers to a step that does not exist: b."),
        ([step("a", message={"Get": "Parameters.P"})], "Step a refers to a parameter that does not exist: P."),
        ([step("a", DependsOn=["b"]), step("b", DependsOn=["a"])], "The steps depend on each other in a circle: "),
        ([step("a"), step("a")], "Step names must be unique: a is used twice."),
        ([step("a", Type="EMR")], "The sandbox does not execute EMR steps (step a), only "),
        ([{"Name": "a"}], "A required member is missing or ill-typed: 'Type'"),
        ([step("a", Type="Condition")], "A required member is missing or ill-typed: 'IfSteps'"),
        (
            [condition("outer", condition("inner"))],
            "Condition step inner lies in outer: condition steps can't be nested.",
        ),
        (["a"], "A required member is missing or ill-typed: "),
        ([step("a", CacheConfig={"Enabled": True, "ExpireAfter": "soon"})], "ExpireAfter of step a is 'soon'"),
    ],
)
def test_a_malformed_definition_is_refused(pipelines: Pipelines, steps: list[Any], message: str) -> None:
    code, told = refusal(lambda: pipelines.create(steps))
    assert code == "ValidationException"
    assert told.startswith(f"Unable to parse pipeline definition. {message}")


@pytest.mark.parametrize(
    "text", ["{no json", "[]", '"text"', '{"Steps": 5}', '{"Parameters": [{"Name": "P", "Type": "Date"}], "Steps": []}']
)
def test_what_is_no_definition_is_refused(pipelines: Pipelines, text: str) -> None:
    request = {"PipelineName": f"bad-{uuid.uuid4().hex[:8]}", "RoleArn": pipelines.bench.role}
    code, told = refusal(lambda: pipelines.api.create_pipeline(**request, PipelineDefinition=text))
    assert (code, told.split(".")[0]) == ("ValidationException", "Unable to parse pipeline definition")


def test_a_definition_may_lie_in_s3(pipelines: Pipelines) -> None:
    bench, name = pipelines.bench, f"stored-{uuid.uuid4().hex[:8]}"
    bench.put("definition.json", pipelines.definition([step("end", message="stored")]))
    request = {"PipelineName": name, "RoleArn": bench.role}
    place = {"Bucket": bench.bucket, "ObjectKey": "absent.json"}
    assert (
        refusal(lambda: pipelines.api.create_pipeline(**request, PipelineDefinitionS3Location=place))[0] == "NoSuchKey"
    )
    place["ObjectKey"] = "definition.json"
    pipelines.api.create_pipeline(**request, PipelineDefinitionS3Location=place)
    execution = pipelines.start(name)
    pipelines.ended(execution)
    assert pipelines.steps(execution)["end"]["FailureReason"] == "stored"
    code, told = refusal(lambda: pipelines.api.create_pipeline(**request, PipelineDefinition='{"Steps": []}'))
    assert (code, f"Pipeline with name ({name}) already exists" in told) == ("ValidationException", True)


def test_a_role_that_sagemaker_may_not_assume_fails_the_execution(pipelines: Pipelines, sandbox: Sandbox) -> None:
    role = sandbox.role("pipelines-other", "ec2.amazonaws.com")
    name = f"role-{uuid.uuid4().hex[:8]}"
    pipelines.api.create_pipeline(PipelineName=name, PipelineDefinition='{"Steps": []}', RoleArn=role)
    found = pipelines.ended(pipelines.start(name))
    assert found["PipelineExecutionStatus"] == "Failed"
    assert role in found["FailureReason"]


def test_executions_and_steps_are_announced(pipelines: Pipelines, sandbox: Sandbox) -> None:
    sqs, events, name = sandbox.client("sqs"), sandbox.client("events"), f"announced-{uuid.uuid4().hex[:8]}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pipeline = pipelines.create([step("end", message="over")])
    own = pipelines.api.describe_pipeline(PipelineName=pipeline)["PipelineArn"]
    pattern = {"source": ["aws.sagemaker"], "detail": {"pipelineArn": [own]}}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    execution = pipelines.start(pipeline)
    heard: list[dict[str, Any]] = []

    def hear() -> bool:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
        heard.extend(json.loads(message["Body"]) for message in found)
        return any("currentPipelineExecutionStatus" in event["detail"] for event in heard)

    eventually(hear)
    assert {event["detail"]["pipelineExecutionArn"] for event in heard} == {execution}
    [ended] = [event for event in heard if "currentPipelineExecutionStatus" in event["detail"]]
    assert ended["detail-type"] == "SageMaker Model Building Pipeline Execution Status Change"
    assert ended["detail"]["currentPipelineExecutionStatus"] == "Failed"
    assert ended["resources"] == [own, execution]
