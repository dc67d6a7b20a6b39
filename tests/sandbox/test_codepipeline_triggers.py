"""What starts a pipeline whose source is a git host, and what builds get of it: as git, HTTP and boto3 see it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from git_team import Team
from harness import eventually
from test_codepipeline_builds import Projects
from workshop import Declared, Workshop, stage

MAIN = {"branches": {"includes": ["main"]}}


@pytest.fixture
def team(workshop: Workshop, tmp_path: Path) -> Iterator[Team]:
    """A team whose connection is complete, and whose main branch has a commit."""
    made = Team(workshop, tmp_path / "clone")
    made.smproject("accept", made.connection)
    made.push()
    yield made


def waiting(team: Team, **git: Any) -> str:
    """Make a pipeline with a trigger, and wait for the execution that creating it starts."""
    told = {"providerType": "CodeStarSourceConnection", "gitConfiguration": {"sourceActionName": "Source", **git}}
    name = team.pipeline(triggers=[told])
    team.workshop.token(name)
    return name


def told(team: Team, method: str, path: str, content: Any = None) -> Any:
    """Ask the host, which does what it is asked for."""
    status, answer = team.ask(method, path, content)
    assert status < 300, answer
    return answer


def propose(team: Team, head: str, base: str = "main") -> int:
    return int(told(team, "POST", "/pulls", {"title": f"Merge {head}", "head": head, "base": base})["number"])


def revisions(team: Team, name: str, number: int) -> list[str]:
    """Wait for so many executions beside the first, and for their sources; return their commits, the oldest first."""

    def look() -> list[str]:
        found = list(reversed(team.workshop.executions(name)))[1:]
        commits = [one["revisionId"] for each in found for one in each.get("sourceRevisions", [])]
        return commits if len(commits) == number else []

    return eventually(look)


def variables(team: Team, name: str) -> Declared:
    newest = team.workshop.executions(name)[0]["pipelineExecutionId"]
    return dict(team.workshop.actions(name, newest)["Source"]["output"]["outputVariables"])


def test_a_pull_request_starts_the_pipelines_whose_trigger_names_its_base(team: Team) -> None:
    name, elsewhere = waiting(team, pullRequest=[MAIN]), waiting(team, pullRequest=[{"branches": {"includes": ["x"]}}])
    pushes = waiting(team, push=[MAIN])
    first = team.push("change")
    number = propose(team, "change")

    assert revisions(team, name, 1) == [first]
    newest = team.workshop.executions(name)[0]
    assert newest["trigger"] == {"triggerType": "WebhookV2", "triggerDetail": team.arn}
    found = variables(team, name)
    assert (found["PullRequestId"], found["PullRequestTitle"]) == (str(number), "Merge change")
    assert found["BranchName"] == "change"

    second = team.push("change")
    assert revisions(team, name, 2) == [first, second]
    told(team, "PUT", f"/pulls/{number}/merge", {})
    assert revisions(team, name, 3) == [first, second, second]
    assert len(revisions(team, pushes, 1)) == 1
    assert len(team.workshop.executions(elsewhere)) == 1


def test_a_trigger_chooses_events_of_pull_requests(team: Team) -> None:
    name = waiting(team, pullRequest=[{"events": ["CLOSED"], **MAIN}])
    commit = team.push("change")
    number = propose(team, "change")
    told(team, "PATCH", f"/pulls/{number}", {"state": "closed"})
    assert revisions(team, name, 1) == [commit]


def test_file_paths_choose_pushes_and_pull_requests(team: Team) -> None:
    paths = {"includes": ["src/**"], "excludes": ["**/*.md"]}
    name = waiting(team, push=[{**MAIN, "filePaths": paths}], pullRequest=[{**MAIN, "filePaths": paths}])
    (team.folder / "src").mkdir()

    def push(path: str, branch: str) -> str:
        (team.folder / path).write_text(uuid.uuid4().hex)
        return team.push(branch)

    push("top.txt", "main")
    push("src/note.md", "main")
    first = push("src/code.py", "main")
    push("other.txt", "aside")
    propose(team, "aside")
    second = push("src/more.py", "change")
    propose(team, "change")

    assert revisions(team, name, 2) == [first, second]


def test_tags_start_a_pipeline(team: Team) -> None:
    name = waiting(team, push=[{"tags": {"includes": ["v*"], "excludes": ["v0.*"]}}])
    commit = team.push("release")
    for tag in ("v0.1", "other", "v1.0"):
        team.git("-c", "tag.gpgSign=false", "tag", "-a", tag, "-m", tag)
        team.git("push", "--quiet", "origin", tag)
    assert revisions(team, name, 1) == [commit]


def test_triggers_come_through_cloudformation(team: Team) -> None:
    cloudformation, stack = team.workshop.sandbox.client("cloudformation"), f"triggers-{uuid.uuid4().hex[:8]}"
    git = {"SourceActionName": "Source", "PullRequest": [{"Events": ["OPEN"], "Branches": {"Includes": ["main"]}}]}
    git["Push"] = [{"Branches": {"Includes": ["main"]}, "FilePaths": {"Excludes": ["docs/**"]}}]
    kind = {"Category": "Source", "Owner": "AWS", "Provider": "CodeStarSourceConnection", "Version": "1"}
    source = {"Name": "Source", "ActionTypeId": kind, "OutputArtifacts": [{"Name": "Code"}]}
    source["Configuration"] = team.source()["configuration"]
    wait = {"Name": "Approve", "ActionTypeId": {**kind, "Category": "Approval", "Provider": "Manual"}}
    properties = {
        "Name": stack,
        "PipelineType": "V2",
        "RoleArn": team.workshop.role,
        "ArtifactStore": {"Type": "S3", "Location": team.workshop.bucket},
        "Stages": [{"Name": "Source", "Actions": [source]}, {"Name": "Approval", "Actions": [wait]}],
        "Triggers": [{"ProviderType": "CodeStarSourceConnection", "GitConfiguration": git}],
    }
    template = {"Resources": {"Pipeline": {"Type": "AWS::CodePipeline::Pipeline", "Properties": properties}}}
    cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})

    [trigger] = team.workshop.api.get_pipeline(name=stack)["pipeline"]["triggers"]
    assert trigger["gitConfiguration"] == {
        "sourceActionName": "Source",
        "push": [{"branches": {"includes": ["main"]}, "filePaths": {"excludes": ["docs/**"]}}],
        "pullRequest": [{"events": ["OPEN"], "branches": {"includes": ["main"]}}],
    }


def test_a_delivery_that_comes_twice_starts_nothing_twice(team: Team) -> None:
    workflow = team.folder / ".github" / "workflows" / "one.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text("on: push\njobs: {a: {runs-on: x, steps: [{run: echo}]}}")
    name = waiting(team, push=[MAIN])
    commit = team.push()
    assert revisions(team, name, 1) == [commit]

    delivery = told(team, "GET", "/deliveries")["deliveries"][0]
    assert (delivery["event"], len(delivery["started"])) == ("push", 2)
    again = told(team, "POST", f"/deliveries/{delivery['id']}/attempts", {})

    started = ", ".join(delivery["started"])
    assert again["message"] == f"delivery {delivery['id']} was handled already: it started {started}"
    assert len(team.workshop.executions(name)) == 2
    assert len(told(team, "GET", "/runs")["runs"]) == 1
    status, answer = team.ask("POST", "/deliveries/absent/attempts", {})
    assert (status, "has no delivery absent" in answer["message"]) == (404, True)


def cloning(team: Team, role: str = "") -> str:
    """Make a pipeline whose build clones, and tells what it found."""
    exported = {"env": {"exported-variables": ["HEAD", "COMMITS", "BRANCHES"]}}
    commands = (
        "export HEAD=$(git rev-parse HEAD) COMMITS=$(git rev-list --count HEAD)",
        "git fetch --quiet origin feature",
        "export BRANCHES=$(git for-each-ref --format='%(refname:short)' refs/remotes/origin | sort | tr '\\n' ' ')",
    )
    build = Projects(team.workshop).build("Build", *commands, buildspec=exported)
    if role:
        project = build["configuration"]["ProjectName"]
        team.workshop.sandbox.client("codebuild").update_project(name=project, serviceRole=role)
    source = team.source(OutputArtifactFormat="CODEBUILD_CLONE_REF")
    return team.workshop.create(stage("Source", source), stage("Build", build))


def test_a_build_clones_with_all_its_history(team: Team) -> None:
    team.push("feature")
    commit = team.push()
    name = cloning(team)
    team.workshop.ended(name, "Succeeded")
    found = team.workshop.actions(name)["Build"]["output"]["outputVariables"]
    assert (found["HEAD"], found["COMMITS"]) == (commit, "3")
    assert {"origin/feature", "origin/main"} <= set(found["BRANCHES"].split())


def test_a_build_clones_with_its_own_role_only(team: Team) -> None:
    team.push("feature")
    statement = {"Effect": "Allow", "Action": ["s3:*", "logs:*"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = team.workshop.sandbox.role(f"build-{uuid.uuid4().hex[:8]}", "codebuild.amazonaws.com", policies=[policy])
    name = cloning(team, role)
    team.workshop.ended(name, "Failed")
    error = team.workshop.actions(name)["Build"]["output"]["executionResult"]["errorDetails"]["message"]
    assert "GIT_CLONE_FAILED" in error
    assert f"Unable to use Connection: {team.arn}" in error


def test_a_codecommit_source_is_cloned_too(workshop: Workshop) -> None:
    exported = {"env": {"exported-variables": ["HEAD"]}}
    build = Projects(workshop).build("Build", "export HEAD=$(git rev-parse HEAD)", buildspec=exported)
    source = workshop.source()
    source["configuration"]["OutputArtifactFormat"] = "CODEBUILD_CLONE_REF"
    name = workshop.create(stage("Source", source), stage("Build", build))
    workshop.ended(name, "Succeeded")
    found = workshop.actions(name)["Build"]["output"]["outputVariables"]["HEAD"]
    assert (
        found
        == workshop.api.get_pipeline_execution(
            pipelineName=name, pipelineExecutionId=workshop.executions(name)[0]["pipelineExecutionId"]
        )["pipelineExecution"]["artifactRevisions"][0]["revisionId"]
    )
