"""Outputs that stacks export, by names that are unique in an account and region, and the stacks that import them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-exports.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from smproject.sandbox.cloudformation.book import Book
from smproject.sandbox.cloudformation.intrinsics import Scope
from smproject.sandbox.cloudformation.masks import masked, of_resources
from smproject.sandbox.cloudformation.stacks import Definition, Stack
from smproject.sandbox.cloudformation.syntax import call_of
from smproject.sandbox.service import Caller, Request, ServiceError, page


class Exports:
    """The exports of all stacks, read from their outputs."""

    def __init__(self, book: Book) -> None:
        self.book = book

    def exports(self, caller: Caller) -> dict[str, tuple[str, Stack]]:
        """Return the value and the stack of each export in the caller's account and region."""
        return {
            name: (value, stack)
            for stack in self.book.all_live(caller)
            for name, value in _named(stack.outputs).items()
        }

    def importers(self, caller: Caller, name: str) -> list[Stack]:
        """Return the stacks that import an export."""
        return [stack for stack in self.book.all_live(caller) if name in stack.imports]

    def value(self, caller: Caller, name: str) -> str:
        """Return an export's value; raises ServiceError (ValidationError) when there is none."""
        found = self.exports(caller).get(name)
        if found is None:
            raise ServiceError("ValidationError", f"No export named {name} found.")
        return found[0]

    def settle(self, stack: Stack, outputs: list[dict[str, str]]) -> None:
        """Give a stack its outputs; raises ServiceError for a name that another has and for changes of what is in use.

        The book's lock is held.
        """
        wanted, others = _named(outputs), self.exports(stack.owner)
        for name in wanted:
            if name in others and others[name][1] is not stack:
                message = f"Export with name {name} is already exported by stack {others[name][1].name}"
                raise ServiceError("ValidationError", message)
        for name, value in _named(stack.outputs).items():
            if wanted.get(name) != value:
                self.demand_unused(stack, name, "updated" if name in wanted else "deleted")
        stack.outputs = outputs

    def demand_unused(self, stack: Stack, name: str, done: str) -> None:
        """Raise ServiceError (ValidationError) when an export is in use by other stacks."""
        users = [user.name for user in self.importers(stack.owner, name) if user is not stack]
        if users:
            message = f"Export {name} cannot be {done} as it is in use by {' and '.join(users)}"
            raise ServiceError("ValidationError", message)

    def demand_all_unused(self, stack: Stack) -> None:
        """Raise ServiceError (ValidationError) when any export of a stack is in use."""
        for name in _named(stack.outputs):
            self.demand_unused(stack, name, "deleted")

    def list_exports(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the exports of the caller's account and region."""
        found = sorted(self.exports(caller).items(), key=lambda item: item[0])
        listed = [
            {"ExportingStackId": stack.id, "Name": name, "Value": masked(value, of_resources(stack.resources.values()))}
            for name, (value, stack) in found
        ]
        return page(listed, request, "Exports")

    def list_imports(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the names of the stacks that import an export."""
        name = request["ExportName"]
        self.value(caller, name)
        users = [stack.name for stack in self.importers(caller, name)]
        if not users:
            raise ServiceError("ValidationError", f"Export '{name}' is not imported by any stack.")
        return page(users, request, "Imports")


def _named(outputs: list[dict[str, str]]) -> dict[str, str]:
    return {output["ExportName"]: output["OutputValue"] for output in outputs if "ExportName" in output}


def check_imports(scope: Scope, definition: Definition, order: list[str]) -> None:
    """Raise ServiceError (ValidationError) for the first export that a stack's resources import and nobody exports."""
    for name in order:
        for argument in _imports(scope, definition.template["Resources"][name].get("Properties")):
            scope.imports(scope.resolve(argument))


def _imports(scope: Scope, value: Any) -> Iterator[Any]:
    """Yield the argument of each Fn::ImportValue in a value, where a Fn::If chooses it."""
    name, argument = call_of(value) or ("", [])
    if name == "Fn::ImportValue":
        yield argument
    elif name == "Fn::If":
        yield from _imports(scope, argument[1 if scope.condition(argument[0]) else 2])
    else:
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
            yield from _imports(scope, item)
