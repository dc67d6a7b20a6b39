"""Connect a project with the accounts that it deploys into: the roles, bucket and key that it needs there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from smproject import catalog, projects, stacks
from smproject.errors import DeploymentError
from smproject.progress import Progress
from smproject.publishing.hub import report
from smproject.session import session_for
from smproject.stacks import Stack

# Where the target's stack gets its parameters: outputs of the project's stack.
OUTPUTS = {
    "TargetDeployBucketName": "ArtifactBucketName",
    "TargetDeployKeyArn": "ArtifactsKeyArn",
    "TargetModelAccountId": "ModelDeployModelAccountId",
    "TargetModelProjectId": "ModelDeployModelProjectId",
    "TargetModelPackageGroupName": "ModelDeployModelPackageGroupName",
    "TargetModelBucketName": "ModelDeployModelBucketName",
    "TargetModelKeyArn": "ModelDeployModelKeyArn",
}
BATCH_OUTPUTS = {
    "BatchDeployBucketName": "ArtifactBucketName",
    "BatchDeployKeyArn": "ArtifactsKeyArn",
    "ModelSourceProjectId": "ModelDeployModelProjectId",
    "ModelSourceGroupName": "ModelDeployModelPackageGroupName",
    "ModelSourceKeyArn": "ModelDeployModelKeyArn",
}
PIPELINE = "ModelDeployPipelineName"
# A parameter that only projects have which score in batch, whatever their template is called.
SCORES = "BatchDataRetentionDays"
STAGES = ("TargetsStagingAccountId", "TargetsProductionAccountId")


@dataclass(frozen=True)
class Connection:
    """A project and the accounts that it may deploy into, each with the stack that lets it."""

    project: str
    account: str
    targets: Mapping[str, Stack]

    @property
    def changed(self) -> bool:
        """Whether anything had to be done."""
        return any(stack.result != "unchanged" for stack in self.targets.values())


@dataclass(frozen=True)
class _Project:
    """What its own account knows of a project that deploys."""

    id: str
    accounts: tuple[str, ...]
    outputs: Mapping[str, str]
    scores: bool  # in batch, instead of by endpoints


def connect(  # noqa: PLR0913, PLR0917  # what `share` takes, the project and its targets
    session: Any, project: str, account: str, targets: Sequence[str], role_name: str, progress: Progress
) -> Connection:
    """Let a project of `account` deploy into the `targets`; does nothing twice.

    `role_name` is a role of each of these accounts which the hub's credentials may assume. Raises DeploymentError,
    before anything is made, when there is no such project, when it does not deploy into one of the targets, or when
    an account lets nobody in.
    """
    with stacks.refusals(f"connect project {project}"):
        found = _find(session_for(session, account, role_name), project, account)
        for target in targets:
            _refuse_stranger(found, project, target)
        there = {target: session_for(session, target, role_name) for target in targets}
        template, parameters = _wanted(found, project, account)
        made = {
            target: _prepare(opened, target, template, parameters, found.id, progress)
            for target, opened in there.items()
        }
    return Connection(project, account, made)


def _wanted(found: _Project, project: str, account: str) -> tuple[str, dict[str, str]]:
    """The template of the target's stack, by what the project is made from, and its parameters."""
    if found.scores:
        own = {"BatchScopeAccountId": account, "SageMakerProjectName": project, "SageMakerProjectId": found.id}
        return "batch-target", own | {name: found.outputs[output] for name, output in BATCH_OUTPUTS.items()}
    own = {"TargetDevelopmentAccountId": account, "TargetDeployProjectId": found.id}
    # A stack of an older version lacks some output: the parameter's default is what was so then.
    told = {name: found.outputs[output] for name, output in OUTPUTS.items() if output in found.outputs}
    return "target-account", own | told


def _find(session: Any, project: str, account: str) -> _Project:
    described = _describe(session.client("sagemaker"), project, account)
    name = projects.stack_name(described)
    stack = stacks.find(session.client("cloudformation"), name) if name else None
    outputs = stacks.outputs_of(stack or {})
    # A stack that is being made has no outputs yet.
    if stack is None or not outputs:
        raise DeploymentError(
            f"Project {project} of account {account} has no stack to read from: it is {described['ProjectStatus']}. "
            "Wait until it is CreateCompleted, or create it from a template of this catalogue."
        )
    if PIPELINE not in outputs:
        origin = outputs.get("TemplateId", "another template")
        raise DeploymentError(
            f"Project {project} of account {account} has no deploy pipeline: it is made from {origin}. "
            "Create a project from model-deploy, model-build-deploy or batch."
        )
    parameters = stacks.parameters_of(stack)
    accounts = tuple(parameters[stage] for stage in STAGES)
    return _Project(described["ProjectId"], accounts, outputs, SCORES in parameters)


def _describe(sagemaker: Any, project: str, account: str) -> dict[str, Any]:
    try:
        described: dict[str, Any] = sagemaker.describe_project(ProjectName=project)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("ResourceNotFound", "ValidationException"):
            raise DeploymentError(
                f"There is no project {project!r} in account {account} and this Region: {error} "
                "See: aws sagemaker list-projects"
            ) from error
        raise
    return described


def _refuse_stranger(found: _Project, project: str, target: str) -> None:
    if target not in found.accounts:
        staging, production = found.accounts
        raise DeploymentError(
            f"Project {project} does not deploy into account {target}: its staging account is {staging}, its "
            f"production account {production}. Give one of these, or update the project's parameters."
        )


def _prepare(  # noqa: PLR0913, PLR0917  # where, what, and whose
    session: Any, target: str, template: str, parameters: Mapping[str, str], suffix: str, progress: Progress
) -> Stack:
    with stacks.refusals(f"prepare account {target}"):
        made = stacks.deploy(session.client("cloudformation"), catalog.template(template), parameters, suffix)
    return report(made, lambda line: progress(f"account {target}: {line}"))
