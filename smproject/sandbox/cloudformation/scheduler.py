"""The order in which a stack's resources are worked on: each after those it depends on, independent ones at once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import CycleError, TopologicalSorter
from typing import TypeVar

from smproject.sandbox.cloudformation import graph
from smproject.sandbox.cloudformation.intrinsics import Scope
from smproject.sandbox.cloudformation.stacks import Definition, Resource

_AT_ONCE = 8
Node = TypeVar("Node", bound=Hashable)


def always() -> bool:
    """Let a walk go on to its end."""
    return True


def walk(after: Mapping[Node, set[Node]], act: Callable[[Node], bool], goes_on: Callable[[], bool] = always) -> None:
    """Act on each node once all those it comes after went well, on several at once.

    `act` tells whether it went well; `goes_on` is asked before each node, and what has begun is ended in any case.
    """
    sorter = TopologicalSorter(after)
    sorter.prepare()
    ready, running = list(sorter.get_ready()), dict[Future[bool], Node]()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        while ready or running:
            while ready and len(running) < _AT_ONCE and goes_on():
                node = ready.pop(0)
                running[pool.submit(act, node)] = node
            if not running:
                return
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                node = running.pop(future)
                if future.result():
                    sorter.done(node)
            ready += sorter.get_ready()


def building(definition: Definition, names: list[str], scope: Scope) -> dict[str, set[str]]:
    """Return which of a definition's resources comes after which."""
    items = definition.template["Resources"]
    return {name: graph.dependencies(items[name], scope.condition) & set(names) for name in names}


def dismantling(found: list[Resource]) -> dict[int, set[int]]:
    """Return, by their places in the list, which resource goes after which: after all that depend on it."""
    depends = [graph.dependencies(resource.declared, None) for resource in found]
    after = {
        place: {other for other, names in enumerate(depends) if resource.logical_id in names and other != place}
        for place, resource in enumerate(found)
    }
    try:
        TopologicalSorter(after).prepare()
    except CycleError:  # they stem from several templates, whose references cross: one after another, last first
        return {place: set(range(place + 1, len(found))) for place in after}
    return after
