"""Pipelines: the order of steps, and the values that they get."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from harness import eventually
from pipeline_runs import Pipelines
from workbench import Workbench

SHOW = "import sys; print(sys.argv[1:])"


@pytest.fixture(scope="module")
def pipelines(bench: Workbench) -> Pipelines:
    return Pipelines(bench)


def condition(name: str, *conditions: dict[str, Any], yes: Any = (), no: Any = (), **members: Any) -> dict[str, Any]:
    arguments = {"Conditions": list(conditions), "IfSteps": list(yes), "ElseSteps": list(no)}
    return {"Name": name, "Type": "Condition", "Arguments": arguments, **members}


def fail(name: str, message: Any) -> dict[str, Any]:
    return {"Name": name, "Type": "Fail", "Arguments": {"ErrorMessage": message}}


def test_steps_wait_for_what_they_refer_to_and_depend_on(pipelines: Pipelines) -> None:
    uri = pipelines.bench.uri("order/data")
    path = {"Get": "Steps.first.ProcessingOutputConfig.Outputs['data'].S3Output.S3Uri"}
    steps = [
        pipelines.process("third", DependsOn=["second"]),
        pipelines.process("second", SHOW, Arguments=[path]),
        pipelines.process("first", Outputs={"data": uri}),
    ]
    execution, found = pipelines.run(steps)
    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert list(found) == ["first", "second", "third"]
    assert pipelines.printed(found["second"]) == [f"['{uri}']"]
    for earlier, later in (("first", "second"), ("second", "third")):
        assert found[earlier]["EndTime"] <= found[later]["StartTime"]


def test_independent_steps_run_side_by_side(pipelines: Pipelines) -> None:
    forever = "import time; time.sleep(60)"
    execution = pipelines.start(
        pipelines.create([pipelines.process("left", forever), pipelines.process("right", forever)])
    )
    eventually(lambda: pipelines.statuses(execution) == {"left": "Executing", "right": "Executing"})
    pipelines.api.stop_pipeline_execution(PipelineExecutionArn=execution)
    assert pipelines.ended(execution)["PipelineExecutionStatus"] == "Stopped"


def test_the_number_of_parallel_steps_can_be_limited(pipelines: Pipelines) -> None:
    pipeline = pipelines.create([pipelines.process("a"), pipelines.process("b"), pipelines.process("c")])
    execution = pipelines.start(pipeline, ParallelismConfiguration={"MaxParallelExecutionSteps": 1})
    assert pipelines.ended(execution)["PipelineExecutionStatus"] == "Succeeded"
    jobs = [
        pipelines.bench.describe("Processing", step["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2])
        for step in pipelines.steps(execution).values()
    ]
    spans = sorted((job["ProcessingStartTime"], job["ProcessingEndTime"]) for job in jobs)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))


@pytest.mark.parametrize(("limit", "taken"), [(0.5, "good"), (0.99, "bad")])
def test_a_condition_on_a_property_file_takes_one_branch(pipelines: Pipelines, limit: float, taken: str) -> None:
    uri = pipelines.bench.uri(f"evaluation/{taken}")
    code = "open('/opt/ml/processing/report/metrics.json', 'w').write('{\"binary\": {\"auc\": {\"value\": 0.75}}}')"
    file = {"PropertyFileName": "Metrics", "OutputName": "report", "FilePath": "metrics.json"}
    auc = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.evaluate.PropertyFiles.Metrics"}, "Path": "binary.auc.value"}}
    steps = [
        pipelines.process("evaluate", code, Outputs={"report": uri}, PropertyFiles=[file]),
        condition(
            "check",
            {"Type": "GreaterThanOrEqualTo", "LeftValue": auc, "RightValue": {"Get": "Parameters.Limit"}},
            yes=[pipelines.process("good")],
            no=[pipelines.process("bad")],
        ),
    ]
    execution, found = pipelines.run(steps, [{"Name": "Limit", "Type": "Float", "DefaultValue": 0.9}], Limit=str(limit))
    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert list(found) == ["evaluate", "check", taken]
    assert found["check"]["Metadata"] == {"Condition": {"Outcome": str(taken == "good")}}


def test_a_value_that_a_property_file_lacks_fails_the_step_readably(pipelines: Pipelines) -> None:
    code = "open('/opt/ml/processing/report/metrics.json', 'w').write('{}')"
    file = {"PropertyFileName": "Metrics", "OutputName": "report", "FilePath": "metrics.json"}
    auc = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.evaluate.PropertyFiles.Metrics"}, "Path": "auc.value"}}
    outputs = {"report": pipelines.bench.uri("lacking")}
    steps = [
        pipelines.process("evaluate", code, Outputs=outputs, PropertyFiles=[file]),
        condition("check", {"Type": "LessThan", "LeftValue": auc, "RightValue": 1}),
    ]
    execution, found = pipelines.run(steps)
    assert execution["PipelineExecutionStatus"] == "Failed"
    reason = "Unable to resolve 'auc.value': property file Metrics of step evaluate has no 'auc'."
    assert reason in found["check"]["FailureReason"]


@pytest.mark.parametrize(
    ("kind", "members", "outcome"),
    [
        ("Equals", {"LeftValue": "a", "RightValue": "a"}, True),
        ("GreaterThan", {"LeftValue": 2, "RightValue": 2}, False),
        ("LessThan", {"LeftValue": 1, "RightValue": 2}, True),
        ("LessThanOrEqualTo", {"LeftValue": 2, "RightValue": 2}, True),
        ("In", {"QueryValue": "a", "Values": ["a", "b"]}, True),
        ("Not", {"Expression": {"Type": "Equals", "LeftValue": 1, "RightValue": 1}}, False),
        ("Or", {"Conditions": [{"Type": "Equals", "LeftValue": 1, "RightValue": n} for n in (1, 2)]}, True),
    ],
)
def test_conditions_compare(pipelines: Pipelines, kind: str, members: dict[str, Any], outcome: bool) -> None:
    execution, found = pipelines.run([condition("check", {"Type": kind, **members})])
    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert found["check"]["Metadata"]["Condition"]["Outcome"] == str(outcome)


def test_all_conditions_of_a_step_must_hold_and_sides_be_comparable(pipelines: Pipelines) -> None:
    true, false = ({"Type": "Equals", "LeftValue": 1, "RightValue": n} for n in (1, 2))
    _, found = pipelines.run([condition("check", true, false)])
    assert found["check"]["Metadata"]["Condition"]["Outcome"] == "False"
    _, found = pipelines.run([condition("check", {"Type": "LessThan", "LeftValue": "a", "RightValue": 1})])
    assert found["check"]["StepStatus"] == "Failed"
    assert "Cannot compare 'a' and 1" in found["check"]["FailureReason"]


def test_values_are_joined_from_parameters_and_execution_variables(pipelines: Pipelines) -> None:
    parameters = [
        {"Name": "Text", "Type": "String", "DefaultValue": "default"},
        {"Name": "Size", "Type": "Integer", "DefaultValue": 3},
        {"Name": "Rate", "Type": "Float", "DefaultValue": 0.5},
        {"Name": "Flag", "Type": "Boolean", "DefaultValue": "true"},
    ]
    values = [{"Get": f"Parameters.{item['Name']}"} for item in parameters]
    variables = [
        {"Get": f"Execution.{name}"} for name in ("PipelineName", "PipelineExecutionId", "PipelineExecutionArn")
    ]
    joined = [{"Std:Join": {"On": "/", "Values": items}} for items in (values, variables)]
    pipeline = pipelines.create([pipelines.process("show", SHOW, Arguments=joined)], parameters)
    execution = pipelines.start(pipeline, {"Text": "given", "Size": "4"})
    assert pipelines.ended(execution)["PipelineExecutionStatus"] == "Succeeded"
    own = f"{pipeline}/{execution.rpartition('/')[2]}/{execution}"
    assert pipelines.printed(pipelines.steps(execution)["show"]) == [f"['given/4/0.5/true', '{own}']"]
    listed = pipelines.api.list_pipeline_parameters_for_execution(PipelineExecutionArn=execution)["PipelineParameters"]
    assert {item["Name"]: item["Value"] for item in listed}["Size"] == "4"


def test_a_fail_step_ends_the_execution_with_its_message(pipelines: Pipelines) -> None:
    message = {"Std:Join": {"On": " ", "Values": ["Too", "bad:", {"Get": "Parameters.Why"}]}}
    parameters = [{"Name": "Why", "Type": "String", "DefaultValue": "accuracy"}]
    execution, found = pipelines.run([fail("stop", message)], parameters)
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert execution["FailureReason"] == "Step failure: One or multiple steps failed."
    assert (found["stop"]["StepStatus"], found["stop"]["FailureReason"]) == ("Failed", "Too bad: accuracy")
    assert found["stop"]["Metadata"] == {"Fail": {"ErrorMessage": "Too bad: accuracy"}}


def test_a_failed_step_blocks_what_needs_it_while_others_finish(pipelines: Pipelines) -> None:
    steps = [
        pipelines.process("bad", "raise SystemExit(3)"),
        pipelines.process("after", DependsOn=["bad"]),
        pipelines.process("beside", "import time; time.sleep(1)"),
    ]
    execution, found = pipelines.run(steps)
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert {name: step["StepStatus"] for name, step in found.items()} == {"bad": "Failed", "beside": "Succeeded"}
    assert found["bad"]["FailureReason"].endswith("AlgorithmError: See job logs for more information, exit code: 3")


def test_training_and_registration_pass_on_what_they_made(pipelines: Pipelines) -> None:
    bench, group = pipelines.bench, "registered-by-pipeline"
    pipelines.api.create_model_package_group(ModelPackageGroupName=group)
    request = bench.training("open('/opt/ml/model/model.json', 'w').write('{}')")
    model = {"Get": "Steps.train.ModelArtifacts.S3ModelArtifacts"}
    spec = {"Containers": [{"Image": bench.image, "ModelDataUrl": model}]}
    spec |= {"SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
    register = {"ModelPackageGroupName": group, "InferenceSpecification": spec}
    shown = [{"Get": "Steps.register.ModelPackageArn"}]
    steps = [
        {"Name": "train", "Type": "Training", "Arguments": request},
        {"Name": "register", "Type": "RegisterModel", "Arguments": register},
        pipelines.process("show", SHOW, Arguments=shown),
    ]
    execution, found = pipelines.run(steps)
    assert execution["PipelineExecutionStatus"] == "Succeeded", found
    arn = found["register"]["Metadata"]["RegisterModel"]["Arn"]
    assert pipelines.printed(found["show"]) == [f"['{arn}']"]
    container = pipelines.api.describe_model_package(ModelPackageName=arn)["InferenceSpecification"]["Containers"][0]
    assert bench.archive(container["ModelDataUrl"]) == {"model.json": "{}"}
    calls = [json.loads(line) for line in (bench.sandbox.home / "calls.jsonl").read_text().splitlines()]
    makers = {call["principal"] for call in calls if call["operation"] == "CreateModelPackage"}
    assert "arn:aws:sts::222222222222:assumed-role/job-role/SageMakerPipelines" in makers
