"""The CloudFormation API."""

from __future__ import annotations

from smproject.sandbox.cloudformation import definitions, types
from smproject.sandbox.cloudformation.book import Book
from smproject.sandbox.cloudformation.change_sets.service import ChangeSets
from smproject.sandbox.cloudformation.drift.service import Drift
from smproject.sandbox.cloudformation.exports import Exports
from smproject.sandbox.cloudformation.macros import Macros
from smproject.sandbox.cloudformation.operations import Operations
from smproject.sandbox.cloudformation.protection import Protection
from smproject.sandbox.cloudformation.queries import Queries
from smproject.sandbox.cloudformation.signals import Signals
from smproject.sandbox.cloudformation.stack_sets.instances import StackInstances
from smproject.sandbox.cloudformation.stack_sets.operations import StackSetOperations
from smproject.sandbox.cloudformation.stack_sets.service import StackSets
from smproject.sandbox.cloudformation.stack_sets.shelf import Shelf
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
            "DisableValidation",
            "ForceRollback",
            "ResourceTypes",
        }
    )

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.book, self.macros = Book(), Macros()
        self.operations = Operations(world, self.book)
        change_sets, shelf = ChangeSets(world, self.book, self.operations), Shelf(world)
        self.parts = [
            self.operations,
            Queries(self.book),
            Exports(self.book),
            Protection(world, self.book),
            change_sets,
            Signals(self.book),
            Templates(world, self.book, change_sets, shelf),
            Drift(world, self.book),
            StackSets(shelf),
            StackInstances(shelf),
            StackSetOperations(shelf),
        ]

    def handler(self, operation: str) -> Handler | None:
        """Find the operation among the parts."""
        return self.first_handler(self.parts, operation)

    def fetch(self, caller: Caller, url: str) -> str:
        """Read a template from S3 with the caller's credentials."""
        return definitions.fetch(self.world, caller, url)
