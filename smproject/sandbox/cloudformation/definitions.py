"""What a request wants a stack to be: its template, parameters, tags and capabilities, read and refused as AWS does."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlparse

from botocore.exceptions import ClientError

from smproject.sandbox.cloudformation import parameters, template
from smproject.sandbox.cloudformation.stacks import Definition
from smproject.sandbox.service import Caller, Request, ServiceError
from smproject.sandbox.world import World

_IAM_TYPES = ("AWS::IAM::",)
_IAM_NAMES = {"RoleName", "UserName", "GroupName", "ManagedPolicyName"}


def read(world: World, caller: Caller, owner: Caller, request: Request, before: Definition | None = None) -> Definition:
    """Return the wanted definition; `owner` is who acts for the stack, `before` what an existing stack is now."""
    text = before.text if before and request.get("UsePreviousTemplate") else template_text(world, caller, request)
    content = template.read(text)
    missing = [name for name in needed_capabilities(content) if name not in _granted(request)]
    if missing:
        raise ServiceError("InsufficientCapabilitiesException", f"Requires capabilities : [{', '.join(missing)}]")
    given = _given(request, before)
    values = parameters.resolve(content.get("Parameters", {}), given, lambda name: _ssm(world, owner, name))
    tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}
    if before and "Tags" not in request:
        tags = before.tags
    return Definition(text, content, given, values, tags, request.get("Capabilities", []))


def _given(request: Request, before: Definition | None) -> dict[str, str]:
    return {item["ParameterKey"]: _value(item, before) for item in request.get("Parameters", [])}


def _value(item: dict[str, Any], before: Definition | None) -> str:
    if not item.get("UsePreviousValue"):
        return str(item.get("ParameterValue", ""))
    key = item["ParameterKey"]
    previous = before.given(key) if before else None
    if previous is None:
        raise ServiceError(
            "ValidationError",
            f"Invalid input for parameter key {key}. Cannot specify usePreviousValue as true for a parameter key not "
            "in the previous template",
        )
    return str(previous)


def _ssm(world: World, owner: Caller, name: str) -> str:
    try:
        found = world.client("ssm", owner.credentials, owner.region).get_parameter(Name=name)
    except ClientError as error:
        message = f"Unable to fetch parameters [{name}] from parameter store for this account."
        raise ServiceError("ValidationError", message) from error
    return str(found["Parameter"]["Value"])


def needed_capabilities(content: dict[str, Any]) -> list[str]:
    """Return the capabilities that a template needs."""
    iam = [item for item in content["Resources"].values() if str(item.get("Type")).startswith(_IAM_TYPES)]
    named = any(_IAM_NAMES & set(item.get("Properties", {})) for item in iam)
    return ["CAPABILITY_NAMED_IAM" if named else "CAPABILITY_IAM"] if iam else []


def _granted(request: Request) -> set[str]:
    granted = set(request.get("Capabilities", []))
    return granted | ({"CAPABILITY_IAM"} if "CAPABILITY_NAMED_IAM" in granted else set())


def template_text(world: World, caller: Caller, request: Request) -> str:
    """Return the template that a request holds or points to."""
    if body := request.get("TemplateBody"):
        if len(body) > 51200:
            raise ServiceError("ValidationError", "Template may not exceed 51200 bytes in size; use TemplateURL.")
        return str(body)
    if url := request.get("TemplateURL"):
        return fetch(world, caller, url)
    raise ServiceError("ValidationError", "Either Template URL or Template Body must be specified.")


def fetch(world: World, caller: Caller, url: str) -> str:
    """Read a template from S3 with the caller's credentials."""
    bucket, key = _s3_location(url)
    try:
        body = world.client("s3", caller.credentials).get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        raise ServiceError("ValidationError", f"S3 error: {error.response['Error']['Message']} ({url})") from error
    return str(body.decode())


def _s3_location(url: str) -> tuple[str, str]:
    """Read bucket and key out of an S3 address, path style or virtual-hosted."""
    parsed = urlparse(url)
    host, path = parsed.netloc, parsed.path.lstrip("/")
    bucket, _, rest = host.partition(".s3")
    if rest and bucket:
        return bucket, path
    bucket, _, key = path.partition("/")
    if not key:
        raise ServiceError(
            "ValidationError", f"TemplateURL must reference a valid S3 object to which you have access: {url}"
        )
    return bucket, key
