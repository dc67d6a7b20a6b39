"""Conditions at a stage's entry: what skips a stage, what fails it, and what is refused."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from harness import eventually
from test_codepipeline_structure import refusal
from workshop import Declared, Workshop, approval, stage


def rule(variable: str, operator: str, value: str, **more: Any) -> Declared:
    kind = {"category": "Rule", "owner": "AWS", "provider": "VariableCheck", "version": "1"}
    configuration = {"Variable": variable, "Operator": operator, "Value": value}
    return {"name": "Check", "ruleTypeId": kind, "configuration": configuration, **more}


def entry(result: str, *rules: Declared) -> Declared:
    return {"beforeEntry": {"conditions": [{"result": result, "rules": list(rules)}]}}


def guarded(result: str, *rules: Declared) -> Declared:
    """Declare an approval stage with a condition at its entry."""
    return {**stage("Approval", approval()), **entry(result, *rules)}


VARIABLES = [{"name": "Deploy", "defaultValue": "no"}]


def test_an_unmet_condition_skips_its_stage_and_the_execution_goes_on(workshop: Workshop) -> None:
    after = {**stage("After", approval("Again")), **entry("SKIP", rule("#{variables.Deploy}", "EQ", "yes"))}
    last = {**stage("Last", approval("Last")), **entry("SKIP", rule("#{variables.Deploy}", "NE", "no"))}
    name = workshop.create(guarded("SKIP", rule("#{variables.Deploy}", "EQ", "yes")), after, last, variables=VARIABLES)
    workshop.ended(name, "Succeeded")
    found = workshop.stages(name)
    assert [found[stage]["latestExecution"]["status"] for stage in ("Approval", "After", "Last")] == ["Skipped"] * 3
    state = found["Approval"]["beforeEntryConditionState"]
    [condition] = state["conditionStates"]
    assert state["latestExecution"]["status"] == condition["latestExecution"]["status"] == "Failed"
    [checked] = condition["ruleStates"]
    assert (checked["ruleName"], checked["latestExecution"]["status"]) == ("Check", "Failed")
    assert "'no' EQ 'yes'" in checked["latestExecution"]["summary"]
    assert list(workshop.actions(name)) == ["Source"]


def test_a_met_condition_lets_the_execution_in(workshop: Workshop) -> None:
    name = workshop.create(guarded("SKIP", rule("#{SourceVariables.BranchName}", "EQ", "main")))
    workshop.answer(name, workshop.token(name))
    workshop.ended(name, "Succeeded")
    state = workshop.stages(name)["Approval"]["beforeEntryConditionState"]
    assert state["latestExecution"]["status"] == "Succeeded"


def test_an_unmet_condition_with_result_fail_fails_the_execution(workshop: Workshop) -> None:
    name = workshop.create(guarded("FAIL", rule("#{variables.Deploy}", "EQ", "yes")), variables=VARIABLES)
    assert "'no' EQ 'yes'" in workshop.ended(name, "Failed")["statusSummary"]
    assert workshop.stages(name)["Approval"]["latestExecution"]["status"] == "Failed"
    assert "Approve" not in workshop.actions(name)


@pytest.mark.parametrize(
    ("operator", "value", "met"),
    [
        ("CONTAINS", "#{SourceVariables.BranchName}", True),
        ("CONTAINS", "other", False),
        ("MATCHES", "the [a-z]+ branch", True),
        ("MATCHES", "main", False),
        ("NE", "main", True),
    ],
)
def test_a_rule_compares_as_its_operator_says(workshop: Workshop, operator: str, value: str, met: bool) -> None:
    checked = rule("the #{SourceVariables.BranchName} branch", operator, value)
    name = workshop.create(guarded("FAIL", checked), executionMode="PARALLEL")
    if met:
        workshop.reached(name, "Approve")
    else:
        workshop.ended(name, "Failed")


def test_all_rules_must_be_met(workshop: Workshop) -> None:
    met = rule("#{SourceVariables.BranchName}", "EQ", "main")
    unmet = rule("#{SourceVariables.BranchName}", "EQ", "other", name="Second")
    name = workshop.create(guarded("FAIL", met, unmet))
    assert "Rule Second" in workshop.ended(name, "Failed")["statusSummary"]


def test_an_unknown_variable_in_a_rule_fails_the_execution_instead_of_skipping(workshop: Workshop) -> None:
    name = workshop.create(guarded("SKIP", rule("#{SourceVariables.Nothing}", "EQ", "yes")))
    assert "#{SourceVariables.Nothing}" in workshop.ended(name, "Failed")["statusSummary"]


def test_a_skipped_stage_is_told_to_eventbridge(workshop: Workshop) -> None:
    sqs, events = workshop.sandbox.client("sqs"), workshop.sandbox.client("events")
    queue = sqs.create_queue(QueueName=f"skipped-{uuid.uuid4()}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    declared = workshop.declare(guarded("SKIP", rule("a", "EQ", "b")))
    pattern = {"source": ["aws.codepipeline"], "detail": {"pipeline": [declared["name"]], "state": ["SKIPPED"]}}
    events.put_rule(Name=declared["name"], EventPattern=json.dumps(pattern))
    events.put_targets(Rule=declared["name"], Targets=[{"Id": "1", "Arn": arn}])
    workshop.api.create_pipeline(pipeline=declared)
    [message] = eventually(lambda: sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages"))
    event = json.loads(message["Body"])
    assert event["detail-type"] == "CodePipeline Stage Execution State Change"
    assert event["detail"]["stage"] == "Approval"


def test_a_skipped_stage_cannot_be_retried(workshop: Workshop) -> None:
    name = workshop.create(guarded("SKIP", rule("a", "EQ", "b")))
    workshop.ended(name, "Succeeded")
    execution = workshop.executions(name)[0]["pipelineExecutionId"]
    asked = {"pipelineName": name, "stageName": "Approval", "pipelineExecutionId": execution}
    with pytest.raises(workshop.api.exceptions.StageNotRetryableException):
        workshop.api.retry_stage_execution(**asked, retryMode="ALL_ACTIONS")


OTHER = {"category": "Rule", "owner": "AWS", "provider": "LambdaInvoke", "version": "1"}
CHECK = rule("a", "EQ", "b")
BAD: dict[str, tuple[str, Declared]] = {
    "a rule of another provider": ("rules of provider LambdaInvoke", entry("SKIP", {**CHECK, "ruleTypeId": OTHER})),
    "an unknown operator": ("there is EQ, NE, CONTAINS, MATCHES", entry("SKIP", rule("a", "LT", "b"))),
    "no value": ("must have the configuration", entry("SKIP", {**CHECK, "configuration": {"Variable": "a"}})),
    "no result": ("may be SKIP or FAIL", {"beforeEntry": {"conditions": [{"rules": [CHECK]}]}}),
    "a rollback at the entry": ("may be SKIP or FAIL", entry("ROLLBACK", CHECK)),
    "no rules": ("has no rules", {"beforeEntry": {"conditions": [{"result": "SKIP"}]}}),
    "a condition of success": ("onSuccess", {"onSuccess": {"conditions": [{"result": "FAIL", "rules": [CHECK]}]}}),
    "a retry on failure": ("onFailure other than", {"onFailure": {"result": "RETRY"}}),
}


@pytest.mark.parametrize("case", BAD)
def test_conditions_that_are_wrong_or_not_implemented_are_refused(workshop: Workshop, case: str) -> None:
    expected, condition = BAD[case]
    code, message = refusal(workshop, workshop.declare({**stage("Approval", approval()), **condition}))
    assert code == "InvalidStructureException"
    assert expected in message


def test_conditions_need_a_pipeline_of_the_second_type(workshop: Workshop) -> None:
    _, message = refusal(workshop, workshop.declare(guarded("SKIP", CHECK), pipelineType="V1"))
    assert "pipelineType V2" in message
