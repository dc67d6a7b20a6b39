"""What a call asks of AWS: its action on each resource, the setting of tags, and the handing on of roles."""

from __future__ import annotations

from collections.abc import Iterator

from smproject.sandbox.moto_seam import PARTITION
from smproject.sandbox.permissions import actions, passing, resources, service_keys, tagging
from smproject.sandbox.permissions.access import Question, Rule
from smproject.sandbox.permissions.asked import Asked
from smproject.sandbox.permissions.records import Records
from smproject.sandbox.permissions.request import Found, Principal, access_request

_ACCOUNT_DIGITS, _ARN_PARTS = 12, 6
# Whether the other account lets the caller in, the service itself tells of each entry.
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
_ASKED_BY_SERVICE = {"events:PutEvents"}


def of(principal: Principal, asked: Asked, records: Records) -> Iterator[Question]:
    """Yield what a call of any service but S3 asks for."""
    names = actions.names(asked.call.service, asked.operation, asked.environ["REQUEST_METHOD"])
    shared = _context(asked)
    unchecked = " " in asked.operation  # a path that no service model has: nothing tells its action
    for name in names:
        for resource in resources.named(asked, name):
            yield _question(principal, f"{asked.prefix}:{name}", resource, shared, records, unchecked)
    if setter := tagging.setter(asked):
        for resource in resources.named(asked, names[0])[:1]:  # what is made comes first
            yield _question(principal, f"{asked.prefix}:{setter}", resource, shared, records)
    for role, service in passing.passed(asked):
        yield _question(principal, passing.ACTION, (role,), {**shared, "iam:PassedToService": service}, records)
    for connection, service in passing.connections(asked):
        owner = connection.split(":")[2]
        given = {**shared, f"{owner}:PassedToService": service}
        yield _question(principal, f"{owner}:PassConnection", (connection,), given, records)


def of_permission(
    principal: Principal, action: str, arn: str, asked: dict[str, str], records: Records
) -> Iterator[Question]:
    """Yield what one permission on one resource asks for."""
    yield _question(principal, action, (arn,), dict(asked), records)


def of_git(principal: Principal, action: str, repository: str, region: str, records: Records) -> Iterator[Question]:
    """Yield what a pull from a repository of CodeCommit asks for, or a push to it."""
    arn = f"arn:{PARTITION}:codecommit:{region}:{principal.account}:{repository}"
    yield _question(principal, action, (arn,), {"aws:RequestedRegion": region}, records)


def _question(  # noqa: PLR0913, PLR0917 - what a question is made of
    principal: Principal,
    action: str,
    resource: tuple[str, ...],
    shared: dict[str, Found],
    records: Records,
    unchecked: bool = False,
) -> Question:
    arn = resource[0]
    of_tags = {f"{prefix}:ResourceTag/": _tag(records, arn) for prefix in ("aws", action.partition(":")[0])}
    owner = _owner(arn, principal)
    if action in _ASKED_BY_SERVICE and owner != principal.account:
        return Question(access_request(principal, action, resource, principal.account, {**shared, **of_tags}))
    request = access_request(principal, action, resource, owner, {**shared, **of_tags})
    policy = records.policy(arn) if arn.startswith("arn:") else None
    decides = policy is not None and arn.split(":")[2] == "kms"
    return Question(request, policy, Rule.DECIDES if decides else Rule.ADDS, unchecked=unchecked)


def _owner(arn: str, principal: Principal) -> str:
    """Return the account of a resource; the caller's where its ARN names none, or AWS's own."""
    parts = arn.split(":")
    return parts[4] if len(parts) >= _ARN_PARTS and len(parts[4]) == _ACCOUNT_DIGITS else principal.account


def _context(asked: Asked) -> dict[str, Found]:
    """Return the condition keys that the request itself tells."""
    return {
        "aws:RequestedRegion": asked.region,
        "aws:SourceIp": str(asked.environ.get("REMOTE_ADDR", "127.0.0.1")),
        "aws:UserAgent": str(asked.environ.get("HTTP_USER_AGENT", "")),
        "aws:TagKeys": lambda: tagging.keys(asked) or None,
        "aws:RequestTag/": lambda name: {k.lower(): v for k, v in tagging.given(asked).items()}.get(name.lower()),
        **service_keys.of(asked),
    }


def _tag(records: Records, arn: str) -> Found:
    return lambda name: records.tags(arn).get(name.lower()) if arn.startswith("arn:") else None
