"""CodeCommit as git, boto3 and the AWS CLI see it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest
import urllib3
from harness import ACCOUNTS, Sandbox


def git(sandbox: Sandbox, cwd: Path, *arguments: str, profile: str = "development") -> subprocess.CompletedProcess[str]:
    """Run git with the AWS CLI's credential helper, set up by environment variables only."""
    scope = f"credential.{sandbox.endpoint}"
    settings = [
        (f"{scope}.helper", ""),  # forgets the helpers of whoever runs the tests
        (f"{scope}.helper", "!aws codecommit credential-helper --ignore-host-check $@"),
        (f"{scope}.UseHttpPath", "true"),
        ("user.name", "Tester"),
        ("user.email", "tester@example.com"),
        ("init.defaultBranch", "main"),
    ]
    environment = sandbox.environment(profile) | {"GIT_CONFIG_COUNT": str(len(settings)), "GIT_TERMINAL_PROMPT": "0"}
    for number, (key, value) in enumerate(settings):
        environment |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(["git", *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def make_repository(sandbox: Sandbox, name: str) -> dict[str, Any]:
    made = sandbox.client("codecommit").create_repository(repositoryName=name, tags={"made-by": "tests"})
    return dict(made["repositoryMetadata"])


def push_first_commit(sandbox: Sandbox, folder: Path, url: str, files: dict[str, bytes]) -> Path:
    work = folder / "first"
    work.mkdir()
    for name, content in files.items():
        (work / name).write_bytes(content)
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "First"], ["push", "-q", url, "HEAD:main"]):
        done = git(sandbox, work, *command)
        assert done.returncode == 0, done.stderr
    return work


def test_a_clone_holds_what_was_pushed(sandbox: Sandbox, tmp_path: Path) -> None:
    repository = make_repository(sandbox, "pushed")
    large = os.urandom(3 << 20)  # larger than git's http.postBuffer, so it comes in chunks
    push_first_commit(sandbox, tmp_path, repository["cloneUrlHttp"], {"large.bin": large, "README.md": b"hello\n"})
    done = git(sandbox, tmp_path, "clone", "-q", repository["cloneUrlHttp"], "second")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "second" / "large.bin").read_bytes() == large
    described = sandbox.client("codecommit").get_repository(repositoryName="pushed")["repositoryMetadata"]
    assert described["defaultBranch"] == "main"


def test_the_call_log_says_who_pushed_and_who_cloned(sandbox: Sandbox, tmp_path: Path) -> None:
    url = make_repository(sandbox, "told")["cloneUrlHttp"]
    push_first_commit(sandbox, tmp_path, url, {"README.md": b"hello\n"})
    assert git(sandbox, tmp_path, "clone", "-q", url, "copy").returncode == 0
    calls = [json.loads(line) for line in (sandbox.home / "calls.jsonl").read_text().splitlines()]
    done = {(call["operation"], call["principal"]) for call in calls if call["status"] == 200}
    scientist = f"arn:aws:sts::{ACCOUNTS['development']}:assumed-role/DataScientist/development"
    assert {("GitPush", scientist), ("GitPull", scientist)} <= done


def test_the_first_pushed_branch_becomes_the_default(sandbox: Sandbox, tmp_path: Path) -> None:
    url = make_repository(sandbox, "trunk")["cloneUrlHttp"]
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"], ["push", "-q", url, "HEAD:trunk"]):
        assert git(sandbox, tmp_path, *command).returncode == 0
    assert git(sandbox, tmp_path, "clone", "-q", url, "copy").returncode == 0
    assert git(sandbox, tmp_path / "copy", "branch", "--show-current").stdout == "trunk\n"


def test_another_account_does_not_see_a_repository(sandbox: Sandbox, tmp_path: Path) -> None:
    url = make_repository(sandbox, "private")["cloneUrlHttp"]
    done = git(sandbox, tmp_path, "clone", url, "stolen", profile="production")
    assert done.returncode != 0
    assert f"Repository private does not exist in account {ACCOUNTS['production']}." in done.stderr
    client = sandbox.client("codecommit", "production")
    with pytest.raises(client.exceptions.RepositoryDoesNotExistException):
        client.get_repository(repositoryName="private")


