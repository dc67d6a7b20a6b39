"""How the demonstration's three pipeline executions went, and who did what in them."""

from __future__ import annotations

import json
import sys

import pytest
from visitor import Found, Visitor

GATE = "Quality gate not met: auc "
SDK = """
import json, sys
from sagemaker.core.resources import PipelineExecution
execution = PipelineExecution.get(pipeline_execution_arn=sys.argv[1])
steps = {step.step_name: step.step_status for step in execution.get_all_steps()}
print(json.dumps([execution.pipeline_execution_status, steps]))
"""
# What a build and its jobs are for; nobody else may have done it.
BUILD_S = {"CreatePipeline", "UpdatePipeline", "StartPipelineExecution", "PutImage", "GetAuthorizationToken"}
EXECUTION_S = {"CreateProcessingJob", "CreateTrainingJob", "CreateModelPackage"}


def cached(steps: dict[str, Found]) -> set[str]:
    return {name for name, step in steps.items() if "CacheHitResult" in step}


@pytest.fixture
def third(visitor: Visitor) -> dict[str, Found]:
    """Steps of the execution that missed the gate."""
    return visitor.steps(visitor.executions()[2])


def test_the_first_execution_computes_every_step(visitor: Visitor) -> None:
    steps = visitor.steps(visitor.executions()[0])
    assert set(steps) == {"process", "train", "evaluate", "gate", "register"}
    assert {step["StepStatus"] for step in steps.values()} == {"Succeeded"}
    assert cached(steps) == set()


def test_after_a_changed_hyperparameter_only_the_data_step_is_reused(visitor: Visitor) -> None:
    first, second = (visitor.steps(execution) for execution in visitor.executions()[:2])
    assert cached(second) == {"process"}
    assert second["process"]["CacheHitResult"]["SourcePipelineExecutionArn"] == visitor.executions()[0]
    jobs = [visitor.job(steps["train"], "Training") for steps in (first, second)]
    assert [job["HyperParameters"]["max_depth"] for job in jobs] == ["5", "4"]


def test_a_changed_gate_recomputes_nothing_and_says_what_it_missed(third: dict[str, Found]) -> None:
    assert cached(third) == {"process", "train", "evaluate"}
    assert "register" not in third
    assert third["gate-not-met"]["StepStatus"] == "Failed"
    for reason in (third["gate-not-met"]["FailureReason"], third["gate-not-met"]["Metadata"]["Fail"]["ErrorMessage"]):
        assert reason.startswith(GATE) and "; threshold 0.9999, " in reason


def test_codepipeline_shows_why_the_third_delivery_failed(visitor: Visitor) -> None:
    deliveries = visitor.deliveries()[:3]
    assert [item["status"] for item in deliveries] == ["Succeeded", "Succeeded", "Failed"]
    output = visitor.build(deliveries[2])["output"]
    assert "exit status 3" in output["executionResult"]["errorDetails"]["message"]
    assert GATE in output["outputVariables"]["PIPELINE_RESULT"]
    assert output["outputVariables"]["PIPELINE_EXECUTION_ARN"] == visitor.executions()[2]


def test_the_logs_of_jobs_are_in_cloudwatch(visitor: Visitor) -> None:
    steps = visitor.steps(visitor.executions()[0])
    said = {"process": "5000 rows read", "train": "validation:auc=", "evaluate": '"auc"'}
    for name, text in said.items():
        kind = "Training" if name == "train" else "Processing"
        job = visitor.job(steps[name], kind)[f"{kind}JobName"]
        assert text in visitor.log(f"/aws/sagemaker/{kind}Jobs", job), name


def test_a_training_job_shows_its_final_metrics(visitor: Visitor) -> None:
    job = visitor.job(visitor.steps(visitor.executions()[0])["train"], "Training")
    metrics = {item["MetricName"]: item["Value"] for item in job["FinalMetricDataList"]}
    assert metrics and all(0.8 < value <= 1 for value in metrics.values())
    assert "validation:auc" in metrics


def test_builds_act_as_the_build_role_and_jobs_as_the_execution_role(visitor: Visitor) -> None:
    project = visitor.project["ProjectId"]
    roles = {f"sagemaker-{project}-build": BUILD_S, f"sagemaker-{project}-execution": EXECUTION_S}
    for role, operations in roles.items():
        done = [
            call["operation"]
            for call in visitor.calls
            if call["service"] in ("sagemaker", "ecr") and f":assumed-role/{role}/" in call["principal"]
        ]
        assert operations <= set(done), role


def test_nothing_was_built_with_a_person_s_identity(visitor: Visitor) -> None:
    people = ("DataScientist", "PlatformEngineer", "MLEngineer", "OrganizationAccountAccessRole")
    by_people = [
        call
        for call in visitor.calls
        if any(f":assumed-role/{person}/" in call["principal"] for person in people)
        and call["operation"] in {"AssumeRole", *BUILD_S, *EXECUTION_S}
    ]
    # The engineer prepares the development account by way of its organization role, and connects it with two others.
    assert [call["operation"] for call in by_people] == ["AssumeRole"] * 4
    assert all(":assumed-role/PlatformEngineer/" in call["principal"] for call in by_people)


def test_nobody_unknown_was_let_in(visitor: Visitor) -> None:
    strangers = {(call["service"], call["status"]) for call in visitor.calls if call["principal"] == "unknown"}
    # git asks without credentials first.
    assert strangers <= {("codecommit", 401)}


def test_no_call_broke_the_endpoint(visitor: Visitor) -> None:
    assert [call for call in visitor.calls if call["status"] >= 500] == []


def test_the_sagemaker_sdk_reads_the_execution(visitor: Visitor) -> None:
    third = visitor.executions()[2]
    status, steps = json.loads(visitor.run(sys.executable, "-c", SDK, third).splitlines()[-1])
    assert status == "Failed"
    assert steps == {name: step["StepStatus"] for name, step in visitor.steps(third).items()}


def test_the_demonstration_says_the_same(visitor: Visitor) -> None:
    assert f"The build says: Failed at step gate-not-met: {GATE}" in visitor.output
    assert "registered versions: 1, 2" in visitor.output
