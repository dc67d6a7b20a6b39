"""What CodeBuild accepts as a project, and the build that a project and its overrides make."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from smproject.sandbox.codebuild.record import Build
from smproject.sandbox.service import Caller, Request, ServiceError

Project = dict[str, Any]
SOURCES = ("CODEPIPELINE", "S3", "CODECOMMIT", "NO_SOURCE")
_DEFAULTS = {"timeoutInMinutes": 60, "queuedTimeoutInMinutes": 480, "tags": [], "secondarySources": []}
# Settings whose absence would change what a build does; the sandbox says so instead of leaving them out.
_NOT_EMULATED = ("fileSystemLocations", "buildBatchConfig", "autoRetryLimit", "badgeEnabled")
_OVERRIDES = {
    "artifactsOverride": "artifacts",
    "secondaryArtifactsOverride": "secondaryArtifacts",
    "secondarySourcesOverride": "secondarySources",
    "secondarySourcesVersionOverride": "secondarySourceVersions",
    "sourceVersion": "sourceVersion",
    "serviceRoleOverride": "serviceRole",
    "timeoutInMinutesOverride": "timeoutInMinutes",
    "queuedTimeoutInMinutesOverride": "queuedTimeoutInMinutes",
    "encryptionKeyOverride": "encryptionKey",
    "logsConfigOverride": "logsConfig",
}
_SOURCE_OVERRIDES = {
    "sourceTypeOverride": "type",
    "sourceLocationOverride": "location",
    "buildspecOverride": "buildspec",
}
_ENVIRONMENT_OVERRIDES = {
    "environmentTypeOverride": "type",
    "imageOverride": "image",
    "computeTypeOverride": "computeType",
    "privilegedModeOverride": "privilegedMode",
    "imagePullCredentialsTypeOverride": "imagePullCredentialsType",
}
# Overrides that don't change what a build does here: how deep a clone is, what a provider is told, who may pull.
_HARMLESS = {
    "projectName",
    "environmentVariablesOverride",
    "idempotencyToken",
    "gitCloneDepthOverride",
    "reportBuildStatusOverride",
    "buildStatusConfigOverride",
    "cacheOverride",
    "insecureSslOverride",
}


def invalid(message: str) -> ServiceError:
    """Return CodeBuild's error for input that it refuses."""
    return ServiceError("InvalidInputException", message)


def from_request(caller: Caller, request: Request) -> Project:
    """Return the project that a CreateProject request describes; raises ServiceError when it is not valid."""
    now = datetime.now(timezone.utc)
    project: Project = {
        "encryptionKey": f"arn:aws:kms:{caller.region}:{caller.account}:alias/aws/s3",
        **_DEFAULTS,
        **request,
        "arn": caller.arn_of("codebuild", f"project/{request['name']}"),
        "badge": {"badgeEnabled": False},
        "projectVisibility": "PRIVATE",
        "created": now,
        "lastModified": now,
    }
    check(project, caller)
    project["environment"] = {"environmentVariables": [], "privilegedMode": False, **project["environment"]}
    return project


def check(settings: Project | Build, caller: Caller) -> None:
    """Refuse what AWS refuses in a project or a build, and what the sandbox would have to leave out."""
    for name in _NOT_EMULATED:
        if settings.get(name):
            raise invalid(f"The sandbox does not implement {name}.")
    sources = [settings["source"], *settings.get("secondarySources", [])]
    for source in sources:
        _check_source(source)
    _check_identifiers(settings.get("secondarySources", []), "sourceIdentifier")
    _check_identifiers(settings.get("secondaryArtifacts", []), "artifactIdentifier")
    kinds = {artifact["type"] for artifact in (settings["artifacts"], *settings.get("secondaryArtifacts", []))}
    if (settings["source"]["type"] == "CODEPIPELINE") != ("CODEPIPELINE" in kinds):
        raise invalid("Invalid artifacts: source type and artifacts type must both be CODEPIPELINE, or neither of them")
    for artifact in (settings["artifacts"], *settings.get("secondaryArtifacts", [])):
        if artifact["type"] == "S3" and not artifact.get("location"):
            raise invalid("Invalid artifacts: location must be set when artifacts type is S3")
    _check_environment(settings["environment"])
    _check_logs(settings.get("logsConfig", {}))
    if not settings["serviceRole"].startswith("arn:"):  # CodeBuild takes a role's name too
        settings["serviceRole"] = f"arn:aws:iam::{caller.account}:role/{settings['serviceRole']}"
    if settings["serviceRole"].split(":")[4:5] != [caller.account]:
        raise invalid(f"Invalid service role: {settings['serviceRole']} is not a role of account {caller.account}")


