"""What a request wants a stack to be: its template, parameters, tags and capabilities, read and refused as AWS does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlparse

from botocore.exceptions import ClientError

from smproject.sandbox.cloudformation import (
    capabilities,
    checks,
    dynamic,
    limits,
    macros,
    parameters,
    rules,
    template,
    transforms,
)
from smproject.sandbox.cloudformation.accounts import StackAccount
from smproject.sandbox.cloudformation.intrinsics import Scope, pseudo
from smproject.sandbox.cloudformation.stacks import Definition
from smproject.sandbox.cloudformation.syntax import invalid, malformed
from smproject.sandbox.service import Caller, Request
from smproject.sandbox.world import World


def read(world: World, caller: Caller, owner: Caller, request: Request, before: Definition | None = None) -> Definition:
    """Return the wanted definition; `owner` is who acts for the stack, `before` what an existing stack is now.

    Refuses all that can be refused from the template and its parameters alone.
    """
    text = before.text if before and request.get("UsePreviousTemplate") else template_text(world, caller, request)
    content = template.read(text)
    if "ChangeSetName" not in request and transforms.declared(content):
        capabilities.demand(request, [capabilities.AUTO_EXPAND])  # who reviews a change set has seen what comes of it
    given = _given(request, before)
    declared, account = content.get("Parameters", {}), StackAccount(world, owner)
    values = dynamic.filled(parameters.resolve(declared, given, account), dynamic.Lookup(world, owner), ("ssm",))
    scope = Scope(_pseudo(owner, request) | values, mappings=content.get("Mappings", {}))
    with _followed():
        processed = process(world, caller, content, scope, macros.Invoker(world, owner, values))
        capabilities.demand(request, capabilities.needed(processed))
        scope.conditions = processed.get("Conditions", {})
        checks.check_active(processed, scope)
        rules.check(processed.get("Rules", {}), declared, scope.values, account)
    tags = before.tags if before and "Tags" not in request else tags_of(request)
    return Definition(text, processed, given, values, tags, request.get("Capabilities", []))


@contextmanager
def _followed() -> Iterator[None]:
    """Refuse a template whose conditions or functions can't be followed to their end."""
    try:
        yield
    except RecursionError:
        raise invalid("Template error: conditions or functions depend on each other in too many levels.") from None


def process(
    world: World, caller: Caller, content: dict[str, Any], scope: Scope, invoker: macros.Invoker
) -> dict[str, Any]:
    """Return a template as its transforms leave it, with everything checked that needs no more than itself."""
    extended = transforms.extended(content)
    if template.has_transforms(content):
        transforms.check(content)
        texts = {name: ",".join(v) if isinstance(v, list) else v for name, v in invoker.values.items()}
        context = transforms.Context(caller, scope, texts, lambda url: fetch(world, caller, url), invoker)
        content = transforms.expand(content, context)
        template.check_sections(content)
        template.check(content)
    checks.check(content, extended)
    return content


def _pseudo(owner: Caller, request: Request) -> dict[str, Any]:
    """Return what is known of a stack before it is: its id only where the request names it."""
    named = str(request.get("StackName", ""))
    by_id = named.startswith("arn:")
    id_ = named if by_id else owner.arn_of("cloudformation", f"stack/{named}/")
    return pseudo(owner, named.split("/")[1] if by_id else named, id_, request.get("NotificationARNs") or [])


def _given(request: Request, before: Definition | None) -> dict[str, str]:
    check_keys(request.get("Parameters", []))
    return {item["ParameterKey"]: _value(item, before) for item in request.get("Parameters", [])}


def tags_of(request: Request) -> dict[str, str]:
    """Return the tags of a request; refuses keys that AWS keeps for itself, and those that come twice."""
    keys = [tag["Key"] for tag in request.get("Tags", [])]
    if any(key.lower().startswith("aws:") for key in keys):
        raise invalid("aws: prefixed tag key names are not allowed for external use.")
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise invalid(f"Duplicate tag keys found: [{', '.join(twice)}]")
    return {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}


def check_keys(items: list[dict[str, Any]]) -> None:
    """Refuse parameters of a request that have no key, or the same one."""
    keys = [item.get("ParameterKey", "") for item in items]
    if "" in keys:
        raise invalid("Each parameter must have a ParameterKey.")
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise invalid(f"Parameters: [{', '.join(twice)}] are given more than once")


def _value(item: dict[str, Any], before: Definition | None) -> str:
    if not item.get("UsePreviousValue"):
        return str(item.get("ParameterValue", ""))
    key = item["ParameterKey"]
    previous = before.given(key) if before else None
    if previous is None:
        raise invalid(
            f"Invalid input for parameter key {key}. Cannot specify usePreviousValue as true for a parameter key not "
            "in the previous template"
        )
    return str(previous)


def template_text(world: World, caller: Caller, request: Request) -> str:
    """Return the template that a request holds or points to."""
    body, url = request.get("TemplateBody"), request.get("TemplateURL")
    if body and url:
        raise invalid("Either Template URL or Template Body must be specified.")
    if body:
        limits.check_body(body)
        return str(body)
    if url:
        return fetch(world, caller, url)
    raise invalid("Either Template URL or Template Body must be specified.")


def fetch(world: World, caller: Caller, url: str) -> str:
    """Read a template from S3 with the caller's credentials."""
    bucket, key = _s3_location(url)
    try:
        answer = world.client("s3", caller.credentials).get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        raise invalid(f"S3 error: {error.response['Error']['Message']} ({url})") from error
    limits.check_object(answer["ContentLength"])
    try:
        return str(answer["Body"].read().decode())
    except UnicodeDecodeError as error:
        raise malformed(f"the template is not UTF-8 text ({url}).") from error


def _s3_location(url: str) -> tuple[str, str]:
    """Read bucket and key out of an S3 address: `s3://`, path style or virtual-hosted."""
    parsed = urlparse(url)
    if parsed.scheme not in ("http", "https", "s3"):
        raise invalid("TemplateURL must be a supported URL.")
    path = unquote(parsed.path).lstrip("/")
    bucket, _, rest = parsed.netloc.partition(".s3")
    if parsed.scheme == "s3":
        bucket, key = parsed.netloc, path
    elif rest and bucket:
        key = path
    else:
        bucket, _, key = path.partition("/")
    if not bucket or not key:
        raise invalid(f"TemplateURL must reference a valid S3 object to which you have access: {url}")
    return bucket, key
