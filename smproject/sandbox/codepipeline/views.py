"""How pipelines and executions look in CodePipeline's answers."""

from __future__ import annotations

from smproject.sandbox.codepipeline.model import ActionRun, Execution, Pipeline, RuleRun, present
from smproject.sandbox.service import Request

_DECLARED = ("actionTypeId", "configuration", "roleArn", "region", "namespace")  # of an action


def pipeline_summary(pipeline: Pipeline) -> Request:
    """Return a line of ListPipelines."""
    kept = ("name", "version", "pipelineType", "executionMode")
    facts = {name: pipeline.declaration[name] for name in kept}
    return {**facts, "created": pipeline.created, "updated": pipeline.updated}


def execution_view(execution: Execution) -> Request:
    """Return GetPipelineExecution's answer."""
    runs = [(run, artifact) for run in execution.source_runs() for artifact in run.outputs]
    return {
        "pipelineName": execution.declaration["name"],
        "pipelineVersion": execution.declaration["version"],
        "artifactRevisions": [
            {"name": made.name, "created": run.updated, **(run.revision or {})} for run, made in runs
        ],
        "variables": [{"name": name, "resolvedValue": value} for name, value in execution.variables.items()],
        **_execution_facts(execution),
    }


def execution_summary(execution: Execution) -> Request:
    """Return a line of ListPipelineExecutions."""
    revisions = [{"actionName": run.name, **(run.revision or {})} for run in execution.source_runs()]
    times = {"startTime": execution.started, "lastUpdateTime": execution.updated}
    stop = {"stopTrigger": {"reason": execution.stop_reason}} if execution.stop else {}
    return {**_execution_facts(execution), **times, "sourceRevisions": revisions, **stop}


def _execution_facts(execution: Execution) -> Request:
    facts = present(pipelineExecutionId=execution.id, status=execution.status, statusSummary=execution.summary)
    kind = {"trigger": execution.trigger, "executionMode": execution.mode, "executionType": execution.type}
    target = execution.target
    return {**facts, **kind} | (
        {"rollbackMetadata": {"rollbackTargetPipelineExecutionId": target.id}} if target else {}
    )


def action_detail(execution: Execution, run: ActionRun) -> Request:
    """Return a line of ListActionExecutions."""
    declared = {name: run.declaration.get(name) for name in _DECLARED}
    result = present(
        externalExecutionId=run.external_id,
        externalExecutionSummary=run.summary,
        externalExecutionUrl=run.external_url,
        errorDetails=run.error,
        logStreamARN=run.log_stream_arn,
    )
    outputs = [artifact.described() for artifact in run.outputs] if run.status == "Succeeded" else []
    inputs = [artifact.described() for artifact in run.inputs]
    facts = present(actionExecutionId=run.id, updatedBy=run.updated_by, status=run.status)
    return {
        "pipelineExecutionId": execution.id,
        "pipelineVersion": execution.declaration["version"],
        "stageName": run.stage,
        "actionName": run.name,
        "startTime": run.started,
        "lastUpdateTime": run.updated,
        **facts,
        "input": present(**declared, resolvedConfiguration=run.configuration, inputArtifacts=inputs),
        "output": present(outputArtifacts=outputs, executionResult=result, outputVariables=run.variables),
    }


def stage_state(pipeline: Pipeline, stage: Request) -> Request:
    """Return a stage of GetPipelineState."""
    name = stage["name"]
    latest = next((execution for execution in reversed(pipeline.executions) if name in execution.stages), None)
    waiting = [
        {"pipelineExecutionId": execution.id, "status": execution.status, "type": execution.type}
        for execution in pipeline.waiting.get(name, [])
    ]
    return {
        "stageName": name,
        "inboundTransitionState": {"enabled": True},
        "actionStates": [_action_state(pipeline, name, action["name"]) for action in stage["actions"]],
        **present(
            latestExecution=_stage_execution(latest, name) if latest else None,
            beforeEntryConditionState=_condition_state(latest, name) if latest else None,
            inboundExecution=waiting[0] if waiting else None,
            inboundExecutions=waiting,
        ),
    }


def _stage_execution(execution: Execution, stage: str) -> Request:
    status = execution.stages[stage]
    if status == "InProgress" and execution.stop:
        status = "Stopping"
    return {"pipelineExecutionId": execution.id, "status": status, "type": execution.type}


def _condition_state(execution: Execution, stage: str) -> Request | None:
    entry = execution.entries.get(stage)
    if entry is None:
        return None
    latest = present(status=entry.status, summary=entry.summary)
    rules = [{"ruleName": rule.name, "latestExecution": _rule_execution(rule)} for rule in entry.rules]
    state = {"latestExecution": {**latest, "lastStatusChange": entry.updated}, "ruleStates": rules}
    return {"latestExecution": latest, "conditionStates": [state]}


def _rule_execution(rule: RuleRun) -> Request:
    facts = present(ruleExecutionId=rule.id, status=rule.status, summary=rule.summary, errorDetails=rule.error)
    return {**facts, "lastStatusChange": rule.updated}


def _action_state(pipeline: Pipeline, stage: str, action: str) -> Request:
    runs = (execution.latest(stage, action) for execution in reversed(pipeline.executions))
    run = next((run for run in runs if run), None)
    if run is None:
        return {"actionName": action}
    latest = present(
        actionExecutionId=run.id,
        status=run.status,
        summary=run.summary,
        lastStatusChange=run.updated,
        token=run.token,
        lastUpdatedBy=run.updated_by,
        externalExecutionId=run.external_id,
        externalExecutionUrl=run.external_url,
        errorDetails=run.error,
        logStreamARN=run.log_stream_arn,
    )
    return {"actionName": action, "latestExecution": latest} | present(currentRevision=_revision(run))


def _revision(run: ActionRun) -> Request | None:
    if not run.revision:
        return None
    revision = run.revision["revisionId"]
    return {"revisionId": revision, "revisionChangeId": revision, "created": run.updated}
