"""Follow a pipeline execution: a line whenever a step changes, and one that says how it ended."""

import logging
import time
from typing import Any

logger = logging.getLogger("run")

FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 0.5, 30.0, 1.1  # seconds, seconds, factor
ENDED = ("Succeeded", "Failed", "Stopped")


def follow(client: Any, arn: str) -> tuple[str, str]:
    """Wait for the end; returns the status, one of ENDED, and a sentence about it."""
    seen: dict[str, str] = {}
    pause = FIRST_PAUSE
    while True:
        # The status first: once it is final, so are the steps read after it.
        execution = client.describe_pipeline_execution(PipelineExecutionArn=arn)
        steps = list_steps(client, arn)
        report_changes(steps, seen)
        if execution["PipelineExecutionStatus"] in ENDED:
            return execution["PipelineExecutionStatus"], conclusion(client, execution, steps)
        time.sleep(pause)
        pause = min(pause * GROWTH, LONGEST_PAUSE)


def list_steps(client: Any, arn: str) -> list[dict[str, Any]]:
    """Steps of an execution in the order of their start."""
    pages = client.get_paginator("list_pipeline_execution_steps").paginate(
        PipelineExecutionArn=arn, SortOrder="Ascending"
    )
    return [step for page in pages for step in page["PipelineExecutionSteps"]]


def report_changes(steps: list[dict[str, Any]], seen: dict[str, str]) -> None:
    """Print the steps whose status is not the one in `seen`, and remember it there."""
    for step in steps:
        name, status = step["StepName"], step["StepStatus"]
        if seen.get(name) != status:
            seen[name] = status
            logger.info("%s", " ".join(filter(None, (f"{name:<12}", status, duration(step), cache_hit(step)))))


def duration(step: dict[str, Any]) -> str:
    """Seconds that an ended step took, else nothing."""
    if "StartTime" not in step or "EndTime" not in step:
        return ""
    return f"{(step['EndTime'] - step['StartTime']).total_seconds():.1f} s"


def cache_hit(step: dict[str, Any]) -> str:
    """Tell that an earlier execution's result was used."""
    return "(cache hit)" if "CacheHitResult" in step else ""


def conclusion(client: Any, execution: dict[str, Any], steps: list[dict[str, Any]]) -> str:
    """One sentence: what was registered, or which step failed and why."""
    status = execution["PipelineExecutionStatus"]
    if status == "Succeeded":
        models = (step.get("Metadata", {}).get("RegisterModel", {}).get("Arn") for step in steps)
        return f"Succeeded. Registered {next(filter(None, models), 'nothing')}."
    failed = [step for step in steps if step["StepStatus"] == "Failed"]
    if status == "Failed" and failed:
        return f"Failed at step {failed[0]['StepName']}: {step_reason(client, failed[0], execution)}"
    return f"{status}. {execution.get('FailureReason', '')}".strip()


def step_reason(client: Any, step: dict[str, Any], execution: dict[str, Any]) -> str:
    """Why a step failed: what its Fail step or its processing job says, else what SageMaker says of it."""
    metadata = step.get("Metadata", {})
    said = metadata.get("Fail", {}).get("ErrorMessage") or exit_message(client, metadata.get("ProcessingJob", {}))
    reason = said or step.get("FailureReason") or execution.get("FailureReason")
    return str(reason or "SageMaker gave no reason. Look at the step's job in the console.")


def exit_message(client: Any, job: dict[str, str]) -> str:
    """What a processing job left in its message file: SageMaker's own reason only points to the log."""
    if not job:
        return ""
    found = client.describe_processing_job(ProcessingJobName=job["Arn"].rpartition("/")[2])
    return str(found.get("ExitMessage", ""))
