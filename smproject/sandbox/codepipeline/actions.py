"""What each kind of action does, with the credentials of the role that AWS would use."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from botocore.exceptions import ClientError

from smproject.sandbox.codebuild.clones import CloneReference
from smproject.sandbox.codepipeline import cloudformation
from smproject.sandbox.codepipeline.model import ActionRun, Artifact, new_id, now, present
from smproject.sandbox.codepipeline.work import AbandonedError, ActionFailedError, Work
from smproject.sandbox.service import Request

if TYPE_CHECKING:
    from smproject.sandbox.codecommit import CodeCommitService
    from smproject.sandbox.codeconnections import CodeConnections

_APPROVAL_MINUTES = 7 * 24 * 60  # how long AWS waits for a manual approval


def codecommit_source(work: Work) -> None:
    """Bring the tip of a branch (or the revision that the starter asked for) into the artifact store, as a zip."""
    repository, branch = (work.run.configuration[name] for name in ("RepositoryName", "BranchName"))
    commit_id = work.execution.revisions.get(work.run.name) or _tip(work, repository, branch)
    commit = work.client("codecommit").get_commit(repositoryName=repository, commitId=commit_id)["commit"]
    codecommit = cast("CodeCommitService", work.world.services["codecommit"])
    where = f"https://git-codecommit.{work.pipeline.region}.amazonaws.com/v1/repos/{repository}"
    _store(work, where, commit_id, lambda: codecommit.archive(work.credentials.account, repository, commit_id))
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


def connection_source(work: Work) -> None:
    """Bring the tip of a branch of a git host, or the commit of an event there, into the artifact store, as a zip.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodestarConnectionSource.html
    """
    arn, repository, branch = (
        work.run.configuration[name] for name in ("ConnectionArn", "FullRepositoryId", "BranchName")
    )
    connections = cast("CodeConnections", work.world.services["codeconnections"])
    git = connections.use(work.credentials, arn, repository, "StartUploadArchiveToS3").git
    commit_id = work.execution.revisions.get(work.run.name) or git.branches().get(branch)
    if commit_id is None:
        message = f"No Branch [{branch}] found for FullRepositoryName [{repository}]"
        raise ActionFailedError("ConfigurationError", message)
    date, message = git.show(commit_id, "%ad", "%B")
    _, _, _, region, account, identity = arn.replace("connection/", "").split(":")
    where = f"https://codeconnections.{region}.amazonaws.com/git-http/{account}/{region}/{identity}/{repository}.git"
    _store(work, where, commit_id, lambda: git.archive(commit_id))
    work.run.revision = {"revisionId": commit_id, "revisionSummary": message.strip()}
    work.run.external_id, work.run.summary = commit_id, message.strip()
    names = {"FullRepositoryName": repository, "BranchName": branch, "CommitId": commit_id, "ConnectionArn": arn}
    about = {"AuthorDate": _iso(date), "CommitMessage": message.strip()}
    work.run.variables = {**names, **about, **work.execution.told.get(work.run.name, {})}


def _store(work: Work, location: str, commit: str, archive: Callable[[], bytes]) -> None:
    """Store the source as a zip, or what builds clone it by."""
    is_reference = work.run.configuration.get("OutputArtifactFormat") == "CODEBUILD_CLONE_REF"
    content = CloneReference(location, commit).content() if is_reference else archive()
    work.store(work.run.declaration["outputArtifacts"][0]["name"], content)


def codebuild(work: Work) -> None:
    """Run a build on the action's input artifacts and wait for it."""
    client = work.client("codebuild")
    build = client.start_build(**_build_request(work))["build"]
    work.run.external_id = build["id"]
    try:
        for _ in work.polls():
            build = client.batch_get_builds(ids=[build["id"]])["builds"][0]
            _show(work.run, build)
            if build["buildStatus"] != "IN_PROGRESS":
                break
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
    deadline = time.monotonic() + 60 * minutes - (now() - work.run.started).total_seconds()
    work.run.external_url = work.run.configuration.get("ExternalEntityLink")
    if not work.run.token:  # else it waits since before the sandbox was stopped
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
    "CodeStarSourceConnection": connection_source,
    "CodeBuild": codebuild,
    "CloudFormation": cloudformation.run,
    "Manual": manual_approval,
}


def _iso(raw: str) -> str:
    """Turn git's `seconds zone` into the date that CodePipeline writes."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(raw.split(maxsplit=1)[0])))
