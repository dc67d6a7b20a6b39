"""CodeCommit: real bare repositories, git over HTTP, and an event for each reference that a push moves."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from smproject.sandbox import codecommit_commits as commits
from smproject.sandbox import git_http, moto_seam
from smproject.sandbox.codecommit_pull_service import PullRequests
from smproject.sandbox.codecommit_records import Record, changing
from smproject.sandbox.git_repository import GitError, GitRepository
from smproject.sandbox.service import Caller, Request, ServiceError, page
from smproject.sandbox.world import World

_ROUTE = re.compile(r"/v1/repos/([\w.-]+?)(?:\.git)?/(info/refs|git-upload-pack|git-receive-pack)")
_CREDENTIALS = "Configure git's credential helper: `aws codecommit credential-helper --ignore-host-check $@`."


class CodeCommitService(PullRequests):
    """CodeCommit over bare repositories in `home/git/<account>`."""

    name = "codecommit"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._records: dict[tuple[str, str], Record] = {}
        self._root = world.home / "git"

    def resume(self) -> None:
        """Forget records without a repository, and remove repositories without a record: a kill came in between."""
        self._records = {key: record for key, record in self._records.items() if record.git.path.is_dir()}
        known = {record.git.path for record in self._records.values()}
        for path in set(self._root.glob("*/*.git")) - known:
            shutil.rmtree(path)

    def create_repository(self, caller: Caller, request: Request) -> Request:
        """Make an empty repository."""
        name = request["repositoryName"]
        if (caller.account, name) in self._records:
            raise ServiceError("RepositoryNameExistsException", f"Repository named {name} already exists")
        if name.endswith(".git"):
            raise ServiceError("InvalidRepositoryNameException", f"The repository name {name} must not end with .git.")
        git = GitRepository(self._root / caller.account / f"{name}.git")
        shutil.rmtree(git.path, ignore_errors=True)  # a sandbox of an earlier day left it: nothing knows it any more
        git.create()
        facts = request.get("repositoryDescription"), request.get("kmsKeyId"), dict(request.get("tags") or {})
        record = Record(caller.account, caller.region, name, git, *facts)
        self._records[caller.account, name] = record
        return {"repositoryMetadata": self._metadata(record)}

    def get_repository(self, caller: Caller, request: Request) -> Request:
        """Describe a repository."""
        return {"repositoryMetadata": self._metadata(self._find(caller.account, request))}

    def batch_get_repositories(self, caller: Caller, request: Request) -> Request:
        """Describe several repositories; those that do not exist are named."""
        names = request["repositoryNames"]
        found = [self._records[caller.account, name] for name in names if (caller.account, name) in self._records]
        missing = [name for name in names if (caller.account, name) not in self._records]
        return {"repositories": [self._metadata(record) for record in found], "repositoriesNotFound": missing}

    def list_repositories(self, caller: Caller, request: Request) -> Request:
        """List the account's repositories."""
        mine = [record for (account, _), record in sorted(self._records.items()) if account == caller.account]
        if request.get("sortBy") == "lastModifiedDate":
            mine.sort(key=lambda record: record.modified)
        if request.get("order") == "descending":
            mine.reverse()
        listed = [{"repositoryName": record.name, "repositoryId": record.id} for record in mine]
        return page(listed, request, "repositories", "maxResults", "nextToken", default=1000)

    def update_repository_description(self, caller: Caller, request: Request) -> None:
        """Change a repository's description."""
        record = self._find(caller.account, request)
        record.description, record.modified = request.get("repositoryDescription"), datetime.now(timezone.utc)

    def delete_repository(self, caller: Caller, request: Request) -> Request:
        """Delete a repository and its content; like AWS, deleting one that is not there is no error."""
        record = self._records.pop((caller.account, request["repositoryName"]), None)
        if record is None:
            return {}
        shutil.rmtree(record.git.path)
        return {"repositoryId": record.id}

    def get_branch(self, caller: Caller, request: Request) -> Request:
        """Return the commit at a branch's tip."""
        record = self._find(caller.account, request)
        name = request.get("branchName")
        if not name:
            raise ServiceError("BranchNameRequiredException", "A branch name is required, but was not specified.")
        commit = record.git.branches().get(name)
        if commit is None:
            raise ServiceError(
                "BranchDoesNotExistException", f"Branch {name} does not exist in repository {record.name}"
            )
        return {"branch": {"branchName": name, "commitId": commit}}

    def list_branches(self, caller: Caller, request: Request) -> Request:
        """List a repository's branches."""
        branches = sorted(self._find(caller.account, request).git.branches())
        return page(branches, request, "branches", "maxResults", "nextToken")

    def create_branch(self, caller: Caller, request: Request) -> None:
        """Make a branch at a commit."""
        record, name = self._find(caller.account, request), request["branchName"]
        if name in record.git.branches():
            raise ServiceError("BranchNameExistsException", f"Branch {name} already exists in repository {record.name}")
        commit = self._commit(record, request["commitId"], "CommitDoesNotExistException")
        try:
            with changing(self.world, record, caller.arn):
                record.git.create_branch(name, commit)
        except GitError as error:
            raise ServiceError("InvalidBranchNameException", f"Branch {name} cannot be created: {error}") from error

    def get_commit(self, caller: Caller, request: Request) -> Request:
        """Describe a commit."""
        record = self._find(caller.account, request)
        commit = self._commit(record, request["commitId"], "CommitIdDoesNotExistException")
        fields = ("%T", "%P", "%an", "%ae", "%ad", "%cn", "%ce", "%cd", "%B")
        tree, parents, *people, message = record.git.show(commit, *fields)
        author, committer = (dict(zip(("name", "email", "date"), who, strict=True)) for who in (people[:3], people[3:]))
        facts = {"commitId": commit, "treeId": tree, "parents": parents.split(), "message": message}
        return {"commit": {**facts, "author": author, "committer": committer, "additionalData": ""}}

    def get_file(self, caller: Caller, request: Request) -> Request:
        """Return a file of a commit, the default branch's unless one is named."""
        record = self._find(caller.account, request)
        commit = self._commit(record, request.get("commitSpecifier") or "HEAD", "CommitDoesNotExistException")
        path = request["filePath"].lstrip("/")
        found = next((file for file in record.git.files(commit) if file.path == path), None)
        if found is None:
            raise ServiceError("FileDoesNotExistException", f"File {path} does not exist in commit {commit}")
        content = record.git.content(found.blob)
        facts = {"commitId": commit, "blobId": found.blob, "filePath": path, "fileMode": found.mode}
        return {**facts, "fileSize": len(content), "fileContent": content}

    def put_file(self, caller: Caller, request: Request) -> Request:
        """Commit one file on a branch."""
        change = {name: request.get(name) for name in ("filePath", "fileContent", "fileMode") if request.get(name)}
        facts = {"authorName": request.get("name"), "putFiles": [{"fileContent": b"", **change}]}
        try:
            made = self.create_commit(caller, {**request, **facts})
        except ServiceError as error:
            if error.code == "NoChangeException":
                raise ServiceError("SameFileContentException", "The branch has this file already.") from error
            raise
        blob = (made["filesAdded"] + made["filesUpdated"])[0]["blobId"]
        return {"commitId": made["commitId"], "blobId": blob, "treeId": made["treeId"]}

    def create_commit(self, caller: Caller, request: Request) -> Request:
        """Commit several files on a branch, which an empty repository gets by it."""
        record = self._find(caller.account, request)
        with changing(self.world, record, caller.arn):
            return commits.commit(record.git, request, caller.arn)

    def seed(self, caller: Caller, repository_name: str, zip_bytes: bytes, branch: str) -> str:
        """Make an empty repository's first commit from a zip, as CloudFormation's `Code` does; return its id."""
        record = self._find(caller.account, {"repositoryName": repository_name})
        with changing(self.world, record, caller.arn):
            return commits.seed(record.git, zip_bytes, branch)

    def archive(self, account: str, repository_name: str, commit: str) -> bytes:
        """Return a commit's tree as a zip, which is what CodePipeline fetches with codecommit:UploadArchive."""
        return self._find(account, {"repositoryName": repository_name}).git.archive(commit)

    def tag_resource(self, caller: Caller, request: Request) -> None:
        """Add tags to a repository."""
        self._by_arn(caller, request).tags.update(request["tags"])

    def untag_resource(self, caller: Caller, request: Request) -> None:
        """Remove tags from a repository."""
        tags = self._by_arn(caller, request).tags
        for key in request["tagKeys"]:
            tags.pop(key, None)

    def list_tags_for_resource(self, caller: Caller, request: Request) -> Request:
        """List a repository's tags."""
        return {"tags": dict(self._by_arn(caller, request).tags)}

    def git_http(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer git, whose user name is an access key (and, after `%`, the session's token)."""
        user = git_http.user_name(environ)
        if user is None:
            challenge = ("WWW-Authenticate", 'Basic realm="CodeCommit"')
            return git_http.refuse(start_response, "401 Unauthorized", _CREDENTIALS, challenge)
        identity = moto_seam.identify(user.partition("%")[0])
        if identity is None:
            text = "The sandbox has not issued this access key: use one of its profiles."
            return git_http.refuse(start_response, "403 Forbidden", text)
        route = _ROUTE.fullmatch(environ["PATH_INFO"])
        record = self._records.get((identity.account, route.group(1))) if route else None
        if route is None or record is None:
            wanted = route.group(1) if route else environ["PATH_INFO"]
            text = f"Repository {wanted} does not exist in account {identity.account}."
            return git_http.refuse(start_response, "404 Not Found", text)
        path = f"{record.account}/{record.git.path.name}/{route.group(2)}"
        if route.group(2) != "git-receive-pack":
            return git_http.serve(environ, start_response, self._root, path, identity.arn)
        with changing(self.world, record, identity.arn):
            return git_http.serve(environ, start_response, self._root, path, identity.arn)

    def _find(self, account: str, request: Request) -> Record:
        name = request.get("repositoryName")
        if not name:
            raise ServiceError(
                "RepositoryNameRequiredException", "A repository name is required, but was not specified."
            )
        if (account, name) not in self._records:
            raise ServiceError("RepositoryDoesNotExistException", f"{name} does not exist")
        return self._records[account, name]

    def _by_arn(self, caller: Caller, request: Request) -> Record:
        return self._find(caller.account, {"repositoryName": request["resourceArn"].rpartition(":")[2]})

    def _commit(self, record: Record, specifier: str, error: str) -> str:
        commit = record.git.resolve(specifier)
        if commit is None:
            raise ServiceError(error, f"Commit {specifier} does not exist in repository {record.name}")
        return commit

    def _metadata(self, record: Record) -> Request:
        facts = {"repositoryDescription": record.description, "kmsKeyId": record.kms_key}
        facts["defaultBranch"] = record.git.default_branch()
        return {name: value for name, value in facts.items() if value is not None} | {
            "accountId": record.account,
            "repositoryId": record.id,
            "repositoryName": record.name,
            "lastModifiedDate": record.modified,
            "creationDate": record.created,
            "cloneUrlHttp": f"{self.world.endpoint}/v1/repos/{record.name}",
            "cloneUrlSsh": f"ssh://git-codecommit.{record.region}.amazonaws.com/v1/repos/{record.name}",
            "Arn": record.arn,
        }
