"""What each kind of action does, with the credentials of the role that AWS would use."""

from __future__ import annotations

import json
import string
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from smproject.sandbox.codepipeline.model import ActionRun, Artifact, Execution, Pipeline, new_id, present
from smproject.sandbox.moto_seam import Credentials, identify
from smproject.sandbox.service import Request, ServiceError, unique_id
from smproject.sandbox.world import World

if TYPE_CHECKING:
    from smproject.sandbox.codecommit import CodeCommitService

_POLL_FIRST, _POLL_MOST = 0.1, 2.0  # seconds
_APPROVAL_MINUTES = 7 * 24 * 60  # how long AWS waits for a manual approval


class ActionFailedError(Exception):
    """An action failed; `code` is the code of its error details."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class AbandonedError(Exception):
    """Someone stopped the execution without waiting for its actions."""


@dataclass(frozen=True)
class Work:
    """A run of an action and what it may act with."""

    world: World
    pipeline: Pipeline
    execution: Execution
    run: ActionRun
    credentials: Credentials

    def client(self, service: str) -> Any:
        """Return a client that acts as the action's role."""
        return self.world.client(service, self.credentials, self.pipeline.region)

    def wait(self, seconds: float) -> None:
        """Wait until something changes, or at most so long; raises AbandonedError when it is of no use any more."""
        with self.pipeline.changed:
            if self.execution.stop != "abandon":
                self.pipeline.changed.wait(seconds)
        if self.execution.stop == "abandon":
            raise AbandonedError

    def new_artifact(self, name: str) -> Artifact:
        """Return where an output artifact goes."""
        key = f"{self.pipeline.name[:20]}/{name[:10]}/{unique_id(7, string.ascii_letters + string.digits)}"
        return Artifact(name, self.execution.declaration["artifactStore"]["location"], key)

    def key(self) -> str | None:
        """Return the KMS key of the artifact store, if it has one."""
        key = self.execution.declaration["artifactStore"].get("encryptionKey")
        return str(key["id"]) if key else None


def codecommit_source(work: Work) -> None:
    """Bring the tip of a branch (or the revision that the starter asked for) into the artifact store, as a zip."""
    repository, branch = (work.run.configuration[name] for name in ("RepositoryName", "BranchName"))
    commit_id = work.execution.revisions.get(work.run.name) or _tip(work, repository, branch)
    commit = work.client("codecommit").get_commit(repositoryName=repository, commitId=commit_id)["commit"]
    codecommit = cast("CodeCommitService", work.world.services["codecommit"])
    content = codecommit.archive(work.credentials.account, repository, commit_id)
    artifact = work.new_artifact(work.run.declaration["outputArtifacts"][0]["name"])
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": work.key()} if work.key() else {}
    work.client("s3").put_object(Bucket=artifact.bucket, Key=artifact.key, Body=content, **encryption)
    work.run.outputs = [artifact]
    work.run.revision = {"revisionId": commit_id, "revisionSummary": commit["message"].strip()}
    work.run.external_id, work.run.summary = commit_id, commit["message"].strip()
    names = {"RepositoryName": repository, "BranchName": branch, "CommitId": commit_id}
    dates = {"AuthorDate": _iso(commit["author"]["date"]), "CommitterDate": _iso(commit["committer"]["date"])}
    work.run.variables = {**names, **dates, "CommitMessage": commit["message"].strip()}


def _tip(work: Work, repository: str, branch: str) -> str:
    try:
        found = work.client("codecommit").get_branch(repositoryName=repository, branchName=branch)
    except ClientError as error:
        if error.response["Error"]["Code"] != "BranchDoesNotExistException":
            raise
        message = (
            f'The action failed because no branch named "{branch}" was found in the selected AWS CodeCommit repository '
            f'"{repository}". Make sure you are using the correct branch name, and then try again.'
        )
        raise ActionFailedError("ConfigurationError", message) from error
    return str(found["branch"]["commitId"])


def codebuild(work: Work) -> None:
    """Run a build on the action's input artifacts and wait for it."""
    client = work.client("codebuild")
    build = client.start_build(**_build_request(work))["build"]
    work.run.external_id, pause = build["id"], _POLL_FIRST
    try:
        while True:
            build = client.batch_get_builds(ids=[build["id"]])["builds"][0]
            _show(work.run, build)
            if build["buildStatus"] != "IN_PROGRESS":
                break
            work.wait(pause)
            pause = min(pause * 1.3, _POLL_MOST)
    except AbandonedError:
        client.stop_build(id=build["id"])
        raise
    if build["buildStatus"] != "SUCCEEDED":
        raise ActionFailedError("JobFailed", _why(build))


