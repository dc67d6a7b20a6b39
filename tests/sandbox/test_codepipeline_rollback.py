"""Stages that fail are rolled back to the last execution that succeeded in them; stages can be rolled back by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness import eventually
from test_codepipeline_structure import refusal
from workshop import Declared, Workshop, approval, stage

UNDO = {"onFailure": {"result": "ROLLBACK"}}
REASON = {"CustomData": "commit #{SourceVariables.CommitId}, #{variables.Reason}"}
VARIABLES = [{"name": "Reason", "defaultValue": "none"}]


@pytest.fixture
def shop(workshop: Workshop) -> Workshop:
    """A workshop whose repository no other test pushes to."""
    return Workshop(workshop.sandbox)


def create(shop: Workshop, **more: Any) -> str:
    """Make a pipeline whose stage `Approval` is rolled back when it fails."""
    undone = {**stage("Approval", approval(configuration=REASON)), **UNDO}
    return shop.create(undone, stage("After", approval("Again")), variables=VARIABLES, **more)


def approved(shop: Workshop, name: str, execution: str) -> None:
    shop.answer(name, shop.token(name, execution=execution))
    shop.reached(name, "Again", execution)


def rejected(shop: Workshop, name: str, execution: str) -> Declared:
    shop.answer(name, shop.token(name, execution=execution), "Rejected", "worse than before")
    return shop.ended(name, "Failed", execution)


def first(shop: Workshop, name: str) -> str:
    return str(shop.executions(name)[0]["pipelineExecutionId"])


def rollback_of(shop: Workshop, name: str) -> Declared:
    """Wait for the newest execution to be a rollback; return its summary."""
    return eventually(lambda: [e for e in shop.executions(name)[:1] if e["executionType"] == "ROLLBACK"])[0]


def test_a_failed_stage_runs_again_as_the_last_good_execution_ran_it(shop: Workshop) -> None:
    name = create(shop)
    good = first(shop, name)
    approved(shop, name, good)
    shop.push("other.txt", b"worse", parent=shop.commit)
    bad = shop.start(name, variables=[{"name": "Reason", "value": "new"}])
    failed = rejected(shop, name, bad)
    assert failed["executionType"] == "STANDARD"
    summary = rollback_of(shop, name)
    rollback = summary["pipelineExecutionId"]
    assert f"rolled back to {good} by {rollback}" in failed["statusSummary"]
    assert summary["rollbackMetadata"] == {"rollbackTargetPipelineExecutionId": good}
    assert summary["trigger"]["triggerType"] == "AutomatedRollback"
    assert json.loads(summary["trigger"]["triggerDetail"]) == {"FailedPipelineExecutionId": bad}
    shop.answer(name, shop.token(name, execution=rollback))
    ended = shop.ended(name, "Succeeded", rollback)
    assert ended["variables"] == [{"name": "Reason", "resolvedValue": "none"}]
    assert [found["revisionId"] for found in ended["artifactRevisions"]] == [shop.commit]
    runs = shop.actions(name, rollback)
    assert list(runs) == ["Approve"]  # the source before the stage and the stage after it stay as they are
    assert runs["Approve"]["input"]["resolvedConfiguration"]["CustomData"] == f"commit {shop.commit}, none"
    latest = shop.stages(name)["Approval"]["latestExecution"]
    assert latest == {"pipelineExecutionId": rollback, "status": "Succeeded", "type": "ROLLBACK"}


def test_nothing_is_rolled_back_when_no_execution_has_succeeded_in_the_stage(shop: Workshop) -> None:
    name = create(shop)
    failed = rejected(shop, name, first(shop, name))
    assert "was not rolled back: no execution of version 1 has succeeded in it" in failed["statusSummary"]
    assert len(shop.executions(name)) == 1


def test_a_skipped_stage_and_another_version_are_no_targets(shop: Workshop) -> None:
    name = create(shop)
    good = first(shop, name)
    approved(shop, name, good)
    declared = shop.api.get_pipeline(name=name)["pipeline"]
    kind = {"category": "Rule", "owner": "AWS", "provider": "VariableCheck", "version": "1"}
    wanted = {"Variable": "#{variables.Reason}", "Operator": "NE", "Value": "skip"}
    rule = {"name": "Check", "ruleTypeId": kind, "configuration": wanted}
    declared["stages"][1]["beforeEntry"] = {"conditions": [{"result": "SKIP", "rules": [rule]}]}
    shop.api.update_pipeline(pipeline=declared)
    skipped = shop.start(name, variables=[{"name": "Reason", "value": "skip"}])
    eventually(lambda: shop.stages(name)["Approval"]["latestExecution"]["pipelineExecutionId"] == skipped)
    failed = rejected(shop, name, shop.start(name))
    assert "no execution of version 2 has succeeded in it" in failed["statusSummary"]
    asked = {"pipelineName": name, "stageName": "Approval"}
    with pytest.raises(shop.api.exceptions.UnableToRollbackStageException, match="has not succeeded"):
        shop.api.rollback_stage(**asked, targetPipelineExecutionId=skipped)
    with pytest.raises(shop.api.exceptions.PipelineExecutionOutdatedException, match="version 1"):
        shop.api.rollback_stage(**asked, targetPipelineExecutionId=good)


def test_a_rollback_that_fails_is_not_rolled_back_again(shop: Workshop) -> None:
    name = create(shop)
    approved(shop, name, first(shop, name))
    rejected(shop, name, shop.start(name))
    rollback = rollback_of(shop, name)["pipelineExecutionId"]
    assert "was a rollback" in rejected(shop, name, rollback)["statusSummary"]
    assert first(shop, name) == rollback


def test_an_execution_that_waits_enters_after_the_rollback(shop: Workshop) -> None:
    name = create(shop)
    approved(shop, name, first(shop, name))
    bad = shop.start(name)
    token = shop.token(name, execution=bad)
    waiting = shop.start(name)
    eventually(lambda: shop.stages(name)["Approval"].get("inboundExecutions"))
    shop.answer(name, token, "Rejected")
    rollback = rollback_of(shop, name)["pipelineExecutionId"]
    token = shop.token(name, execution=rollback)
    inbound = shop.stages(name)["Approval"]["inboundExecutions"]
    assert [found["pipelineExecutionId"] for found in inbound] == [waiting]
    shop.answer(name, token)
    shop.reached(name, "Approve", waiting)


def test_an_abandoned_rollback_frees_the_stage(shop: Workshop) -> None:
    name = create(shop)
    approved(shop, name, first(shop, name))
    rejected(shop, name, shop.start(name))
    rollback = rollback_of(shop, name)["pipelineExecutionId"]
    shop.api.stop_pipeline_execution(pipelineName=name, pipelineExecutionId=rollback, abandon=True)
    shop.ended(name, "Stopped", rollback)
    shop.token(name, execution=shop.start(name))


def test_a_person_rolls_a_stage_back(shop: Workshop) -> None:
    name = create(shop)
    good = first(shop, name)
    approved(shop, name, good)
    asked = {"pipelineName": name, "stageName": "Approval", "targetPipelineExecutionId": good}
    rollback = shop.api.rollback_stage(**asked)["pipelineExecutionId"]
    with pytest.raises(shop.api.exceptions.UnableToRollbackStageException, match="is being run"):
        shop.api.rollback_stage(**asked)
    shop.answer(name, shop.token(name, execution=rollback))
    ended = shop.ended(name, "Succeeded", rollback)
    assert ended["trigger"]["triggerType"] == "ManualRollback"
    assert ended["rollbackMetadata"] == {"rollbackTargetPipelineExecutionId": good}
    with pytest.raises(shop.api.exceptions.UnableToRollbackStageException, match="itself a rollback"):
        shop.api.rollback_stage(**{**asked, "targetPipelineExecutionId": rollback})
    with pytest.raises(shop.api.exceptions.UnableToRollbackStageException, match="source stage"):
        shop.api.rollback_stage(**{**asked, "stageName": "Source"})
    with pytest.raises(shop.api.exceptions.StageNotFoundException):
        shop.api.rollback_stage(**{**asked, "stageName": "Absent"})


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"executionMode": "PARALLEL"}, "PARALLEL mode cannot roll back"),
        ({"pipelineType": "V1"}, "pipelineType V2"),
    ],
)
def test_where_stages_cannot_be_rolled_back(workshop: Workshop, more: Declared, expected: str) -> None:
    _, message = refusal(workshop, workshop.declare({**stage("Approval", approval()), **UNDO}, **more))
    assert expected in message


def test_a_source_stage_cannot_be_rolled_back(workshop: Workshop) -> None:
    source = {**stage("Source", workshop.source()), **UNDO}
    _, message = refusal(workshop, workshop.declare(source, stage("Approval", approval())))
    assert "source stage" in message
