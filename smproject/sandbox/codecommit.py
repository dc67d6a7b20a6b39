"""CodeCommit: real bare repositories, git over HTTP, and an event for each reference that a push moves."""

from __future__ import annotations

import io
import re
import shutil
import threading
import uuid
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import PurePosixPath
from typing import Any

from smproject.sandbox import git_http, moto_seam
from smproject.sandbox.events import events_of
from smproject.sandbox.git_repository import Change, File, GitError, GitRepository, Signature
from smproject.sandbox.service import Caller, Request, Service, ServiceError, page
from smproject.sandbox.world import World

_ROUTE = re.compile(r"/v1/repos/([\w.-]+?)(?:\.git)?/(info/refs|git-upload-pack|git-receive-pack)")
_EXECUTABLE = 0o111 << 16  # where a zip keeps the permissions of Unix
_CREDENTIALS = "Configure git's credential helper: `aws codecommit credential-helper --ignore-host-check $@`."


@dataclass
class Record:
    """What CodeCommit knows of a repository besides its content; `lock` makes changes to its references one by one."""

    account: str
    region: str
    name: str
    git: GitRepository
    description: str | None
    kms_key: str | None
    tags: dict[str, str]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    modified: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def arn(self) -> str:
        """The repository's ARN."""
        return f"arn:aws:codecommit:{self.region}:{self.account}:{self.name}"


class CodeCommitService(Service):
    """CodeCommit over bare repositories in `home/git/<account>`."""

    name = "codecommit"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._records: dict[tuple[str, str], Record] = {}
        self._root = world.home / "git"

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
            with self._changing(record, caller.arn):
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
        made = self.create_commit(caller, {**request, **facts})
        blob = (made["filesAdded"] + made["filesUpdated"])[0]["blobId"]
        return {"commitId": made["commitId"], "blobId": blob, "treeId": made["treeId"]}

    def create_commit(self, caller: Caller, request: Request) -> Request:
        """Commit several files on a branch, which an empty repository gets by it."""
        record, branch = self._find(caller.account, request), request["branchName"]
        if request.get("setFileModes") or any("sourceFile" in put for put in request.get("putFiles", [])):
            raise ServiceError(
                "InvalidParameterException", "The sandbox implements neither setFileModes nor sourceFile."
            )
        changes = [_written(put) for put in request.get("putFiles", [])]
        changes += [Change(_checked(gone["filePath"]), None) for gone in request.get("deleteFiles", [])]
        with self._changing(record, caller.arn):
            parent = _parent(record, branch, request.get("parentCommitId"))
            before = record.git.files(parent) if parent else []
            by = Signature(request.get("authorName") or caller.arn, request.get("email") or "")
            commit = record.git.commit(branch, parent, changes, request.get("commitMessage") or "", by)
        return {
            "commitId": commit,
            "treeId": record.git.show(commit, "%T")[0],
            **_compare(before, record.git.files(commit)),
        }

    def seed(self, caller: Caller, repository_name: str, zip_bytes: bytes, branch: str) -> str:
        """Make an empty repository's first commit from a zip, as CloudFormation's `Code` does; return its id."""
        record = self._find(caller.account, {"repositoryName": repository_name})
        with zipfile.ZipFile(io.BytesIO(zip_bytes)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            changes = [Change(_checked(e.filename), archive.read(e), _mode(e)) for e in entries]
        with self._changing(record, caller.arn):
            return record.git.commit(branch, None, changes, "Initial commit", Signature("AWS CloudFormation", ""))

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
        with self._changing(record, identity.arn):
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

    @contextmanager
    def _changing(self, record: Record, by: str) -> Iterator[None]:
        """Emit an event for each reference that changes inside the block."""
        with record.lock:
            before = record.git.references()
            yield
            record.git.choose_default_branch()
            after = record.git.references()
            record.modified = datetime.now(timezone.utc)
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                self._emit(record, name, before.get(name), after.get(name), by)

    def _emit(self, record: Record, reference: str, old: str | None, new: str | None, by: str) -> None:
        """Emit the event of docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html."""
        kind, _, short = reference.removeprefix("refs/").partition("/")
        event = "referenceDeleted" if new is None else "referenceCreated" if old is None else "referenceUpdated"
        commits = {name: value for name, value in (("commitId", new), ("oldCommitId", old)) if value}
        names = {"repositoryName": record.name, "repositoryId": record.id, "callerUserArn": by}
        what = {"referenceType": {"heads": "branch", "tags": "tag"}[kind], "referenceName": short}
        detail = {"event": event, **names, **what, "referenceFullName": reference, **commits}
        title = "CodeCommit Repository State Change"
        events_of(self.world).emit(record.account, record.region, "aws.codecommit", title, detail, [record.arn])


def _parent(record: Record, branch: str, given: str | None) -> str | None:
    """Return the tip of a branch, which the caller must know when the branch has commits."""
    branches = record.git.branches()
    if branches and branch not in branches:
        raise ServiceError("BranchDoesNotExistException", f"Branch {branch} does not exist in repository {record.name}")
    tip = branches.get(branch)
    if tip and not given:
        raise ServiceError(
            "ParentCommitIdRequiredException", f"Branch {branch} has commits: give parentCommitId {tip}."
        )
    if given != tip:
        raise ServiceError("ParentCommitIdOutdatedException", f"The tip of branch {branch} is {tip}, not {given}.")
    return tip


def _written(put: Request) -> Change:
    return Change(_checked(put["filePath"]), put.get("fileContent") or b"", put.get("fileMode") or "NORMAL")


def _checked(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or parts[0] == "/" or {"..", ".git"} & set(parts) or path.startswith('"') or "\n" in path:
        raise ServiceError("InvalidPathException", f"The path {path!r} is not a valid path inside a repository.")
    return "/".join(parts)


def _mode(entry: zipfile.ZipInfo) -> str:
    return "EXECUTABLE" if entry.external_attr & _EXECUTABLE else "NORMAL"


def _compare(before: list[File], after: list[File]) -> dict[str, list[Request]]:
    old, new = ({file.path: file for file in files} for files in (before, after))
    kept = old.keys() & new.keys()
    return {
        "filesAdded": [_described(new[path]) for path in sorted(new.keys() - old.keys())],
        "filesUpdated": [_described(new[path]) for path in sorted(kept) if new[path] != old[path]],
        "filesDeleted": [_described(old[path]) for path in sorted(old.keys() - new.keys())],
    }


def _described(file: File) -> Request:
    return {"absolutePath": file.path, "blobId": file.blob, "fileMode": file.mode}
