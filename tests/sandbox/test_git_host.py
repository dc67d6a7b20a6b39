"""Pipelines whose source is a git host, reached by a connection: as git, boto3 and `smproject sandbox` see it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from git_team import WHO, Team
from workshop import Workshop

MAY = "codeconnections:UseConnection"


@pytest.fixture
def team(workshop: Workshop, tmp_path: Path) -> Team:
    return Team(workshop, tmp_path / "clone")


@pytest.fixture
def connected(team: Team) -> Iterator[Team]:
    """A team whose connection is complete, and whose main branch has a commit."""
    team.smproject("accept", team.connection)
    team.push()
    yield team


def why(team: Team, name: str) -> str:
    """Why a pipeline's source failed."""
    team.workshop.ended(name, "Failed")
    found = team.workshop.actions(name)["Source"]["output"]["executionResult"]["errorDetails"]
    return str(found["message"])


def test_a_push_starts_the_pipeline_with_its_commit(connected: Team) -> None:
    name = connected.pipeline()
    connected.workshop.token(name)

    commit = connected.push()

    execution = connected.started(name, commit)
    assert execution["trigger"] == {"triggerType": "WebhookV2", "triggerDetail": connected.arn}
    connected.workshop.token(name, execution=execution["pipelineExecutionId"])
    variables = connected.workshop.actions(name, execution["pipelineExecutionId"])["Source"]["output"][
        "outputVariables"
    ]
    assert variables["CommitId"] == commit
    assert variables["FullRepositoryName"] == connected.name
    assert variables["BranchName"] == "main"
    assert variables["CommitMessage"] == "Work on main"
    assert variables["ConnectionArn"] == connected.arn


def test_the_source_brings_the_tree_of_the_commit(connected: Team) -> None:
    name = connected.pipeline()
    connected.workshop.token(name)

    place = connected.workshop.actions(name)["Source"]["output"]["outputArtifacts"][0]["s3location"]

    stored = connected.workshop.sandbox.client("s3").get_object(Bucket=place["bucket"], Key=place["key"])
    assert (connected.folder / "README.md").read_bytes() in stored["Body"].read()


def test_a_push_to_another_branch_or_without_detection_starts_nothing(connected: Team) -> None:
    by_branch, quiet = connected.pipeline(), connected.pipeline(DetectChanges="false")
    for name in (by_branch, quiet):
        connected.workshop.token(name)

    connected.push("feature")
    commit = connected.push()

    connected.started(by_branch, commit)
    assert len(connected.workshop.executions(by_branch)) == 2
    assert len(connected.workshop.executions(quiet)) == 1


def test_triggers_say_which_branches_start_the_pipeline(connected: Team) -> None:
    branches = {"includes": ["main", "release/*"], "excludes": ["release/old"]}
    git = {"sourceActionName": "Source", "push": [{"branches": branches}]}
    name = connected.pipeline(triggers=[{"providerType": "CodeStarSourceConnection", "gitConfiguration": git}])
    connected.workshop.token(name)

    connected.push("feature")
    connected.push("release/old")
    commit = connected.push("release/2")

    execution = connected.started(name, commit)["pipelineExecutionId"]
    connected.workshop.token(name, execution=execution)
    shown = connected.workshop.actions(name, execution)["Approve"]["input"]["resolvedConfiguration"]
    assert shown == {"CustomData": "release/2"}
    assert len(connected.workshop.executions(name)) == 2


def test_triggers_that_can_not_be_are_refused(team: Team) -> None:
    def refused(**git: Any) -> str:
        trigger = {
            "providerType": "CodeStarSourceConnection",
            "gitConfiguration": {"sourceActionName": "Source", **git},
        }
        with pytest.raises(ClientError) as error:
            team.pipeline(triggers=[trigger])
        return str(error.value)

    assert "names source action Other" in refused(sourceActionName="Other")
    tags, branches = {"tags": {"includes": ["v*"]}}, {"branches": {"includes": ["*"]}}
    paths = {"filePaths": {"includes": ["*"]}}
    assert "tags together with branches" in refused(push=[{**tags, **branches}])
    assert "tags together with filePaths" in refused(push=[{**tags, **paths}])
    assert "filePaths without branches" in refused(push=[paths])
    assert "filePaths without branches" in refused(pullRequest=[paths])
    assert "neither includes nor excludes" in refused(push=[{"branches": {}}])
    assert "length less than or equal to 3" in refused(push=[branches] * 4)
    assert "length less than or equal to 8" in refused(push=[{"branches": {"includes": ["x"] * 9}}])
    assert "[OPEN, UPDATED, CLOSED]" in refused(pullRequest=[{"events": ["MERGED"], **branches}])


def test_a_source_action_has_one_trigger(team: Team) -> None:
    git = {"sourceActionName": "Source", "push": [{"branches": {"includes": ["main"]}}]}
    trigger = {"providerType": "CodeStarSourceConnection", "gitConfiguration": git}
    with pytest.raises(ClientError, match="more than one trigger configuration"):
        team.pipeline(triggers=[trigger, trigger])


def test_a_pending_connection_is_told_with_what_completes_it(team: Team) -> None:
    team.push()

    told = why(team, team.pipeline())

    assert f"Connection {team.connection} ({team.arn}) is PENDING" in told
    assert f"smproject sandbox accept {team.connection}" in told
    assert "is AVAILABLE" in team.smproject("accept", team.arn)
    assert team.api.get_connection(ConnectionArn=team.arn)["Connection"]["ConnectionStatus"] == "AVAILABLE"