def _check_source(source: dict[str, Any]) -> None:
    kind = source["type"]
    if kind not in SOURCES:
        raise invalid(f"The sandbox does not implement sources of type {kind}; it has {', '.join(SOURCES)}.")
    if kind in ("S3", "CODECOMMIT") and not source.get("location"):
        raise invalid(f"Invalid project source: location must be set when source type is {kind}")
    if kind == "NO_SOURCE" and not source.get("buildspec") and not source.get("sourceIdentifier"):
        raise invalid("Invalid project source: buildspec must be set when source type is NO_SOURCE")


def _check_identifiers(items: Iterable[dict[str, Any]], key: str) -> None:
    names = [item.get(key) for item in items]
    if not all(names) or len(set(names)) < len(names):
        raise invalid(f"Each secondary source or artifact must have its own {key}")


def _check_environment(environment: dict[str, Any]) -> None:
    if not environment["type"].startswith(("LINUX", "ARM")):
        raise invalid(f"The sandbox does not implement environments of type {environment['type']}.")
    names = [variable["name"] for variable in environment.get("environmentVariables", [])]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise invalid(f"Invalid environment variables: {', '.join(repeated)} is given more than once")


def _check_logs(logs: dict[str, Any]) -> None:
    if logs.get("s3Logs", {}).get("status") == "ENABLED":
        raise invalid("The sandbox does not write build logs to S3; they go to CloudWatch Logs.")


def new_build(caller: Caller, project: Project, request: Request, number: int) -> Build:
    """Return the build that StartBuild asks for; raises ServiceError when an override is not valid."""
    known = {*_OVERRIDES, *_SOURCE_OVERRIDES, *_ENVIRONMENT_OVERRIDES, *_HARMLESS}
    if unknown := sorted(set(request) - known):
        raise invalid(f"The sandbox does not implement {', '.join(unknown)}.")
    settings = {**project, **_taken(request, _OVERRIDES)}
    settings["source"] = {**project["source"], **_taken(request, _SOURCE_OVERRIDES)}
    settings["environment"] = _environment(project["environment"], request)
    check(settings, caller)
    if settings["source"]["type"] == "CODEPIPELINE":
        raise invalid("A project whose source type is CODEPIPELINE can be started by its pipeline only")
    identifier = str(uuid.uuid4())
    name = project["name"]
    kept = ("sourceVersion", "source", "secondarySources", "secondarySourceVersions", "environment", "serviceRole",
            "timeoutInMinutes", "queuedTimeoutInMinutes", "encryptionKey", "cache", "vpcConfig")  # fmt: skip
    return {
        **{key: settings[key] for key in kept if key in settings},
        "id": f"{name}:{identifier}",
        "arn": caller.arn_of("codebuild", f"build/{name}:{identifier}"),
        "projectName": name,
        "buildNumber": number,
        "startTime": datetime.now(timezone.utc),
        "currentPhase": "SUBMITTED",
        "buildStatus": "IN_PROGRESS",
        "buildComplete": False,
        "initiator": _initiator(caller.arn),
        "phases": [],
        "artifacts": {"location": ""},
        "logs": _logs(caller, name, identifier, settings.get("logsConfig", {}).get("cloudWatchLogs", {})),
        "exportedEnvironmentVariables": [],
    }


def artifact_settings(project: Project, request: Request) -> list[dict[str, Any]]:
    """Return the primary artifact's settings and then the secondary ones' for a build."""
    settings = {**project, **_taken(request, _OVERRIDES)}
    return [settings["artifacts"], *settings.get("secondaryArtifacts", [])]


def _taken(request: Request, names: dict[str, str]) -> dict[str, Any]:
    return {setting: request[override] for override, setting in names.items() if override in request}


def _environment(environment: dict[str, Any], request: Request) -> dict[str, Any]:
    given = [*environment["environmentVariables"], *request.get("environmentVariablesOverride", [])]
    variables = {variable["name"]: {"type": "PLAINTEXT", **variable} for variable in given}
    overrides = _taken(request, _ENVIRONMENT_OVERRIDES)
    return {**environment, **overrides, "environmentVariables": list(variables.values())}


def _initiator(arn: str) -> str:
    """Return who started a build: a user's name, or a role's and its session's."""
    return arn.rpartition(":")[2].partition("/")[2]


def _logs(caller: Caller, name: str, identifier: str, settings: dict[str, Any]) -> dict[str, Any]:
    if settings.get("status", "ENABLED") == "DISABLED":
        return {"cloudWatchLogs": settings}
    group = settings.get("groupName") or f"/aws/codebuild/{name}"
    stream = "/".join(part for part in (settings.get("streamName"), identifier) if part)
    return {
        "groupName": group,
        "streamName": stream,
        "cloudWatchLogsArn": caller.arn_of("logs", f"log-group:{group}:log-stream:{stream}"),
        "cloudWatchLogs": {"status": "ENABLED", **settings},
    }
