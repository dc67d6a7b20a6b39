"""Commits that CodeCommit makes itself, from requests and from a zip."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import PurePosixPath

from smproject.sandbox.git_repository import Change, File, GitError, GitRepository, Signature
from smproject.sandbox.service import Request, ServiceError

_EXECUTABLE = 0o111 << 16  # where a zip keeps the permissions of Unix


def commit(git: GitRepository, request: Request, by: str) -> Request:
    """Make the commit that CreateCommit asks for; return its answer."""
    branch = request["branchName"]
    if request.get("setFileModes") or any("sourceFile" in put for put in request.get("putFiles", [])):
        raise ServiceError("InvalidParameterException", "The sandbox implements neither setFileModes nor sourceFile.")
    changes = [_written(put) for put in request.get("putFiles", [])]
    changes += [Change(_checked(gone["filePath"]), None) for gone in request.get("deleteFiles", [])]
    parent = _parent(git, branch, request.get("parentCommitId"))
    before = git.files(parent) if parent else []
    _check_changes(before, changes)
    author = Signature(request.get("authorName") or by, request.get("email") or "")
    made = _make(git, branch, parent, changes, request.get("commitMessage") or "", author)
    return {"commitId": made, "treeId": git.show(made, "%T")[0], **_compare(before, git.files(made))}


def seed(git: GitRepository, content: bytes, branch: str) -> str:
    """Make the first commit of an empty repository from a zip; return its id."""
    if git.references():
        raise ServiceError(
            "InvalidParameterException", f"The repository {git.path.stem} has commits: it cannot be seeded."
        )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            changes = [Change(_checked(entry.filename), archive.read(entry), _mode(entry)) for entry in entries]
    except zipfile.BadZipFile as error:
        raise ServiceError("InvalidParameterException", f"The repository's code is not a zip: {error}") from error
    return _make(git, branch, None, changes, "Initial commit", Signature("AWS CloudFormation", ""))


def _make(  # noqa: PLR0913, PLR0917 - what git asks for
    git: GitRepository, branch: str, parent: str | None, changes: list[Change], message: str, by: Signature
) -> str:
    try:
        return git.commit(branch, parent, changes, message, by)
    except GitError as error:
        raise ServiceError(
            "InvalidParameterException", f"Git refuses the commit on branch {branch}: {error}"
        ) from error


def _check_changes(before: list[File], changes: list[Change]) -> None:
    """Refuse to delete what is not there, and to commit what changes nothing."""
    old = {file.path: file for file in before}
    for change in changes:
        if change.content is None and change.path not in old:
            raise ServiceError("FileDoesNotExistException", f"File {change.path} does not exist.")
    if all(_is_same(old.get(change.path), change) for change in changes):
        raise ServiceError("NoChangeException", "The commit would change nothing.")


def _is_same(file: File | None, change: Change) -> bool:
    if file is None or change.content is None:
        return False
    blob = hashlib.sha1(b"blob %d\0%s" % (len(change.content), change.content), usedforsecurity=False).hexdigest()
    return (file.blob, file.mode) == (blob, change.mode)


def _parent(git: GitRepository, branch: str, given: str | None) -> str | None:
    """Return the tip of a branch, which the caller must know when the branch has commits."""
    branches = git.branches()
    if branches and branch not in branches:
        raise ServiceError(
            "BranchDoesNotExistException", f"Branch {branch} does not exist in repository {git.path.stem}"
        )
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
