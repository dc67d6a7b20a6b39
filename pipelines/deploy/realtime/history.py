"""What the deploy pipeline has brought into production."""

from typing import Any

STAGE, ACTION, RENDER = "Production", "Deploy", "Render"
TOUCHED = ("InProgress", "Succeeded", "Failed")


def digest_in_production(codepipeline: Any, pipeline: str) -> str | None:
    """RENDER_DIGEST of what production runs; None when nothing does, or when that is not certain."""
    deployed = _last_deployment(codepipeline, pipeline)
    if deployed is None or deployed["status"] != "Succeeded":
        return None
    execution = _execution(codepipeline, pipeline, deployed["pipelineExecutionId"])
    # A deployment that failed its test, or waits for it, may be rolled back.
    if execution is None or execution["status"] != "Succeeded":
        return None
    # A rollback runs the stage alone, with what an earlier execution rendered.
    source = execution.get("rollbackMetadata", {}).get("rollbackTargetPipelineExecutionId")
    return _digest(codepipeline, pipeline, source or deployed["pipelineExecutionId"])


def _actions(codepipeline: Any, pipeline: str, **arguments: Any) -> Any:
    pages = codepipeline.get_paginator("list_action_executions").paginate(pipelineName=pipeline, **arguments)
    return (page["actionExecutionDetails"] for page in pages)


def _last_deployment(codepipeline: Any, pipeline: str) -> dict[str, Any] | None:
    """The latest run of production's Deploy action; pages go back in time."""
    for page in _actions(codepipeline, pipeline):
        found = [each for each in page if (each["stageName"], each["actionName"]) == (STAGE, ACTION)]
        touched = [each for each in found if each["status"] in TOUCHED]
        if touched:
            latest: dict[str, Any] = max(touched, key=lambda each: each["startTime"])
            return latest
    return None


def _execution(codepipeline: Any, pipeline: str, execution_id: str) -> dict[str, Any] | None:
    pages = codepipeline.get_paginator("list_pipeline_executions").paginate(pipelineName=pipeline)
    summaries = (summary for page in pages for summary in page["pipelineExecutionSummaries"])
    return next((each for each in summaries if each["pipelineExecutionId"] == execution_id), None)


def _digest(codepipeline: Any, pipeline: str, execution_id: str) -> str | None:
    pages = _actions(codepipeline, pipeline, filter={"pipelineExecutionId": execution_id})
    for each in (action for page in pages for action in page):
        if (each["stageName"], each["actionName"], each["status"]) == (RENDER, RENDER, "Succeeded"):
            variables: dict[str, str] = each.get("output", {}).get("outputVariables", {})
            return variables.get("RENDER_DIGEST")
    return None
