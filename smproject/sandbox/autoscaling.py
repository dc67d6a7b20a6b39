"""Application Auto Scaling: moto keeps targets and policies; their tags are kept here, which it lacks."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.service import Caller, Request, Service, ServiceError
from smproject.sandbox.world import World


class AutoScalingService(Service):
    """The tags of scalable targets. Nothing is ever scaled: policies are kept, not followed."""

    name = "application-autoscaling"
    over_moto = True

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._tags: dict[str, dict[str, str]] = {}

    def tag_resource(self, caller: Caller, request: Request) -> None:
        """Add tags, or change their values."""
        self._of(caller, request).update(request["Tags"])

    def untag_resource(self, caller: Caller, request: Request) -> None:
        """Remove tags by key."""
        tags = self._of(caller, request)
        for key in request["TagKeys"]:
            tags.pop(key, None)

    def list_tags_for_resource(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return a target's tags."""
        return {"Tags": self._of(caller, request)}

    def _of(self, caller: Caller, request: Request) -> dict[str, str]:
        arn = request["ResourceARN"]
        if not arn.startswith(caller.arn_of("application-autoscaling", "scalable-target/")):
            raise ServiceError("ResourceNotFoundException", f"No scalable target found for resource {arn}")
        return self._tags.setdefault(arn, {})
