"""Pull requests of CodeCommit, as boto3 and EventBridge's targets see them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from harness import Sandbox, eventually


class Repository:
    """A repository with a commit on main, and one more on the branch `change`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.api, self.name = sandbox.client("codecommit"), f"pulls-{uuid.uuid4().hex[:8]}"
        self.arn = self.api.create_repository(repositoryName=self.name)["repositoryMetadata"]["Arn"]
        self.first = self.commit("main", "a.txt", "one\n")
        self.api.create_branch(repositoryName=self.name, branchName="change", commitId=self.first)
        self.proposed = self.commit("change", "b.txt", "two\n")

    def commit(self, branch: str, path: str, text: str) -> str:
        found = self.api.list_branches(repositoryName=self.name)["branches"]
        tip = {"parentCommitId": self.tip(branch)} if branch in found else {}
        put = [{"filePath": path, "fileContent": text.encode()}]
        made = self.api.create_commit(repositoryName=self.name, branchName=branch, putFiles=put, **tip)
        return str(made["commitId"])

    def tip(self, branch: str = "main") -> str:
        return str(self.api.get_branch(repositoryName=self.name, branchName=branch)["branch"]["commitId"])

    def propose(self, source: str = "change", destination: str = "main") -> dict[str, Any]:
        target = {"repositoryName": self.name, "sourceReference": source, "destinationReference": destination}
        made: dict[str, Any] = self.api.create_pull_request(title="Add two", targets=[target])["pullRequest"]
        return made

    def described(self, pull: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.api.get_pull_request(pullRequestId=pull["pullRequestId"])["pullRequest"]
        return found


@pytest.fixture
def repository(sandbox: Sandbox) -> Repository:
    return Repository(sandbox)


def refused(call: Callable[..., Any], **request: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**request)
    return str(error.value.response["Error"]["Code"])


def test_a_pull_request_names_both_branches_and_their_commits(repository: Repository) -> None:
    made = repository.propose()
    [target] = repository.described(made)["pullRequestTargets"]
    assert (made["pullRequestStatus"], target["mergeMetadata"]) == ("OPEN", {"isMerged": False})
    assert (target["sourceReference"], target["sourceCommit"]) == ("refs/heads/change", repository.proposed)
    assert (target["destinationCommit"], target["mergeBase"]) == (repository.first, repository.first)
    listed = repository.api.list_pull_requests(repositoryName=repository.name, pullRequestStatus="OPEN")
    assert listed["pullRequestIds"] == [made["pullRequestId"]]


def test_a_push_to_its_source_becomes_part_of_it(repository: Repository) -> None:
    made = repository.propose()
    again = repository.commit("change", "b.txt", "three\n")
    found = repository.described(made)
    assert found["pullRequestTargets"][0]["sourceCommit"] == again
    assert found["revisionId"] != made["revisionId"]


def test_rules_hear_of_it_and_of_each_push_to_it(repository: Repository, sandbox: Sandbox) -> None:
    sqs, events = sandbox.client("sqs"), sandbox.client("events")
    url = sqs.create_queue(QueueName=repository.name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Resource": arn}]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    pattern = {"detail-type": ["CodeCommit Pull Request State Change"], "resources": [repository.arn]}
    events.put_rule(Name=repository.name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=repository.name, Targets=[{"Id": "queue", "Arn": arn}])

    made = repository.propose()
    again = repository.commit("change", "b.txt", "three\n")
    repository.api.merge_pull_request_by_fast_forward(
        pullRequestId=made["pullRequestId"], repositoryName=repository.name
    )

    def heard() -> list[dict[str, Any]]:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0).get("Messages", [])
        details = [json.loads(each["Body"])["detail"] for each in found]
        return details if len(details) == 3 else []

    told = {each["event"]: each for each in eventually(heard)}
    assert told.keys() == {"pullRequestCreated", "pullRequestSourceBranchUpdated", "pullRequestMergeStatusUpdated"}
    assert told["pullRequestCreated"]["sourceCommit"] == repository.proposed
    assert told["pullRequestSourceBranchUpdated"]["sourceCommit"] == again
    assert told["pullRequestMergeStatusUpdated"]["isMerged"] == "True"


@pytest.mark.parametrize(("how", "parents"), [("fast_forward", 1), ("squash", 1), ("three_way", 2)])
def test_a_merge_brings_the_change_to_the_branch_and_closes_it(repository: Repository, how: str, parents: int) -> None:
    made = repository.propose()
    if how != "fast_forward":
        repository.commit("main", "c.txt", "meanwhile\n")
    merge = getattr(repository.api, f"merge_pull_request_by_{how}")
    merged = merge(pullRequestId=made["pullRequestId"], repositoryName=repository.name)["pullRequest"]

    facts = merged["pullRequestTargets"][0]["mergeMetadata"]
    assert (merged["pullRequestStatus"], facts["isMerged"]) == ("CLOSED", True)
    assert facts["mergeCommitId"] == repository.tip()
    commit = repository.api.get_commit(repositoryName=repository.name, commitId=repository.tip())["commit"]
    assert len(commit["parents"]) == parents
    found = repository.api.get_file(repositoryName=repository.name, commitSpecifier="main", filePath="b.txt")
    assert found["fileContent"] == b"two\n"


def test_what_can_not_be_merged_stays_open_and_the_branch_as_it_was(repository: Repository) -> None:
    made = repository.propose()
    moved = repository.commit("main", "b.txt", "other\n")
    given = {"pullRequestId": made["pullRequestId"], "repositoryName": repository.name}
    for how in ("fast_forward", "squash", "three_way"):
        merge = getattr(repository.api, f"merge_pull_request_by_{how}")
        assert refused(merge, **given) == "ManualMergeRequiredException"
    assert (repository.described(made)["pullRequestStatus"], repository.tip()) == ("OPEN", moved)


def test_comments_are_kept_in_their_order(repository: Repository) -> None:
    made = repository.propose()
    about = {"repositoryName": repository.name, "beforeCommitId": repository.first}
    about |= {"afterCommitId": repository.proposed, "pullRequestId": made["pullRequestId"]}
    for text in ("first", "second"):
        posted = repository.api.post_comment_for_pull_request(content=text, **about)
        assert posted["comment"]["content"] == text
    found = repository.api.get_comments_for_pull_request(pullRequestId=made["pullRequestId"])
    assert [each["comments"][0]["content"] for each in found["commentsForPullRequestData"]] == ["first", "second"]


def test_what_is_closed_is_not_merged_and_what_is_absent_is_told(repository: Repository) -> None:
    made = repository.propose()
    api, one = repository.api, {"pullRequestId": made["pullRequestId"]}
    closed = api.update_pull_request_status(pullRequestStatus="CLOSED", **one)["pullRequest"]
    assert closed["pullRequestStatus"] == "CLOSED"
    given = {**one, "repositoryName": repository.name}
    assert refused(api.merge_pull_request_by_squash, **given) == "PullRequestAlreadyClosedException"
    assert refused(api.get_pull_request, pullRequestId="999999") == "PullRequestDoesNotExistException"
    assert refused(repository.propose, source="absent") == "ReferenceDoesNotExistException"
    assert refused(repository.propose, source="main") == "SourceAndDestinationAreSameException"
