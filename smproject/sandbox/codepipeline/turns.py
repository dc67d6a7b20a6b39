"""Whose turn it is in a stage: executions enter one by one, unless the pipeline's mode is PARALLEL.

Source: docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works.html (execution modes).
"""

from __future__ import annotations

from smproject.sandbox.codepipeline.model import Execution, Pipeline


def arrive(pipeline: Pipeline, execution: Execution, stage: str) -> None:
    """Stand in line before a stage; in SUPERSEDED mode the newcomer takes the place of whoever waits there."""
    if execution.mode == "PARALLEL" or pipeline.occupied.get(stage) is execution:
        return
    with pipeline.changed:
        line = pipeline.waiting.setdefault(stage, [])
        if execution.mode == "SUPERSEDED":
            for older in line:
                older.status, older.summary = "Superseded", f"Superseded by {execution.id} before stage {stage}."
            line.clear()
        line.append(execution)
        pipeline.changed.notify_all()


def take_turn(pipeline: Pipeline, execution: Execution, stage: str) -> bool:
    """Wait for the stage and enter it; return False when the execution was superseded or stopped meanwhile."""
    if execution.mode == "PARALLEL":
        return execution.stop is None
    with pipeline.changed:
        if pipeline.occupied.get(stage) is execution:  # a rollback holds its stage from the start
            if execution.stop:
                leave(pipeline, execution, stage, None)
            return execution.stop is None
        line = pipeline.waiting[stage]
        pipeline.changed.wait_for(
            lambda: execution.is_over or execution.stop or (stage not in pipeline.occupied and line[:1] == [execution])
        )
        if execution in line:
            line.remove(execution)
        if execution.is_over or execution.stop:
            pipeline.changed.notify_all()
            return False
        pipeline.occupied[stage] = execution
        return True


def leave(pipeline: Pipeline, execution: Execution, stage: str, following: str | None) -> None:
    """Leave a stage and, in the same moment, stand in line before the following one."""
    with pipeline.changed:
        if following:
            arrive(pipeline, execution, following)
        if pipeline.occupied.get(stage) is execution:
            del pipeline.occupied[stage]
        pipeline.changed.notify_all()