@pytest.mark.parametrize(
    ("header", "status"), [({}, 401), ({"Authorization": "Basic QUtJQTAwMDAwMDAwMDAwMDAwMDA6eA=="}, 403)]
)
def test_git_must_say_who_it_is(sandbox: Sandbox, header: dict[str, str], status: int) -> None:
    url = f"{make_repository(sandbox, f'guarded-{status}')['cloneUrlHttp']}/info/refs?service=git-upload-pack"
    answer = urllib3.request("GET", url, headers=header)
    assert answer.status == status
    assert ("Basic" in answer.headers.get("WWW-Authenticate", "")) == (status == 401)


def test_files_committed_by_the_api_are_in_a_clone(sandbox: Sandbox, tmp_path: Path) -> None:
    client = sandbox.client("codecommit")
    url = make_repository(sandbox, "by-api")["cloneUrlHttp"]
    puts = [
        {"filePath": "run.sh", "fileContent": b"#!/bin/sh\n", "fileMode": "EXECUTABLE"},
        {"filePath": "docs/a b.md", "fileContent": b"words\n"},
    ]
    first = client.create_commit(repositoryName="by-api", branchName="main", putFiles=puts, commitMessage="Two files")
    assert [file["absolutePath"] for file in first["filesAdded"]] == ["docs/a b.md", "run.sh"]
    second = client.put_file(
        repositoryName="by-api",
        branchName="main",
        fileContent=b"more words\n",
        filePath="docs/a b.md",
        parentCommitId=first["commitId"],
        commitMessage="One file",
        name="Ada",
        email="ada@example.com",
    )
    assert git(sandbox, tmp_path, "clone", "-q", url, "copy").returncode == 0
    assert (tmp_path / "copy" / "docs" / "a b.md").read_text() == "more words\n"
    assert os.access(tmp_path / "copy" / "run.sh", os.X_OK)
    commit = client.get_commit(repositoryName="by-api", commitId=second["commitId"])["commit"]
    assert (commit["message"].strip(), commit["author"]["name"]) == ("One file", "Ada")
    assert commit["parents"] == [first["commitId"]]
    found = client.get_file(repositoryName="by-api", filePath="run.sh")
    assert (found["fileContent"], found["fileMode"]) == (b"#!/bin/sh\n", "EXECUTABLE")


def test_a_commit_on_an_old_tip_is_refused(sandbox: Sandbox) -> None:
    client = sandbox.client("codecommit")
    make_repository(sandbox, "moved-on")
    put = {"repositoryName": "moved-on", "branchName": "main", "filePath": "a"}
    first = client.put_file(**put, fileContent=b"1")["commitId"]
    client.put_file(**put, fileContent=b"2", parentCommitId=first)
    with pytest.raises(client.exceptions.ParentCommitIdOutdatedException):
        client.put_file(**put, fileContent=b"3", parentCommitId=first)
    with pytest.raises(client.exceptions.ParentCommitIdRequiredException):
        client.put_file(**put, fileContent=b"3")


def test_a_commit_that_changes_nothing_is_refused(sandbox: Sandbox) -> None:
    client = sandbox.client("codecommit")
    make_repository(sandbox, "unchanged")
    put = {"repositoryName": "unchanged", "branchName": "main", "filePath": "a", "fileContent": b"1"}
    tip = client.put_file(**put)["commitId"]
    with pytest.raises(client.exceptions.SameFileContentException):
        client.put_file(**put, parentCommitId=tip)
    absent = {"deleteFiles": [{"filePath": "absent"}], "parentCommitId": tip}
    with pytest.raises(client.exceptions.FileDoesNotExistException):
        client.create_commit(repositoryName="unchanged", branchName="main", **absent)
    assert client.get_branch(repositoryName="unchanged", branchName="main")["branch"]["commitId"] == tip