def test_a_missing_repository_or_branch_is_told(connected: Team) -> None:
    assert why(connected, connected.pipeline("absent")) == (
        f"No Branch [absent] found for FullRepositoryName [{connected.name}]"
    )
    connected.name = "team/absent"
    assert f"Connection {connected.connection} reaches no repository team/absent" in why(
        connected, connected.pipeline()
    )


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ({"Action": MAY, "Resource": "ARN"}, True),
        ({"Action": MAY, "Resource": "OTHER"}, False),
        ({"Action": MAY, "Resource": "ARN", "Condition": {"StringEquals": {"KEY": "NAME"}}}, True),
        ({"Action": MAY, "Resource": "ARN", "Condition": {"StringEquals": {"KEY": "team/another"}}}, False),
    ],
    ids=["its connection", "another connection", "its repository", "another repository"],
)
def test_the_pipeline_s_role_needs_the_connection(statement: dict[str, Any], allowed: bool, connected: Team) -> None:
    meant = {"ARN": connected.arn, "OTHER": f"{connected.arn}x", "KEY": "codeconnections:FullRepositoryId"}
    text = json.dumps({"Effect": "Allow", **statement})
    for word, value in {**meant, "NAME": connected.name}.items():
        text = text.replace(f'"{word}"', f'"{value}"')
    store = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [json.loads(text), store]})
    principal = "codepipeline.amazonaws.com"
    role = connected.workshop.sandbox.role(f"source-{uuid.uuid4().hex[:8]}", principal, policies=[policy])
    name = connected.pipeline(role=role)

    if allowed:
        connected.workshop.token(name)
    else:
        assert why(connected, name) == (
            f"Unable to use Connection: {connected.arn}. The provided role does not have sufficient permissions."
        )


@pytest.fixture
def by_connection(connected: Team, tmp_path: Path) -> Any:
    """Git, by the connection's own URL, as a role that may only read by it; its exit status and what it said."""
    where = f"{connected.arn.split(':')[4]}/us-east-1/{connected.arn.rpartition('/')[2]}"
    endpoint = connected.workshop.sandbox.endpoint
    needs = {"StringEquals": {"codeconnections:ProviderPermissionsRequired": "read_only"}}
    allowed = {"Effect": "Allow", "Action": MAY, "Resource": connected.arn, "Condition": needs}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    account = f"arn:aws:iam::{connected.arn.split(':')[4]}:root"
    role = connected.workshop.sandbox.role(f"reads-{uuid.uuid4().hex[:8]}", account, policies=[policy])
    keys = connected.workshop.sandbox.client("sts").assume_role(RoleArn=role, RoleSessionName="git")["Credentials"]

    def run(*words: str, repository: str = connected.name) -> tuple[int, str]:
        aws = Path(sys.executable).with_name("aws")
        helper = f"!f() {{ test $1 != get || {aws} codecommit credential-helper --ignore-host-check get; }}; f"
        given = {"AWS_ACCESS_KEY_ID": keys["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"]}
        given |= {"AWS_SESSION_TOKEN": keys["SessionToken"], "AWS_DEFAULT_REGION": "us-east-1"}
        url = f"{endpoint}/git-http/{where}/{repository}.git"
        settings = ["-c", f"credential.helper={helper}", "-c", "credential.UseHttpPath=true"]
        command = ["git", *settings, *(url if word == "URL" else word for word in words)]
        quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_GLOBAL": os.devnull}
        done = subprocess.run(
            command,
            cwd=connected.folder,
            env=os.environ | given | quiet | WHO,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return run


def test_git_reads_and_writes_by_a_connection_as_the_role_may(connected: Team, by_connection: Any) -> None:
    head = connected.git("rev-parse", "HEAD").strip()

    status, told = by_connection("ls-remote", "URL", "refs/heads/main")
    assert (status, told.splitlines()[0]) == (0, f"{head}\trefs/heads/main")
    status, told = by_connection("push", "URL", "HEAD:refs/heads/other")
    assert status != 0
    assert "does not have sufficient permissions" in told
    status, told = by_connection("ls-remote", "URL", repository="team/absent")
    assert f"Connection {connected.connection} reaches no repository team/absent" in told


def test_a_protected_branch_takes_no_push(workshop: Workshop, tmp_path: Path) -> None:
    team = Team(workshop, tmp_path / "clone", protected=("main",))

    assert "refs/heads/main is protected" in team.push(status=1)

    team.push("feature")
    assert "refs/heads/main" not in team.git("ls-remote", "origin")


def test_a_private_repository_asks_who_clones_it(team: Team, tmp_path: Path) -> None:
    url = team.smproject("repository", f"{team.name}-own", "--private").strip()
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_GLOBAL": os.devnull}

    def cloned(address: str, to: str) -> int:
        command = ["git", "clone", "--quiet", address, str(tmp_path / to)]
        return subprocess.run(command, env=os.environ | quiet, capture_output=True, check=False).returncode

    assert cloned(url, "stranger") != 0
    assert cloned(url.replace("://", "://dev:any@"), "owner") == 0


def test_what_the_owner_asks_wrongly_is_told(team: Team) -> None:
    assert f"Repository {team.name} exists already" in team.smproject("repository", team.name, status=1)
    assert "Give OWNER/NAME" in team.smproject("repository", "alone", status=1)
    assert "There is no connection 'absent'" in team.smproject("accept", "absent", status=1)
