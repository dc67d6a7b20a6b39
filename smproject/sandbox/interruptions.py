"""Taking the instances of a spot training job away, as AWS does without being asked: there is no AWS call for it."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from smproject.errors import SandboxError
from smproject.sandbox import profiles
from smproject.sandbox.lifecycle import ACCOUNTS, Running
from smproject.sandbox.sagemaker import spot
from smproject.sandbox.sagemaker.job import folder_of

_ARN_PARTS = 6


def interrupt(running: Running, job: str, profile: str, seconds: float) -> str:
    """Take away the instances of a job, by its ARN or its name in a profile's account; return its name.

    No others are free for at least so many seconds. Raises SandboxError when the job is none that this can happen to.
    """
    profile, name = _place(job, profile)
    found = _describe(running, profile, name)
    if not found.get("EnableManagedSpotTraining"):
        raise SandboxError(f"{name} runs on no spot instances: it was created without EnableManagedSpotTraining.")
    if found["SecondaryStatus"] != "Training":
        raise SandboxError(f"{name} does not run: its secondary status is {found['SecondaryStatus']}, not Training.")
    try:
        spot.interrupt(folder_of(running.home, "Training", ACCOUNTS[profile][0], name), seconds)
    except FileNotFoundError as error:
        raise SandboxError(f"{name} has just ended.") from error
    return name


def _place(job: str, profile: str) -> tuple[str, str]:
    """Return profile and name of a job."""
    parts = job.split(":")
    if len(parts) == 1:
        return profile, job
    if len(parts) != _ARN_PARTS or not parts[5].startswith("training-job/"):
        raise SandboxError(f"{job} is not the name or the ARN of a training job.")
    owner = next((each for each, (account, _) in ACCOUNTS.items() if account == parts[4]), None)
    if owner is None:
        raise SandboxError(f"{job} is in account {parts[4]}, which is none of the sandbox's.")
    return owner, parts[5].removeprefix("training-job/")


def _describe(running: Running, profile: str, name: str) -> dict[str, Any]:
    api = profiles.session(running, profile).client("sagemaker")
    try:
        return dict(api.describe_training_job(TrainingJobName=name))
    except ClientError as error:
        why = error.response["Error"]["Message"]
        where = f"{profile} ({ACCOUNTS[profile][0]})"
        raise SandboxError(f"There is no such job in {where}: {why} Choose another account by --profile.") from error
