"""What becomes of executions that a stop of the sandbox has cut off.

Those that waited, for a person or for their turn, go on waiting. Where an action was under way, it fails, and its
stage can be retried.
"""

from __future__ import annotations

from smproject.sandbox.codepipeline.executor import Executor
from smproject.sandbox.codepipeline.model import ActionRun, Execution, Pipeline
from smproject.sandbox.service import Request
from smproject.sandbox.world import World


def resume(world: World, pipeline: Pipeline) -> None:
    """Take up all executions of a pipeline, those in line before a stage in their order."""
    lines, pipeline.waiting = pipeline.waiting, {}
    places = {execution.id: stage for stage, line in lines.items() for execution in line}
    in_line = [execution for line in lines.values() for execution in line]
    others = [execution for execution in pipeline.executions if execution.id not in places]
    for execution in [*others, *in_line]:
        if not execution.is_over:
            _take_up(Executor(world, pipeline, execution), execution, places.get(execution.id))


def _take_up(executor: Executor, execution: Execution, line: str | None) -> None:
    stages: list[Request] = execution.declaration["stages"]
    entered = next((stage for stage in stages if execution.stages.get(stage["name"]) == "InProgress"), None)
    runs = [run for run in execution.actions if run.status == "InProgress"]
    if entered and any(not _waits(run) for run in runs):
        executor.interrupt(entered, runs)
        return
    first = entered["name"] if entered else line or _next(executor.pipeline, execution)
    if first is None:
        executor.complete()
        return
    done = {run.name for run in execution.actions if (run.stage, run.status) == (first, "Succeeded")}
    executor.go_on(first, frozenset(done if entered else ()))


def _next(pipeline: Pipeline, execution: Execution) -> str | None:
    """Return the stage that an execution comes to next: what it holds, as a rollback does, or has not ended."""
    held = next((stage for stage, holder in pipeline.occupied.items() if holder is execution), None)
    if held or execution.target:
        return held
    names = [stage["name"] for stage in execution.declaration["stages"]]
    return next((name for name in names if execution.stages.get(name) not in ("Succeeded", "Skipped")), None)


def _waits(run: ActionRun) -> bool:
    """Tell whether an action does nothing but wait for a person."""
    return bool(run.declaration["actionTypeId"]["provider"] == "Manual")
