"""Rolling a stage back: it runs again with the artifacts and variables of an execution that succeeded in it.

Source: docs.aws.amazon.com/codepipeline/latest/userguide/stage-rollback.html. The stage stays locked from the failure
to the end of the rollback, so that no waiting execution comes between; AWS's documents don't say what happens there.
"""

from __future__ import annotations

import json

from smproject.sandbox.codepipeline.model import Execution, Pipeline
from smproject.sandbox.service import Request, ServiceError


def automatic(pipeline: Pipeline, stage: Request, failed: Execution) -> tuple[Execution | None, str]:
    """Return the execution that rolls a failed stage back, if there has to be one, and a sentence about it."""
    if (stage.get("onFailure") or {}).get("result") != "ROLLBACK":
        return None, ""
    if failed.target:
        return None, f"Stage {stage['name']} is not rolled back again: this execution was a rollback."
    for target in reversed(pipeline.executions):
        if target is not failed and _obstacle(pipeline, stage["name"], target) is None:
            detail = json.dumps({"FailedPipelineExecutionId": failed.id})
            rollback = begin(pipeline, stage["name"], target, "AutomatedRollback", detail)
            return rollback, f"Stage {stage['name']} is rolled back to {target.id} by {rollback.id}."
    version = pipeline.declaration["version"]
    return None, f"Stage {stage['name']} was not rolled back: no execution of version {version} has succeeded in it."


def manual(pipeline: Pipeline, stage: str, target: Execution, starter: str) -> Execution:
    """Return the execution that rolls a stage back for `starter`; raises ServiceError when that can't be."""
    if pipeline.declaration["executionMode"] == "PARALLEL":
        raise _unable("Stage rollback is not available in PARALLEL mode.")
    if stage == pipeline.declaration["stages"][0]["name"]:
        raise _unable(f"{stage} is the source stage, which cannot be rolled back.")
    if stage in pipeline.occupied:
        raise _unable(f"Stage {stage} is being run by execution {pipeline.occupied[stage].id}.")
    if obstacle := _obstacle(pipeline, stage, target):
        raise obstacle
    return begin(pipeline, stage, target, "ManualRollback", starter)


def begin(pipeline: Pipeline, stage: str, target: Execution, trigger: str, detail: str) -> Execution:
    """Make the rollback's execution, which holds the stage from now on."""
    cause = {"triggerType": trigger, "triggerDetail": detail}
    rollback = Execution(target.declaration, cause, dict(target.variables), target=target)
    pipeline.executions.append(rollback)
    pipeline.occupied[stage] = rollback
    return rollback


def _obstacle(pipeline: Pipeline, stage: str, target: Execution) -> ServiceError | None:
    """Tell why a stage can't be rolled back to an execution; None when it can."""
    if target.declaration["version"] != pipeline.declaration["version"]:
        message = f"Execution {target.id} ran version {target.declaration['version']} of the pipeline, not the current."
        return ServiceError("PipelineExecutionOutdatedException", message)
    if target.target:
        return _unable(f"Execution {target.id} was itself a rollback.")
    if target.stages.get(stage) != "Succeeded":
        return _unable(f"Execution {target.id} has not succeeded in stage {stage}.")
    return None


def _unable(message: str) -> ServiceError:
    return ServiceError("UnableToRollbackStageException", message)
