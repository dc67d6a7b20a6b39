"""What the sandbox's services know of a resource that decides who may do what: its policy and its tags.

Our own services are asked by the operations that show these; moto's by moto_resources.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from smproject.sandbox import moto_resources
from smproject.sandbox.moto_seam import PARTITION, Credentials
from smproject.sandbox.permissions.document import kept
from smproject.sandbox.permissions.policy import Policy
from smproject.sandbox.permissions.tagging import pairs
from smproject.sandbox.service import Caller, Service, ServiceError

if TYPE_CHECKING:
    from smproject.sandbox.world import World

# Operation, the member that takes a resource's ARN or, with `/`, the last part of it, and where the answer is.
_POLICIES = {
    "lambda": ("GetPolicy", "FunctionName", "Policy"),
    "sagemaker": ("GetModelPackageGroupPolicy", "ModelPackageGroupName", "ResourcePolicy"),
}
_HAVE_POLICIES = ("function:", "model-package-group/", "model-package/")
_TAGS = {
    "cloudformation": ("DescribeStacks", "StackName", "Stacks.0.Tags"),
    "codebuild": ("BatchGetProjects", "names[]/", "projects.0.tags"),
    "codecommit": ("ListTagsForResource", "resourceArn", "tags"),
    "codeconnections": ("ListTagsForResource", "ResourceArn", "Tags"),
    "codepipeline": ("ListTagsForResource", "resourceArn", "tags"),
    "lambda": ("ListTags", "Resource", "Tags"),
    "sagemaker": ("ListTags", "ResourceArn", "Tags"),
}


class Records:
    """The policies and tags of all accounts' resources, by ARN."""

    def __init__(self, world: World) -> None:
        self._world = world

    def policy(self, arn: str) -> Policy | None:
        """Return the policy of a resource; None when it has none."""
        _, _, signing, _, _, resource = arn.split(":", 5)
        if signing in _POLICIES:
            text = self._shown(arn, *_POLICIES[signing]) if resource.startswith(_HAVE_POLICIES) else ""
        else:
            text = moto_resources.policy_of(arn)
        return kept(str(text), arn) if text else None

    def tags(self, arn: str) -> dict[str, str]:
        """Return the tags of a resource, by their names in lower case."""
        signing = arn.split(":")[2]
        if signing in _TAGS and signing in self._world.services:
            found = dict(pairs(self._shown(arn, *_TAGS[signing]) or {}))
        else:
            found = moto_resources.tags_of(arn)
        return {name.lower(): value for name, value in found.items()}

    def stack_id(self, account: str, region: str, known: dict[str, str]) -> str:
        """Return the id of a stack by its name (`StackName`) or a change set's ARN (`ChangeSetName`); else nothing."""
        if "StackName" in known:
            return str(
                _at(self._ask("cloudformation", account, region, "DescribeStacks", known), "Stacks.0.StackId") or ""
            )
        return str(_at(self._ask("cloudformation", account, region, "DescribeChangeSet", known), "StackId") or "")

    def _shown(self, arn: str, operation: str, member: str, place: str) -> Any:
        signing, region, account = arn.split(":")[2:5]
        value: Any = arn.rpartition("/")[2] if member.endswith("/") else _group(arn) if "Group" in member else arn
        plain = member.rstrip("/")
        request = {plain.removesuffix("[]"): [value] if plain.endswith("[]") else value}
        return _at(self._ask(signing, account, region, operation, request), place)

    def _ask(self, signing: str, account: str, region: str, operation: str, request: dict[str, Any]) -> Any:
        """Return a service's answer; nothing when it refuses, as it does for what isn't there."""
        service: Service | None = self._world.services.get(signing)
        handler = service.handler(operation) if service else None
        if handler is None:
            return {}
        arn = f"arn:{PARTITION}:iam::{account}:role/aws-service-role/records"
        caller = Caller(account, region, arn, Credentials("", "", "", account, arn, arn))
        with suppress(ServiceError):
            return handler(caller, request) or {}
        return {}


def _group(arn: str) -> str:
    """Return the ARN of the model package group to which a version belongs."""
    head, _, name = arn.partition(":model-package/")
    return f"{head}:model-package-group/{name.partition('/')[0]}" if name else arn


def _at(found: Any, place: str) -> Any:
    """Return what a path such as `Stacks.0.Tags` leads to; None where it ends before."""
    for step in place.split("."):
        if isinstance(found, Mapping):
            found = found.get(step)
        elif isinstance(found, list) and step.isdigit() and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return found
