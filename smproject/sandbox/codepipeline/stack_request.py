"""What a CloudFormation action asks for: template, parameters, tags and policy out of its artifacts and configuration.

Sources: docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CloudFormation.html;
docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/continuous-delivery-codepipeline-cfn-artifacts.html and
continuous-delivery-codepipeline-parameter-override-functions.html
"""

from __future__ import annotations

import json
from typing import Any

from smproject.sandbox.codepipeline.model import present
from smproject.sandbox.codepipeline.work import ActionFailedError, Work
from smproject.sandbox.service import Request

_SETTINGS = {"Parameters", "Tags", "StackPolicy"}  # of a template configuration file


def stack_request(work: Work) -> Request:
    """Return the members that CreateStack and UpdateStack share.

    The template is passed as text, so it may have 51,200 bytes, CloudFormation's limit.
    """
    given = work.run.configuration
    settings = _settings(work)
    parameters = {**settings.get("Parameters", {}), **_overrides(work)}
    tags, policy = settings.get("Tags", {}), settings.get("StackPolicy")
    return present(
        StackName=given["StackName"],
        TemplateBody=work.file(*_place(work, "TemplatePath")),
        Parameters=[{"ParameterKey": key, "ParameterValue": _text(value)} for key, value in parameters.items()],
        Tags=[{"Key": key, "Value": _text(value)} for key, value in tags.items()],
        StackPolicyBody=json.dumps(policy) if policy else None,
        Capabilities=[name.strip() for name in given.get("Capabilities", "").split(",") if name.strip()],
        RoleARN=given.get("RoleArn"),
    )


def _place(work: Work, key: str) -> tuple[str, str]:
    """Read `Artifact::path`."""
    artifact, separator, path = work.run.configuration.get(key, "").partition("::")
    if not separator or not artifact or not path:
        raise _wrong(f"{key} must be written Artifact::file, not {work.run.configuration.get(key)!r}.")
    return artifact, path


def _settings(work: Work) -> Request:
    """Read the template configuration file."""
    if not work.run.configuration.get("TemplateConfiguration"):
        return {}
    artifact, path = _place(work, "TemplateConfiguration")
    settings = _object(work.file(artifact, path), f"{artifact}::{path}")
    if unknown := sorted(settings.keys() - _SETTINGS):
        raise _wrong(f"{artifact}::{path} has the unknown member {unknown[0]}; it may have {sorted(_SETTINGS)}.")
    return settings


def _overrides(work: Work) -> Request:
    text = work.run.configuration.get("ParameterOverrides") or "{}"
    return {name: _value(work, value) for name, value in _object(text, "ParameterOverrides").items()}


def _value(work: Work, value: Any) -> Any:
    """Return an override's value: itself, an attribute of an artifact, or a value in one of its JSON files."""
    match value:
        case {"Fn::GetArtifactAtt": [artifact, attribute]}:
            found = work.input(artifact)
            url = f"https://s3.{work.pipeline.region}.amazonaws.com/{found.bucket}/{found.key}"
            return _member({"BucketName": found.bucket, "ObjectKey": found.key, "URL": url}, attribute, artifact)
        case {"Fn::GetParam": [artifact, path, key]}:
            return _member(_object(work.file(artifact, path), f"{artifact}::{path}"), key, f"{artifact}::{path}")
        case dict() | list():
            raise _wrong(f"ParameterOverrides: {json.dumps(value)} is neither a value nor a function.")
    return value


def _member(values: Request, name: str, where: str) -> Any:
    if name not in values:
        raise _wrong(f"ParameterOverrides: {where} has no {name}; it has {', '.join(sorted(values))}.")
    return values[name]


def _object(text: str, where: str) -> Request:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise _wrong(f"{where} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise _wrong(f"{where} is not a JSON object.")
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _wrong(message: str) -> ActionFailedError:
    return ActionFailedError("ConfigurationError", message)
