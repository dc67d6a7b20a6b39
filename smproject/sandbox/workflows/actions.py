"""What the actions do that workflows here may use; all others, and all other inputs, are refused by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError

from smproject.sandbox import environments, git_repository
from smproject.sandbox.workflows.model import Step, WorkflowError

if TYPE_CHECKING:
    from smproject.sandbox.workflows.job import JobRun

Inputs = Mapping[str, str]
Action = Callable[["JobRun", Inputs], None]


def find(step: Step) -> Action:
    """Return what a step's action does; raises WorkflowError for one, or an input, that is not known."""
    name = step.action.partition("@")[0]
    if name not in _ACTIONS:
        raise WorkflowError(f"the sandbox does not implement the action {step.action} (known: {', '.join(_ACTIONS)})")
    known = _ACTIONS[name]
    if unknown := sorted(set(step.inputs) - set(known.inputs)):
        raise WorkflowError(f"the sandbox does not implement {unknown[0]!r} of the action {step.action}")
    return known.does


def _checkout(job: JobRun, inputs: Inputs) -> None:
    """Bring the commit's tree, and as much history as asked for: https://github.com/actions/checkout."""
    depth = inputs.get("fetch-depth") or "1"
    if not depth.isdigit():
        raise WorkflowError(f"the sandbox does not implement fetch-depth: {depth} of the action actions/checkout")
    header = f"http.{job.world.endpoint}/.extraHeader"
    keeps = inputs.get("persist-credentials", "true") != "false"
    for words in (
        ["init", "--quiet"],
        ["remote", "add", "origin", job.clone_url],
        ["config", header, f"Authorization: Basic {job.basic_credentials}"],
        *_fetched(job, int(depth)),
        ["checkout", "--quiet", *_checked_out(job)],
        *([] if keeps else [["config", "--unset", header]]),
    ):
        if job.program(["git", "-c", "advice.detachedHead=false", *words], git_repository.environment()):
            raise WorkflowError(f"git can't {words[0]} commit {job.commit}")
    job.bring_artifacts()


def _fetched(job: JobRun, depth: int) -> list[list[str]]:
    """Return what fetches the job's commit; without a depth, all branches and tags too."""
    fetch, own = ["fetch", "--quiet", "--no-tags"], f"+{job.commit}:{_local(job)}"
    if depth:
        return [[*fetch, f"--depth={depth}", "origin", own]]
    return [[*fetch, "origin", "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"],
            [*fetch, "origin", own]]  # fmt: skip


def _local(job: JobRun) -> str:
    """Return the reference of the checkout that stands for the job's commit."""
    kind, _, name = job.reference.removeprefix("refs/").partition("/")
    return f"refs/remotes/{'origin' if kind == 'heads' else kind}/{name}"


def _checked_out(job: JobRun) -> list[str]:
    """Return what `git checkout` is told: a branch where one was pushed, else the commit alone."""
    kind, _, name = job.reference.removeprefix("refs/").partition("/")
    return ["-B", name, _local(job)] if kind == "heads" else [_local(job)]


def _setup_python(job: JobRun, inputs: Inputs) -> None:
    """Say which Python there is: https://github.com/actions/setup-python."""
    wanted = inputs.get("python-version", "")
    job.log.note(f"Python {environments.PYTHON} of this machine is used, whatever python-version says ({wanted})")


def _configure_aws_credentials(job: JobRun, inputs: Inputs) -> None:
    """Assume a role by the job's token: https://github.com/aws-actions/configure-aws-credentials."""
    region, role = (_required(inputs, name) for name in ("aws-region", "role-to-assume"))
    if job.job.permissions.get("id-token") != "write":
        text = (
            "Credentials could not be loaded, please check your action inputs: the job lacks permission id-token: write"
        )
        raise WorkflowError(text)
    asked = {
        "RoleArn": role,
        "RoleSessionName": inputs.get("role-session-name") or "GitHubActions",
        "WebIdentityToken": job.token(inputs.get("audience") or "sts.amazonaws.com"),
        "DurationSeconds": int(inputs.get("role-duration-seconds") or 3600),
    }
    sts = boto3.client("sts", region, endpoint_url=job.world.endpoint, config=Config(signature_version=UNSIGNED))
    try:
        answer = sts.assume_role_with_web_identity(**asked)
    except ParamValidationError as error:
        raise WorkflowError(f"Could not assume role with OIDC: {error}") from error
    except ClientError as error:
        raise WorkflowError(f"Could not assume role with OIDC: {error.response['Error']['Message']}") from error
    given = answer["Credentials"]
    job.log.secrets |= {given["SecretAccessKey"], given["SessionToken"]}
    job.log.note(f"Authenticated as {answer['AssumedRoleUser']['Arn']}")
    job.env |= {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }


def _required(inputs: Inputs, name: str) -> str:
    if not inputs.get(name):
        raise WorkflowError(f"Input required and not supplied: {name}")
    return inputs[name]


@dataclass(frozen=True)
class _Known:
    does: Action
    inputs: tuple[str, ...] = ()


_ACTIONS = {
    "actions/checkout": _Known(_checkout, ("fetch-depth", "persist-credentials")),
    "actions/setup-python": _Known(_setup_python, ("python-version",)),
    "aws-actions/configure-aws-credentials": _Known(
        _configure_aws_credentials,
        ("audience", "aws-region", "role-duration-seconds", "role-session-name", "role-to-assume"),
    ),
}
