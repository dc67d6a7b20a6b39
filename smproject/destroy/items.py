"""What a project leaves: one thing, and how each kind of thing is found and deleted."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from smproject.destroy.owner import Owner


@dataclass(frozen=True)
class Item:
    """A thing to delete: what it is, its name, and what goes with it."""

    kind: str
    name: str
    detail: str = ""
    delete: Callable[[], None] = field(default=lambda: None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.kind} {self.name}" + (f" ({self.detail})" if self.detail else "")


# Finds all things of a kind that are an owner's.
Finder = Callable[[Any, Owner], Iterator[Item]]


def pages(client: Any, operation: str, key: str, **request: Any) -> Iterator[Any]:
    """Yield the entries of every page of a listing."""
    for page in client.get_paginator(operation).paginate(**request):
        yield from page[key]
