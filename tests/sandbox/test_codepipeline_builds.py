"""CodePipeline and CodeBuild: artifacts, variables and failures pass between them."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from harness import ACCOUNTS, eventually
from workshop import Declared, Workshop, action, stage


@dataclass
class Projects:
    """Makes CodeBuild projects for pipelines."""

    workshop: Workshop

    def create(self, *commands: str, **parts: Any) -> str:
        sandbox, name = self.workshop.sandbox, f"project-{uuid.uuid4().hex[:8]}"
        buildspec = {"version": "0.2", "phases": {"build": {"commands": list(commands)}}, **parts}
        image = {"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0"}
        sandbox.client("codebuild").create_project(
            name=name,
            source={"type": "CODEPIPELINE", "buildspec": json.dumps(buildspec, indent=2)},
            artifacts={"type": "CODEPIPELINE"},
            environment={**image, "computeType": "BUILD_GENERAL1_SMALL"},
            serviceRole=sandbox.role("pipeline-build-role", "codebuild.amazonaws.com"),
        )
        return name

    def build(self, name: str, *commands: str, **more: Any) -> Declared:
        """Declare a build action with a new project."""
        configuration = {"ProjectName": self.create(*commands, **more.pop("buildspec", {})), **more.pop("set", {})}
        return action(name, "Build/CodeBuild", configuration, takes=more.pop("takes", ["Code"]), **more)


@pytest.fixture(scope="module")
def projects(workshop: Workshop) -> Projects:
    return Projects(workshop)


def test_a_build_gets_the_source_and_hands_on_its_artifact(workshop: Workshop, projects: Projects) -> None:
    variables = [{"name": "COMMIT", "value": "#{SourceVariables.CommitId}"}]
    first = projects.build(
        "First",
        "export FOUND=$(cat README.md)",
        'echo "$FOUND $COMMIT $CODEBUILD_RESOLVED_SOURCE_VERSION $CODEBUILD_INITIATOR" > out.txt',
        buildspec={"artifacts": {"files": ["out.txt"]}, "env": {"exported-variables": ["FOUND"]}},
        set={"EnvironmentVariables": json.dumps(variables)},
        makes=["Built"],
        namespace="FirstVariables",
    )
    second = projects.build(
        "Second",
        'export SEEN=$(cat "$CODEBUILD_SRC_DIR_Built/out.txt") TEXT="$TEXT" && test -f README.md',
        buildspec={"env": {"exported-variables": ["SEEN", "TEXT"]}},
        set={
            "PrimarySource": "Code",
            "EnvironmentVariables": json.dumps([{"name": "TEXT", "value": "#{FirstVariables.FOUND}!"}]),
        },
        takes=["Code", "Built"],
    )
    name = workshop.create(stage("First", first), stage("Second", second))
    workshop.ended(name, "Succeeded")
    runs, commit = workshop.actions(name), workshop.commit
    seen = f"hello {commit} {commit} codepipeline/{name}"
    assert runs["Second"]["output"]["outputVariables"] == {"SEEN": seen, "TEXT": "hello!"}
    build = runs["First"]["output"]["executionResult"]["externalExecutionId"]
    assert build.startswith(first["configuration"]["ProjectName"])
    states = workshop.stages(name)["First"]["actionStates"][0]["latestExecution"]
    assert states["externalExecutionId"] == build


def test_a_failed_build_says_why(workshop: Workshop, projects: Projects) -> None:
    exported = {"env": {"exported-variables": ["PIPELINE_RESULT"]}}
    failing = projects.build("Fail", "export PIPELINE_RESULT=unfit", "exit 3", buildspec=exported)
    name = workshop.create(stage("Build", failing))
    ended = workshop.ended(name, "Failed")
    output = workshop.actions(name)["Fail"]["output"]
    error = output["executionResult"]["errorDetails"]
    assert error["code"] == "JobFailed"
    assert error["message"].startswith(
        "Build terminated with state: FAILED. Phase: BUILD, Code: COMMAND_EXECUTION_ERROR"
    )
    assert "exit status 3" in error["message"]
    assert error["message"] in ended["statusSummary"]
    assert output["outputVariables"] == {"PIPELINE_RESULT": "unfit"}
    assert workshop.stages(name)["Build"]["latestExecution"]["status"] == "Failed"


def test_a_failed_test_of_two_artifacts_hands_on_none(workshop: Workshop, projects: Projects) -> None:
    made = projects.build(
        "Make", "echo 0.9 > model.txt", buildspec={"artifacts": {"files": ["model.txt"]}}, makes=["M"]
    )
    check = projects.build(
        "Check",
        "test -f README.md",
        'test "$(cat $CODEBUILD_SRC_DIR_M/model.txt)" = 0.9',
        "exit 7",
        buildspec={"artifacts": {"files": ["report.xml"]}},
        set={"PrimarySource": "Code"},
        takes=["Code", "M"],
        makes=["Report"],
    )
    check["actionTypeId"]["category"] = "Test"
    name = workshop.create(stage("Make", made), stage("Check", check))
    workshop.ended(name, "Failed")
    output = workshop.actions(name)["Check"]["output"]
    assert "exit status 7" in output["executionResult"]["errorDetails"]["message"]
    assert not output.get("outputArtifacts")


def test_a_missing_project_fails_its_action(workshop: Workshop) -> None:
    build = action("Build", "Build/CodeBuild", {"ProjectName": "absent"}, takes=["Code"])
    name = workshop.create(stage("Build", build))
    assert "absent" in workshop.ended(name, "Failed")["statusSummary"]


def test_abandoning_stops_a_running_build(workshop: Workshop, projects: Projects) -> None:
    name = workshop.create(stage("Build", projects.build("Sleep", "sleep 120")))

    def running() -> str:
        found = workshop.actions(name).get("Sleep", {}).get("output", {}).get("executionResult", {})
        return str(found.get("externalExecutionId", ""))

    build = eventually(running)
    execution = workshop.executions(name)[0]["pipelineExecutionId"]
    workshop.api.stop_pipeline_execution(pipelineName=name, pipelineExecutionId=execution, abandon=True)
    workshop.ended(name, "Stopped")
    codebuild = workshop.sandbox.client("codebuild")
    eventually(lambda: codebuild.batch_get_builds(ids=[build])["builds"][0]["buildStatus"] == "STOPPED")


def test_an_action_may_act_as_a_role_of_its_own(workshop: Workshop, projects: Projects) -> None:
    own = workshop.sandbox.role("action-role", workshop.role)
    name = workshop.create(stage("Build", projects.build("Fail", "true", roleArn=own)))
    workshop.ended(name, "Succeeded")
    lines = [json.loads(line) for line in (workshop.sandbox.home / "calls.jsonl").read_text().splitlines()]
    execution = workshop.executions(name)[0]["pipelineExecutionId"]
    session = f"arn:aws:sts::{ACCOUNTS['development']}:assumed-role/action-role/{execution}"
    assert "StartBuild" in [line["operation"] for line in lines if line["principal"] == session]
