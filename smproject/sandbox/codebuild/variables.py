"""The environment variables of a build: the machine's, the role's, CodeBuild's own, and the user's.

Reference: https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from smproject.sandbox import environments
from smproject.sandbox.codebuild.buildspec import Buildspec
from smproject.sandbox.codebuild.folder import BuildFolder
from smproject.sandbox.moto_seam import Credentials

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# How this machine reaches package indexes; a build has no other way to know.
_NETWORK = ("PIP_", "UV_", "SSL_CERT_", "REQUESTS_CA_BUNDLE", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
_LOCAL_HOSTS = "127.0.0.1,localhost"


def machine(folder: BuildFolder, tools: Path) -> dict[str, str]:
    """Return what a clean machine has: a home, a path with the build's commands first, and the way to indexes."""
    git = shutil.which("git")
    path = [str(folder.python / "bin"), str(tools), _SYSTEM_PATH, *([str(Path(git).parent)] if git else [])]
    network = {name: value for name, value in os.environ.items() if name.startswith(_NETWORK)}
    beyond = [value for name in ("no_proxy", "NO_PROXY") if (value := os.environ.get(name))]
    settings = Path.home() / ".config" / "pip" / "pip.conf"
    return {
        **({"PIP_CONFIG_FILE": str(settings)} if settings.exists() else {}),
        "PIP_CACHE_DIR": str(environments.cache() / "pip"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        **network,
        "NO_PROXY": ",".join([*beyond[:1], _LOCAL_HOSTS]),
        "no_proxy": ",".join([*beyond[:1], _LOCAL_HOSTS]),
        "PATH": ":".join(path),
        "HOME": str(folder.home),
        "TMPDIR": str(folder.temporary),
        "LANG": "C.UTF-8",
    }


def aws(region: str, endpoint: str) -> dict[str, str]:
    """Return what AWS tools need besides credentials."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def git(credentials: Credentials, endpoint: str, region: str) -> dict[str, str]:
    """Return what lets git reach CodeCommit's addresses and connections', with the role's credentials as user name."""
    helper = f"!f() {{ echo 'username={credentials.access_key}%{credentials.token}'; echo password=role; }}; f"
    settings = {
        f"url.{endpoint}/v1/repos/.insteadOf": f"https://git-codecommit.{region}.amazonaws.com/v1/repos/",
        f"url.{endpoint}/git-http/.insteadOf": f"https://codeconnections.{region}.amazonaws.com/git-http/",
        f"credential.{endpoint}.helper": helper,
    }
    env = {"GIT_CONFIG_COUNT": str(len(settings)), "GIT_TERMINAL_PROMPT": "0"}
    for number, (name, value) in enumerate(settings.items()):
        env |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return env


def codebuild(build: dict[str, Any], folder: BuildFolder) -> dict[str, str]:
    """Return the variables that CodeBuild documents."""
    logs = build["logs"]
    started: datetime = build["startTime"]
    secondary = [source["sourceIdentifier"] for source in build.get("secondarySources", [])]
    return {
        "CODEBUILD_BUILD_ARN": build["arn"],
        "CODEBUILD_BUILD_ID": build["id"],
        "CODEBUILD_BUILD_IMAGE": build["environment"]["image"],
        "CODEBUILD_BUILD_NUMBER": str(build["buildNumber"]),
        "CODEBUILD_BUILD_SUCCEEDING": "1",
        "CODEBUILD_CI": "true",
        "CODEBUILD_INITIATOR": build["initiator"],
        "CODEBUILD_KMS_KEY_ID": build["encryptionKey"],
        "CODEBUILD_LOG_PATH": logs.get("streamName", ""),
        "CODEBUILD_PROJECT_ARN": build["arn"].rpartition(":")[0].replace(":build/", ":project/"),
        "CODEBUILD_RESOLVED_SOURCE_VERSION": build.get("resolvedSourceVersion", ""),
        "CODEBUILD_SOURCE_REPO_URL": build["source"].get("location", ""),
        "CODEBUILD_SOURCE_VERSION": build.get("sourceVersion", ""),
        "CODEBUILD_START_TIME": str(int(started.timestamp() * 1000)),
        "CODEBUILD_SRC_DIR": str(folder.source()),
        **{f"CODEBUILD_SRC_DIR_{name}": str(folder.source(name)) for name in secondary},
    }


@dataclass(frozen=True)
class Chosen:
    """The variables that the user has set, and those values among them that no log may show."""

    values: dict[str, str]
    secrets: set[str]


def users(spec: Buildspec, build: dict[str, Any], ssm: Any, secrets: Any) -> Chosen:
    """Return the variables of buildspec and project, the project's winning.

    Raises ClientError when Parameter Store or Secrets Manager refuses, KeyError for a key that a secret lacks.
    """
    kinds = {"PLAINTEXT": spec.variables, "PARAMETER_STORE": spec.parameters, "SECRETS_MANAGER": spec.secrets}
    wanted = {name: (kind, value) for kind, named in kinds.items() for name, value in named.items()}
    for variable in build["environment"]["environmentVariables"]:
        wanted[variable["name"]] = (variable.get("type", "PLAINTEXT"), variable["value"])
    found, hidden = {}, {""}
    for name, (kind, value) in wanted.items():
        found[name] = value
        if kind == "PARAMETER_STORE":
            found[name] = ssm.get_parameter(Name=value, WithDecryption=True)["Parameter"]["Value"]
        elif kind == "SECRETS_MANAGER":
            found[name] = _secret(secrets, value)
        if kind != "PLAINTEXT":
            hidden.add(found[name])
    return Chosen(found, hidden - {""})


def _secret(secrets: Any, reference: str) -> str:
    """Return a secret by `secret-id:json-key:version-stage:version-id`, where the id may be an ARN."""
    parts = reference.split(":")
    if reference.startswith("arn:"):
        parts = [":".join(parts[:7]), *parts[7:]]
    secret_id, key, stage, version = [*parts, "", "", ""][:4]
    chosen = {name: value for name, value in (("VersionStage", stage), ("VersionId", version)) if value}
    text = str(secrets.get_secret_value(SecretId=secret_id, **chosen)["SecretString"])
    return str(json.loads(text)[key]) if key else text
