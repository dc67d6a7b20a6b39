"""Tags of SageMaker's resources, by ARN."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.service import Caller, Request


class Tags:
    """The operations on tags."""

    def __init__(self) -> None:
        self._tags: dict[str, dict[str, str]] = {}

    def set(self, arn: str, tags: list[dict[str, str]]) -> None:
        """Record the tags that a resource is created with."""
        self._tags[arn] = {tag["Key"]: tag["Value"] for tag in tags}

    def of(self, arn: str) -> list[dict[str, str]]:
        """Return a resource's tags."""
        return [{"Key": key, "Value": value} for key, value in self._tags.get(arn, {}).items()]

    def add_tags(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Add tags, or change their values."""
        tags = self._tags.setdefault(request["ResourceArn"], {})
        tags.update({tag["Key"]: tag["Value"] for tag in request["Tags"]})
        return {"Tags": self.of(request["ResourceArn"])}

    def list_tags(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List a resource's tags."""
        return {"Tags": self.of(request["ResourceArn"])}

    def delete_tags(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Remove tags by key."""
        for key in request["TagKeys"]:
            self._tags.get(request["ResourceArn"], {}).pop(key, None)
        return {}
