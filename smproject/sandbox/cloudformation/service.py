"""The CloudFormation API."""

from __future__ import annotations

from smproject.sandbox.cloudformation import definitions, types
from smproject.sandbox.cloudformation.book import Book
from smproject.sandbox.cloudformation.operations import Operations
from smproject.sandbox.cloudformation.queries import Queries
from smproject.sandbox.cloudformation.templates_api import Templates
from smproject.sandbox.service import Caller, Handler, Service
from smproject.sandbox.world import World

types.load()


class CloudFormation(Service):
    """Stacks: created, updated and deleted asynchronously, with events, rollback and outputs."""

    name = "cloudformation"
    unsupported = frozenset(
        {
            "DeploymentConfig",
            "EnableTerminationProtection",
            "NotificationARNs",
            "ResourceTypes",
            "RetainExceptOnCreate",
            "RetainResources",
            "RollbackConfiguration",
            "StackPolicyBody",
            "StackPolicyDuringUpdateBody",
            "StackPolicyDuringUpdateURL",
            "StackPolicyURL",
            "TimeoutInMinutes",
        }
    )

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.book = Book()
        self.operations = Operations(world, self.book)
        self.parts = [self.operations, Queries(self.book), Templates(world, self.book)]

    def handler(self, operation: str) -> Handler | None:
        """Find the operation among the parts."""
        return self.first_handler(self.parts, operation)

    def fetch(self, caller: Caller, url: str) -> str:
        """Read a template from S3 with the caller's credentials."""
        return definitions.fetch(self.world, caller, url)