def test_a_commit_cannot_smuggle_in_commands_by_its_author(sandbox: Sandbox) -> None:
    client = sandbox.client("codecommit")
    make_repository(sandbox, "smuggled")
    name = "Eve <eve> 0 +0000\ndata 0\n\ncommit refs/heads/other\n"
    put = {"filePath": "a", "fileContent": b"1"}
    client.create_commit(repositoryName="smuggled", branchName="main", putFiles=[put], authorName=name, email="e\nx")
    assert client.list_branches(repositoryName="smuggled")["branches"] == ["main"]
    make_repository(sandbox, "empty")
    with pytest.raises(botocore.exceptions.ClientError, match="not a valid branch name"):
        client.create_commit(repositoryName="empty", branchName="a\nb", putFiles=[put])


@pytest.mark.parametrize(
    ("name", "path"), [("up", "../escape"), ("root", "/absolute"), ("git", ".git/config"), ("over", "a/../b")]
)
def test_a_path_outside_the_tree_is_refused(sandbox: Sandbox, name: str, path: str) -> None:
    client = sandbox.client("codecommit")
    make_repository(sandbox, name)
    with pytest.raises(client.exceptions.InvalidPathException):
        client.put_file(repositoryName=name, branchName="main", filePath=path, fileContent=b"x")
    assert client.list_branches(repositoryName=name)["branches"] == []


def test_branches_are_made_and_listed(sandbox: Sandbox) -> None:
    client = sandbox.client("codecommit")
    make_repository(sandbox, "branched")
    commit = client.put_file(repositoryName="branched", branchName="main", filePath="a", fileContent=b"1")["commitId"]
    client.create_branch(repositoryName="branched", branchName="next", commitId=commit)
    pages = client.get_paginator("list_branches").paginate(repositoryName="branched")
    assert [name for found in pages for name in found["branches"]] == ["main", "next"]
    assert client.get_branch(repositoryName="branched", branchName="next")["branch"]["commitId"] == commit
    with pytest.raises(client.exceptions.BranchDoesNotExistException):
        client.get_branch(repositoryName="branched", branchName="none")
    with pytest.raises(client.exceptions.BranchNameExistsException):
        client.create_branch(repositoryName="branched", branchName="next", commitId=commit)


def test_a_repository_lives_from_creation_to_deletion(sandbox: Sandbox) -> None:
    client = sandbox.client("codecommit")
    made = make_repository(sandbox, "short-lived")
    assert made["Arn"] == f"arn:aws:codecommit:us-east-1:{ACCOUNTS['development']}:short-lived"
    with pytest.raises(client.exceptions.RepositoryNameExistsException):
        client.create_repository(repositoryName="short-lived")
    client.update_repository_description(repositoryName="short-lived", repositoryDescription="words")
    batch = client.batch_get_repositories(repositoryNames=["short-lived", "absent"])
    assert batch["repositories"][0]["repositoryDescription"] == "words"
    assert batch["repositoriesNotFound"] == ["absent"]
    client.tag_resource(resourceArn=made["Arn"], tags={"a": "b"})
    client.untag_resource(resourceArn=made["Arn"], tagKeys=["made-by"])
    assert client.list_tags_for_resource(resourceArn=made["Arn"])["tags"] == {"a": "b"}
    client.delete_repository(repositoryName="short-lived")
    pages = client.get_paginator("list_repositories").paginate()
    assert "short-lived" not in [found["repositoryName"] for listed in pages for found in listed["repositories"]]


def test_the_aws_cli_reads_a_repository(sandbox: Sandbox) -> None:
    made = make_repository(sandbox, "for-cli")
    shown = sandbox.run_cli("codecommit", "get-repository", "--repository-name", "for-cli")
    assert json.loads(shown.stdout)["repositoryMetadata"]["cloneUrlHttp"] == made["cloneUrlHttp"], shown.stderr
    missing = sandbox.run_cli("codecommit", "get-repository", "--repository-name", "absent")
    assert missing.returncode != 0
    assert "RepositoryDoesNotExistException" in missing.stderr
