"""Code repositories: the links that show a git repository in Studio."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.sagemaker.tags import Tags
from smproject.sandbox.service import Caller, Request, ServiceError, now, page


class Repositories:
    """The operations on code repositories."""

    def __init__(self, tags: Tags) -> None:
        self.tags = tags
        self.repositories: dict[str, dict[str, Any]] = {}

    def create_code_repository(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Link a repository."""
        name = request["CodeRepositoryName"]
        arn = caller.arn_of("sagemaker", f"code-repository/{name}")
        if arn in self.repositories:
            raise ServiceError("ValidationException", f"Cannot create a duplicate code repository {arn}")
        times = {"CreationTime": now(), "LastModifiedTime": now()}
        self.repositories[arn] = {
            "CodeRepositoryName": name,
            "CodeRepositoryArn": arn,
            "GitConfig": request["GitConfig"],
            **times,
        }
        self.tags.set(arn, request.get("Tags", []))
        return {"CodeRepositoryArn": arn}

    def describe_code_repository(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a link."""
        return self.repositories[self._arn(caller, request)]

    def list_code_repositories(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the account's links."""
        prefix = caller.arn_of("sagemaker", "code-repository/")
        mine = [item for arn, item in self.repositories.items() if arn.startswith(prefix)]
        return page(mine, request, "CodeRepositorySummaryList")

    def delete_code_repository(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Remove a link."""
        del self.repositories[self._arn(caller, request)]
        return {}

    def _arn(self, caller: Caller, request: Request) -> str:
        name = request["CodeRepositoryName"]
        arn = caller.arn_of("sagemaker", f"code-repository/{name}")
        if arn not in self.repositories:
            raise ServiceError("ValidationException", f"Cannot find code repository {name}.")
        return arn
