"""Approvals: what they show, and the command that decides them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from harness import ACCOUNTS, Sandbox
from workshop import Workshop, approval, stage

SHOWN = {
    "CustomData": "commit #{SourceVariables.CommitId}",
    "ExternalEntityLink": "https://example.com/#{SourceVariables.BranchName}",
}


def approve(sandbox: Sandbox, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the command in an environment that knows nothing of the sandbox's profiles."""
    program = "import sys; from smproject.cli import main; sys.argv[0] = 'smproject'; main()"
    command = [sys.executable, "-c", program, "sandbox", "approve", "--home", str(sandbox.home), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def shop(workshop: Workshop) -> Workshop:
    """A workshop in whose sandbox nothing else waits."""
    for profile in ACCOUNTS:
        api = workshop.sandbox.client("codepipeline", profile)
        for page in api.get_paginator("list_pipelines").paginate():
            for found in page["pipelines"]:
                api.delete_pipeline(name=found["name"])
    return workshop


def waits(shop: Workshop) -> str:
    name = shop.create(stage("Approval", approval(configuration=SHOWN)))
    shop.token(name)
    return name


def test_an_approval_shows_its_resolved_data_and_link(shop: Workshop) -> None:
    name = waits(shop)
    state = shop.stages(name)["Approval"]["actionStates"][0]["latestExecution"]
    assert state["externalExecutionUrl"] == "https://example.com/main"
    resolved = shop.actions(name)["Approve"]["input"]["resolvedConfiguration"]
    assert resolved == {"CustomData": f"commit {shop.commit}", "ExternalEntityLink": "https://example.com/main"}


def test_the_one_approval_that_waits_is_approved(shop: Workshop) -> None:
    name = waits(shop)
    ran = approve(shop.sandbox, "--comment", "looks good")
    assert ran.returncode == 0, ran.stderr
    assert f"pipeline {name}" in ran.stdout
    assert f"commit {shop.commit}" in ran.stdout
    assert "https://example.com/main" in ran.stdout
    shop.ended(name, "Succeeded")
    assert shop.stages(name)["Approval"]["actionStates"][0]["latestExecution"]["summary"] == "looks good"
    after = approve(shop.sandbox)
    assert after.returncode == 1
    assert "No pipeline waits" in after.stderr


def test_several_approvals_are_listed_and_one_is_chosen_by_its_pipeline(shop: Workshop) -> None:
    first, second = waits(shop), waits(shop)
    listed = approve(shop.sandbox)
    assert listed.returncode == 1
    assert first in listed.stdout
    assert second in listed.stdout
    assert "--pipeline" in listed.stderr
    assert shop.statuses(first) == shop.statuses(second) == ["InProgress"]
    ran = approve(shop.sandbox, "--pipeline", second, "--reject", "--output", "json")
    told = json.loads(ran.stdout)
    assert (told["status"], told["approvals"][0]["pipeline"]) == ("Rejected", second)
    assert told["approvals"][0]["customData"] == f"commit {shop.commit}"
    assert "token" not in told["approvals"][0]
    shop.ended(second, "Failed")
    assert shop.statuses(first) == ["InProgress"]


def test_a_newer_execution_runs_up_to_the_approval_and_waits_there(shop: Workshop) -> None:
    """AWS: "a stage with an approval action is locked until the approval action is approved or rejected"."""
    before = stage("Before", approval("Early"))
    name = shop.create(before, stage("Approval", approval()))
    oldest = shop.executions(name)[0]["pipelineExecutionId"]

    def pass_early(execution: str) -> None:
        token = shop.token(name, "Before", execution)
        result = {"status": "Approved", "summary": "fine"}
        shop.api.put_approval_result(
            pipelineName=name, stageName="Before", actionName="Early", result=result, token=token
        )

    pass_early(oldest)
    token = shop.token(name, execution=oldest)
    newer = shop.start(name)
    pass_early(newer)
    newest = shop.start(name)
    assert shop.execution(name, newer)["status"] == "InProgress"
    pass_early(newest)
    shop.ended(name, "Superseded", newer)
    assert shop.stages(name)["Approval"]["latestExecution"]["pipelineExecutionId"] == oldest
    shop.answer(name, token)
    shop.ended(name, "Succeeded", oldest)
    shop.answer(name, shop.token(name, execution=newest))
    shop.ended(name, "Succeeded", newest)
