"""A creation that takes too long; the clock is the only thing that is not real here."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from smproject.sandbox.cloudformation import executor, run
from smproject.sandbox.cloudformation.book import Book
from smproject.sandbox.cloudformation.stacks import Definition, Stack
from smproject.sandbox.moto_seam import Credentials
from smproject.sandbox.service import Caller
from smproject.sandbox.world import World

TEMPLATE = {"Resources": {"A": {"Type": "AWS::SNS::Topic"}}}


@pytest.mark.parametrize(("on_failure", "status"), [("ROLLBACK", "ROLLBACK_COMPLETE"), ("DO_NOTHING", "CREATE_FAILED")])
def test_a_creation_that_is_out_of_time_begins_nothing_more_and_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, on_failure: str, status: str
) -> None:
    world = World(tmp_path, "http://127.0.0.1:1", "us-east-1")  # where nobody listens: nothing may be called
    services: dict[str, object] = {"cloudformation": SimpleNamespace(book=Book())}
    monkeypatch.setattr(world, "services", services)
    clock = iter([0.0] + [61.0] * 100)
    monkeypatch.setattr(run, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    owner = Caller("111111111111", "us-east-1", "arn", Credentials("a", "b", "", "111111111111", "arn"))
    stack = Stack("late", "id", owner, Definition("", TEMPLATE, {}, {}, {}, []), on_failure, timeout_minutes=1)
    executor.create(world, stack, ["A"])
    assert (stack.status, stack.resources) == (status, {})
    reasons = [str(event.get("ResourceStatusReason")) for event in stack.events]
    assert reasons[0].startswith("Stack creation time exceeded the specified timeout.")
