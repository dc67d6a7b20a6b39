"""CodeCommit's API of pull requests."""

from __future__ import annotations

from collections.abc import Iterator

from smproject.sandbox import codecommit_pulls as pulls
from smproject.sandbox.codecommit_pulls import CLOSED, OPEN, PullRequest
from smproject.sandbox.codecommit_records import Record, changing
from smproject.sandbox.git_repository import Signature
from smproject.sandbox.service import Caller, Request, Service, ServiceError, page


class PullRequests(Service):
    """The operations on pull requests, over the records of repositories."""

    _records: dict[tuple[str, str], Record]

    def create_pull_request(self, caller: Caller, request: Request) -> Request:
        """Propose to merge a branch into another."""
        if len(request["targets"]) != 1:
            raise ServiceError("MultipleRepositoriesInPullRequestException", "Give exactly one target.")
        record = self._repository(caller, request["targets"][0]["repositoryName"])
        number = 1 + sum(len(each.pulls) for each in self._records.values() if each.account == caller.account)
        made = pulls.propose(record, request, number, caller.arn)
        record.pulls[made.id] = made
        pulls.tell(self.world, record, made, "pullRequestCreated", caller.arn)
        return {"pullRequest": made.describe()}

    def get_pull_request(self, caller: Caller, request: Request) -> Request:
        """Describe a pull request."""
        return {"pullRequest": self._pull(caller, request)[1].describe()}

    def list_pull_requests(self, caller: Caller, request: Request) -> Request:
        """List the ids of a repository's pull requests, the newest first."""
        found = iter(self._repository(caller, request["repositoryName"]).pulls.values())
        return page(pulls.listed(found, request), request, "pullRequestIds", "maxResults", "nextToken")

    def update_pull_request_title(self, caller: Caller, request: Request) -> Request:
        """Change a title."""
        pull = self._pull(caller, request)[1]
        pull.title = request["title"]
        return {"pullRequest": pull.describe()}

    def update_pull_request_description(self, caller: Caller, request: Request) -> Request:
        """Change a description."""
        pull = self._pull(caller, request)[1]
        pull.description = request["description"]
        return {"pullRequest": pull.describe()}

    def update_pull_request_status(self, caller: Caller, request: Request) -> Request:
        """Close a pull request without merging it: nothing opens it again."""
        record, pull = self._open(caller, request)
        if request["pullRequestStatus"] != CLOSED:
            raise ServiceError(
                "InvalidPullRequestStatusUpdateException", f"A pull request that is {OPEN} can be closed."
            )
        pull.status = CLOSED
        pulls.tell(self.world, record, pull, "pullRequestStatusChanged", caller.arn)
        return {"pullRequest": pull.describe()}

    def post_comment_for_pull_request(self, caller: Caller, request: Request) -> Request:
        """Say something of a pull request."""
        if "location" in request:
            raise ServiceError("InvalidParameterException", "The sandbox implements no comments on single lines.")
        return pulls.comment(self._pull(caller, request)[1], request, caller.arn)

    def get_comments_for_pull_request(self, caller: Caller, request: Request) -> Request:
        """List what was said, the oldest first."""
        found = self._pull(caller, request)[1].comments
        return page(found, request, "commentsForPullRequestData", "maxResults", "nextToken", default=100)

    def merge_pull_request_by_fast_forward(self, caller: Caller, request: Request) -> Request:
        """Move the branch to the source's commit."""
        return self._merge(caller, request, "fast-forward")

    def merge_pull_request_by_squash(self, caller: Caller, request: Request) -> Request:
        """Merge as one commit of one parent."""
        return self._merge(caller, request, "squash")

    def merge_pull_request_by_three_way(self, caller: Caller, request: Request) -> Request:
        """Merge as a commit of two parents."""
        return self._merge(caller, request, "three-way")

    def _merge(self, caller: Caller, request: Request, how: str) -> Request:
        record, pull = self._open(caller, request)
        if request.get("sourceCommitId") not in (None, pull.source_commit):
            raise ServiceError(
                "TipOfSourceReferenceIsDifferentException", f"The source is at {pull.source_commit} now."
            )
        message = request.get("commitMessage") or f"Merge pull request {pull.id}: {pull.title}"
        by = Signature(request.get("authorName") or caller.arn, request.get("email") or "")
        with changing(self.world, record, caller.arn):
            commit = pulls.merged(record, pull, how, message, by)
        pull.status = CLOSED
        pull.merge = {"isMerged": True, "mergedBy": caller.arn, "mergeCommitId": commit, "mergeOption": _OPTIONS[how]}
        pulls.tell(self.world, record, pull, "pullRequestMergeStatusUpdated", caller.arn)
        return {"pullRequest": pull.describe()}

    def _open(self, caller: Caller, request: Request) -> tuple[Record, PullRequest]:
        record, pull = self._pull(caller, request)
        if pull.status == CLOSED:
            raise ServiceError("PullRequestAlreadyClosedException", f"Pull request {pull.id} is closed.")
        return record, pull

    def _pull(self, caller: Caller, request: Request) -> tuple[Record, PullRequest]:
        wanted = request["pullRequestId"]
        for record in self._of(caller):
            if wanted in record.pulls:
                return record, record.pulls[wanted]
        raise ServiceError("PullRequestDoesNotExistException", f"Pull request {wanted} does not exist.")

    def _of(self, caller: Caller) -> Iterator[Record]:
        yield from (record for (account, _), record in self._records.items() if account == caller.account)

    def _repository(self, caller: Caller, name: str) -> Record:
        if (caller.account, name) not in self._records:
            raise ServiceError("RepositoryDoesNotExistException", f"{name} does not exist")
        return self._records[caller.account, name]


_OPTIONS = {"fast-forward": "FAST_FORWARD_MERGE", "squash": "SQUASH_MERGE", "three-way": "THREE_WAY_MERGE"}
