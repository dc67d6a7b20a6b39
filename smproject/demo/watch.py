"""Waiting for what AWS does in the background, and telling how it goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from smproject import projects
from smproject.errors import SmprojectError

_POLL_SECONDS = 0.3
LIMIT_SECONDS = 600.0

Say = Callable[[str], None]


class StoryError(SmprojectError):
    """The story did not go as it should."""


def until(found: Callable[[], Any], what: str) -> Any:
    """Poll until something is found, and return it; raises StoryError when it takes too long."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline:
        if value := found():
            return value
        time.sleep(_POLL_SECONDS)
    raise StoryError(f"Waited {LIMIT_SECONDS:.0f} s in vain for {what}. See: smproject sandbox logs")


def project_created(sagemaker: Any, name: str) -> dict[str, Any]:
    """Wait for a project; return its description, or raise StoryError with the reason of its failure."""

    def ended() -> Any:
        found = sagemaker.describe_project(ProjectName=name)
        return None if found["ProjectStatus"].endswith(("Pending", "InProgress")) else found

    project: dict[str, Any] = until(ended, f"project {name}")
    if project["ProjectStatus"] != "CreateCompleted":
        raise StoryError(f"Project {name} is {project['ProjectStatus']}: {projects.reason(project)}")
    return project


def executions(codepipeline: Any, pipeline: str) -> set[str]:
    """Return the ids of a CodePipeline's executions."""
    found = codepipeline.list_pipeline_executions(pipelineName=pipeline)["pipelineExecutionSummaries"]
    return {item["pipelineExecutionId"] for item in found}


def delivery(
    clients: Callable[[str], Any], pipeline: str, earlier: set[str], told: Told, prefix: str = ""
) -> dict[str, Any]:
    """Wait for the execution that is not among the earlier ones, and follow it."""
    before = newest_execution(clients("sagemaker"), prefix) if earlier else None
    new = until(lambda: executions(clients("codepipeline"), pipeline) - earlier, f"an execution of {pipeline}")
    return follow(clients, pipeline, min(new), told, before, prefix)


def follow(  # noqa: PLR0913, PLR0917  # what is followed, and what was told
    clients: Callable[[str], Any], pipeline: str, execution: str, told: Told, before: str | None, prefix: str = ""
) -> dict[str, Any]:
    """Wait until an execution ends or a person must approve; return it and its actions.

    Tells actions, commands, and the steps of an execution newer than `before` of the SageMaker pipelines whose names
    begin with `prefix`.
    """
    codepipeline = clients("codepipeline")

    def halted() -> Any:
        # These first: once they tell of an end or a wait, the actions read after them do too.
        waits = approval(codepipeline, pipeline)
        found = codepipeline.get_pipeline_execution(pipelineName=pipeline, pipelineExecutionId=execution)
        actions = codepipeline.list_action_executions(pipelineName=pipeline, filter={"pipelineExecutionId": execution})[
            "actionExecutionDetails"
        ]
        _tell_actions(clients, actions, told)
        _tell_steps(clients("sagemaker"), prefix, before, told)
        outcome = {"execution": found["pipelineExecution"], "actions": actions}
        running = found["pipelineExecution"]["status"] in ("InProgress", "Stopping")
        return None if running and not waits else outcome

    outcome: dict[str, Any] = until(halted, f"execution {execution} of {pipeline}")
    return outcome


def expect(outcome: dict[str, Any], status: str) -> None:
    """Raise StoryError with what the delivery pipeline and its build say, unless it ended as it should."""
    found = outcome["execution"]["status"]
    if found != status:
        said = [text for action in outcome["actions"] for name, text in _variables(action) if name.endswith("_RESULT")]
        summary = outcome["execution"].get("statusSummary", "")
        raise StoryError(f"The delivery pipeline should have {status}, but it has {found}. {summary} {' '.join(said)}")


def _variables(action: dict[str, Any]) -> list[tuple[str, str]]:
    return list(action.get("output", {}).get("outputVariables", {}).items())


def approval(codepipeline: Any, pipeline: str) -> dict[str, Any] | None:
    """Return where a pipeline waits for a person: stage, action and token; None when it doesn't."""
    for stage in codepipeline.get_pipeline_state(name=pipeline)["stageStates"]:
        for action in stage["actionStates"]:
            if token := action.get("latestExecution", {}).get("token"):
                return {"stageName": stage["stageName"], "actionName": action["actionName"], "token": token}
    return None


def _tell_actions(clients: Callable[[str], Any], actions: list[dict[str, Any]], told: Told) -> None:
    for action in reversed(actions):
        where = " ".join(dict.fromkeys((action["stageName"], action["actionName"])))
        told.once(action["actionExecutionId"], f"CodePipeline action {where}: {action['status']}")
        build = action.get("output", {}).get("executionResult", {}).get("externalExecutionId", "")
        if action["input"]["actionTypeId"]["provider"] == "CodeBuild" and build:
            _tell_commands(clients, build, told)


def _tell_commands(clients: Callable[[str], Any], build: str, told: Told) -> None:
    """Tell the commands of a build as its log shows them."""
    place = clients("codebuild").batch_get_builds(ids=[build])["builds"][0]["logs"]
    if "groupName" not in place:
        return
    found = clients("logs").filter_log_events(
        logGroupName=place["groupName"], logStreamNames=[place["streamName"]], filterPattern="Running"
    )
    for event in found["events"]:
        _, marker, command = event["message"].partition("Running command ")
        if marker:
            told.once(build, f"  $ {command.strip()[:110]}")


class Told:
    """Remembers what was told, so that only changes are."""

    def __init__(self, say: Say) -> None:
        self._say, self._seen = say, set[tuple[str, str]]()

    def once(self, subject: str, text: str) -> None:
        """Tell what was not told of a subject yet."""
        if (subject, text) not in self._seen:
            self._seen.add((subject, text))
            self._say(text)


def newest_execution(sagemaker: Any, prefix: str = "") -> str | None:
    """Return the ARN of the newest execution of the newest pipeline whose name begins so."""
    wanted = {"PipelineNamePrefix": prefix} if prefix else {}
    pipelines = sagemaker.list_pipelines(**wanted)["PipelineSummaries"]
    if not pipelines:
        return None
    executions = sagemaker.list_pipeline_executions(PipelineName=pipelines[0]["PipelineName"])[
        "PipelineExecutionSummaries"
    ]
    return executions[0]["PipelineExecutionArn"] if executions else None


def steps(sagemaker: Any, execution: str) -> list[dict[str, Any]]:
    """Return an execution's steps, oldest first."""
    paginator = sagemaker.get_paginator("list_pipeline_execution_steps")
    pages = paginator.paginate(PipelineExecutionArn=execution, SortOrder="Ascending")
    return [step for page in pages for step in page["PipelineExecutionSteps"]]


def _tell_steps(sagemaker: Any, prefix: str, before: str | None, told: Told) -> None:
    execution = newest_execution(sagemaker, prefix)
    if execution is None or execution == before:
        return
    for step in steps(sagemaker, execution):
        cached = ", a cache hit" if "CacheHitResult" in step else ""
        status = step["StepStatus"]
        if status != "Executing":
            status += f" in {(step['EndTime'] - step['StartTime']).total_seconds():.1f} s{cached}"
        told.once(execution, f"  pipeline step {step['StepName']}: {status}")
