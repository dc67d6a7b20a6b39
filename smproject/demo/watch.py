"""Waiting for what AWS does in the background, and telling how it goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

_POLL_SECONDS = 0.3
LIMIT_SECONDS = 600.0

Say = Callable[[str], None]


class StoryError(Exception):
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
        raise StoryError(str(project["ServiceCatalogProvisionedProductDetails"]))
    return project


def delivery(clients: Callable[[str], Any], pipeline: str, commit: str | None, say: Say) -> dict[str, Any]:
    """Wait for the CodePipeline execution of a commit (None: the first one); tell actions, commands and steps."""
    codepipeline, told = clients("codepipeline"), Told(say)
    before = newest_execution(clients("sagemaker")) if commit else None

    def started() -> Any:
        found = codepipeline.list_pipeline_executions(pipelineName=pipeline)["pipelineExecutionSummaries"]
        revisions = {e["pipelineExecutionId"]: [r["revisionId"] for r in e.get("sourceRevisions", [])] for e in found}
        return next((name for name, commits in revisions.items() if commit in (None, *commits)), None)

    execution = until(started, f"an execution of {pipeline}")

    def ended() -> Any:
        # The execution first: once it has ended, so have the actions read after it.
        found = codepipeline.get_pipeline_execution(pipelineName=pipeline, pipelineExecutionId=execution)
        status = found["pipelineExecution"]["status"]
        actions = codepipeline.list_action_executions(pipelineName=pipeline, filter={"pipelineExecutionId": execution})[
            "actionExecutionDetails"
        ]
        _tell_actions(clients, actions, told)
        _tell_steps(clients("sagemaker"), before, told)
        outcome = {"execution": found["pipelineExecution"], "actions": actions}
        return outcome if status not in ("InProgress", "Stopping") else None

    outcome: dict[str, Any] = until(ended, f"execution {execution} of {pipeline}")
    return outcome


def _tell_actions(clients: Callable[[str], Any], actions: list[dict[str, Any]], told: Told) -> None:
    for action in reversed(actions):
        told.once(f"CodePipeline action {action['actionName']}:", action["status"])
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
            told.once("  $", command.strip()[:110])


class Told:
    """Remembers what was told, so that only changes are."""

    def __init__(self, say: Say) -> None:
        self._say, self._seen = say, set[tuple[str, str]]()

    def once(self, what: str, state: str) -> None:
        """Tell a state that was not told yet."""
        if (what, state) not in self._seen:
            self._seen.add((what, state))
            self._say(f"{what} {state}")


def newest_execution(sagemaker: Any) -> str | None:
    """Return the ARN of the newest execution of the account's only pipeline."""
    pipelines = sagemaker.list_pipelines()["PipelineSummaries"]
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


def _tell_steps(sagemaker: Any, before: str | None, told: Told) -> None:
    execution = newest_execution(sagemaker)
    if execution is None or execution == before:
        return
    for step in steps(sagemaker, execution):
        cached = ", a cache hit" if "CacheHitResult" in step else ""
        status = step["StepStatus"]
        if status != "Executing":
            status += f" in {(step['EndTime'] - step['StartTime']).total_seconds():.1f} s{cached}"
        told.once(f"  pipeline step {step['StepName']}:", status)