def _build_request(work: Work) -> Request:
    """Return the StartBuild request: what a CODEPIPELINE source and its artifacts stand for, spelled out as S3."""
    configuration = work.run.configuration
    primary = configuration.get("PrimarySource") or work.run.inputs[0].name
    inputs = {artifact.name: f"{artifact.bucket}/{artifact.key}" for artifact in work.run.inputs}
    others = [
        {"type": "S3", "location": at, "sourceIdentifier": name} for name, at in inputs.items() if name != primary
    ]
    work.run.outputs = [work.new_artifact(made["name"]) for made in work.run.declaration.get("outputArtifacts") or []]
    outputs = [_destination(artifact) for artifact in work.run.outputs]
    several = len(outputs) > 1
    return present(
        projectName=configuration["ProjectName"],
        sourceTypeOverride="S3",
        sourceLocationOverride=inputs[primary],
        secondarySourcesOverride=others,
        environmentVariablesOverride=_environment(work, primary),
        artifactsOverride=outputs[0] if len(outputs) == 1 else {"type": "NO_ARTIFACTS"},
        secondaryArtifactsOverride=[
            {**place, "artifactIdentifier": artifact.name}
            for place, artifact in zip(outputs, work.run.outputs, strict=True)
            if several
        ],
        encryptionKeyOverride=work.key(),
    )


def _environment(work: Work, primary: str) -> list[Request]:
    try:
        given: list[Request] = json.loads(work.run.configuration.get("EnvironmentVariables") or "[]")
    except ValueError as error:
        raise ActionFailedError("ConfigurationError", f"EnvironmentVariables is not JSON: {error}") from error
    sources = {made.name: run for run in work.execution.source_runs() for made in run.outputs}
    revision = sources[primary].revision if primary in sources else None
    own = {"CODEBUILD_INITIATOR": f"codepipeline/{work.pipeline.name}"}
    own |= {"CODEBUILD_RESOLVED_SOURCE_VERSION": str(revision["revisionId"])} if revision else {}
    return [*given, *({"name": name, "value": value, "type": "PLAINTEXT"} for name, value in own.items())]


def _destination(artifact: Artifact) -> Request:
    path, _, name = artifact.key.rpartition("/")
    where = {"location": artifact.bucket, "path": path, "name": name, "namespaceType": "NONE"}
    return {"type": "S3", **where, "packaging": "ZIP", "overrideArtifactName": False}


def _show(run: ActionRun, build: Request) -> None:
    exported = build.get("exportedEnvironmentVariables") or []
    run.variables = {variable["name"]: variable["value"] for variable in exported}
    logs = build.get("logs") or {}
    run.external_url, run.log_stream_arn = logs.get("deepLink"), logs.get("cloudWatchLogsArn")


def _why(build: Request) -> str:
    """Say why a build ended as it did, in CodePipeline's words."""
    contexts = [
        f" Phase: {phase['phaseType']}, Code: {context.get('statusCode')}, Message: {context.get('message')}"
        for phase in build.get("phases") or []
        if phase.get("phaseStatus") not in ("SUCCEEDED", None)
        for context in phase.get("contexts") or []
        if context.get("statusCode") or context.get("message")
    ]
    return f"Build terminated with state: {build['buildStatus']}.{contexts[0] if contexts else ''}"


def manual_approval(work: Work) -> None:
    """Wait until somebody approves or rejects, or the action's time is up."""
    minutes = work.run.declaration.get("timeoutInMinutes") or _APPROVAL_MINUTES
    deadline = time.monotonic() + 60 * minutes
    work.run.external_url = work.run.configuration.get("ExternalEntityLink")
    work.run.token = new_id()
    _notify(work)
    while (decision := work.run.decision) is None:
        if time.monotonic() > deadline:
            raise ActionFailedError("JobTimedOut", f"Nobody approved or rejected within {minutes} minutes.")
        work.wait(deadline - time.monotonic())
    work.run.summary = decision["summary"]
    if decision["status"] != "Approved":
        raise ActionFailedError("ApprovalRejected", f"Rejected by {work.run.updated_by}: {decision['summary']}")


def _notify(work: Work) -> None:
    """Publish the message of docs.aws.amazon.com/codepipeline/latest/userguide/approvals-json-format.html."""
    topic = work.run.configuration.get("NotificationArn")
    if not topic:
        return
    names = {"pipelineName": work.pipeline.name, "stageName": work.run.stage, "actionName": work.run.name}
    link, data = (work.run.configuration.get(name) for name in ("ExternalEntityLink", "CustomData"))
    approval = {**names, "token": work.run.token, **present(externalEntityLink=link, customData=data)}
    message = json.dumps({"region": work.pipeline.region, "approval": approval})
    work.client("sns").publish(TopicArn=topic, Subject=f"APPROVAL NEEDED: {work.pipeline.name}"[:100], Message=message)


RUNNERS: dict[str, Callable[[Work], None]] = {
    "CodeCommit": codecommit_source,
    "CodeBuild": codebuild,
    "Manual": manual_approval,
}


def explain(error: Exception) -> ActionFailedError:
    """Turn the refusal of an AWS call into an action's failure."""
    code = error.code if isinstance(error, ServiceError) else ""
    if isinstance(error, ClientError):
        code = error.response["Error"]["Code"]
    return ActionFailedError("PermissionError" if "AccessDenied" in code else "JobFailed", str(error))


def take_on(role: str, client: Any, session: str) -> Credentials:
    """Return credentials of an action's own role, which the pipeline's role assumes through `client` (STS)."""
    made = client.assume_role(RoleArn=role, RoleSessionName=session)["Credentials"]
    credentials = identify(made["AccessKeyId"])
    if credentials is None:
        raise ActionFailedError("PermissionError", f"The role {role} could not be assumed.")
    return credentials


def _iso(raw: str) -> str:
    """Turn git's `seconds zone` into the date that CodePipeline writes."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(raw.split(maxsplit=1)[0])))
