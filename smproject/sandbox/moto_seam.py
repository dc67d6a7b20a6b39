"""Everything that touches moto's internals (moto is pinned; tests/sandbox/test_moto_seam.py holds each seam)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cache, lru_cache
from types import SimpleNamespace
from typing import Any

from moto.cloudwatch.models import Alarm, MetricAggregatedDatum, cloudwatch_backends
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.serialize import SerializationContext, get_serializer_class
from moto.core.utils import get_service_model
from moto.events.models import EventPattern, EventPatternParser
from moto.iam.access_control import PermissionResult
from moto.iam.models import iam_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.organizations import utils as organization_utils
from moto.organizations.models import organizations_backends
from moto.s3 import notifications
from moto.s3.models import FakeBucket, FakeKey, s3_backends
from moto.sns.models import Subscription
from moto.sts.models import sts_backends
from werkzeug.datastructures import MultiDict

from smproject.sandbox import moto_iam, moto_logs, moto_mends, moto_object_tags, moto_replication

PARTITION = "aws"
_publish, _logs_let_in = Subscription.publish, FakeBucket._log_permissions_enabled_policy
# Subresources of buckets and objects that moto takes for the bucket or object itself: it would create or delete that.
S3_LACKS = {
    "abac",
    "analytics",
    "annotation",
    "intelligent-tiering",
    "metadataAnnotationTable",
    "metadataConfiguration",
    "metadataInventoryTable",
    "metadataJournalTable",
    "metadataTable",
    "metrics",
    "renameObject",
    "requestPayment",
    "session",
    "torrent",
}
WSGIApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]


@dataclass(frozen=True)
class Credentials:
    """Credentials and the principal they speak for; `role` is the ARN of a session's role, with its path."""

    access_key: str
    secret_key: str
    token: str
    account: str
    arn: str
    role: str = ""


ANONYMOUS = Credentials("", "", "", "", "anonymous")


@dataclass(frozen=True)
class Sample:
    """One or more values of a metric at a time (UTC): how many, their sum, the least and the greatest."""

    time: datetime
    count: float
    total: float
    least: float
    greatest: float


@dataclass(frozen=True)
class MetricAlarm:
    """A CloudWatch alarm, and the metrics it looks at."""

    account: str
    region: str
    alarm: Alarm

    @property
    def name(self) -> str:
        """Return its name."""
        return str(self.alarm.name)

    @property
    def metric(self) -> str:
        """Return its metric; empty when it is not on one metric."""
        several = self.alarm.metric_data_queries or self.alarm.rule is not None
        return "" if several else str(self.alarm.metric_name or "")

    @property
    def unchecked(self) -> bool:
        """Tell whether it has the state that moto creates alarms in."""
        return str(self.alarm.state_reason).startswith("Unchecked")

    def samples(self, since: datetime) -> list[Sample]:
        """Return what was put of the alarm's metric, with exactly its dimensions, since a time."""
        wanted = {(item.name, item.value) for item in self.alarm.dimensions}
        found = [
            (_utc(datum.timestamp), datum)
            for datum in list(cloudwatch_backends[self.account][self.region].metric_data)
            if (datum.name, datum.namespace) == (self.metric, self.alarm.namespace)
            and self.alarm.unit in (None, datum.unit)
            and {(item.name, item.value) for item in datum.dimensions} == wanted
        ]
        return [_sample(time, datum) for time, datum in found if time >= since]

    def set(self, state: str, reason: str, data: str) -> None:
        """Put it into a state: OK, ALARM or INSUFFICIENT_DATA."""
        self.alarm.update_state(reason, data, state)


def application() -> WSGIApplication:
    """Return moto's server as a WSGI application; it raises NotImplementedError for what moto lacks.

    moto reads bucket policies without their conditions, so that `Deny unless TLS` denies everything: that is off.
    """
    moto_iam.mend()
    moto_object_tags.mend()
    moto_logs.mend()
    moto_replication.mend()
    FakeBucket.get_permission = lambda self, action, resource: PermissionResult.NEUTRAL
    FakeBucket._log_permissions_enabled_policy = staticmethod(_lets_logs_in)
    return DomainDispatcherApplication(_backend)  # type: ignore[no-any-return,no-untyped-call,unused-ignore]


def _lets_logs_in(target_bucket: FakeBucket, target_prefix: str | None) -> bool:
    """Ask moto whether a policy lets S3 deliver logs; statements with the principal `*` it can't read."""
    policy = json.loads(target_bucket.policy or b'{"Statement": []}')
    stated = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    named = [each for each in stated if isinstance(each.get("Principal"), dict)]
    document = json.dumps({"Statement": named}).encode()
    readable = SimpleNamespace(policy=document, name=target_bucket.name, partition=target_bucket.partition)
    return bool(_logs_let_in(readable, target_prefix))


def _backend(service: str | None) -> Any:
    """Return the application of one service; moto asks for None when it doesn't know the host."""
    if service is None:
        raise NotImplementedError
    moto_mends.mend(service)
    return create_backend_app(service)


def session_credentials(role_arn: str, session_name: str, region: str) -> Credentials:
    """Make credentials of a role session without asking the role's trust policy, as AWS does for its own services."""
    account = role_arn.split(":")[4]
    role = sts_backends[account][PARTITION].assume_role(
        region_name=region, role_session_name=session_name, role_arn=role_arn, policy="", duration=43200, external_id=""
    )
    key = role.access_key_id
    return Credentials(key, role.secret_access_key, role.session_token, account, role.arn, role_arn)


@lru_cache(maxsize=4096)
def identify(access_key: str) -> Credentials | None:
    """Return whom an access key speaks for; None when no account has issued it."""
    for account, backends in list(iam_backends.items()):
        if key := backends[PARTITION].access_keys.get(access_key):
            session = sts_backends[account][PARTITION].get_assumed_role_from_access_key(access_key)
            if session:
                named = (account, session.arn, session.role_arn)
                return Credentials(access_key, key.secret_access_key, session.session_token, *named)
            user = iam_backends[account][PARTITION].users.get(key.user_name)
            arn = user.arn if user else f"arn:{PARTITION}:iam::{account}:user/{key.user_name}"
            return Credentials(access_key, key.secret_access_key, "", account, arn)
    return None


@cache
def _protocol(service: str) -> str:
    """Return the protocol that boto3 speaks: where a service offers CBOR too, botocore chooses JSON."""
    offered = get_service_model(service).metadata.get("protocols") or [get_service_model(service).protocol]
    return next(str(protocol) for protocol in offered if protocol in PROTOCOL_PARSERS)


def create_member_account(hub: str, account: str, name: str) -> None:
    """Create an account with a given id in the hub's organization, with its OrganizationAccountAccessRole."""
    random_id = organization_utils.make_random_account_id
    organization_utils.make_random_account_id = lambda: account
    try:
        organizations_backends[hub][PARTITION].create_account(AccountName=name, Email=f"{name}@example.com")
    finally:
        organization_utils.make_random_account_id = random_id


@dataclass(frozen=True)
class Place:
    """What a REST request says outside its body and query: headers, and the values in its path."""

    headers: Any = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


def parse(
    service: str, operation: str, body: bytes, values: Mapping[str, str], place: Place | None = None
) -> dict[str, Any]:
    """Read a request into the dictionary that boto3's caller passed; else raise ValueError."""
    model, place = get_service_model(service).operation_model(operation), place or Place()
    parser = PROTOCOL_PARSERS[_protocol(service)](model)
    request: Any = {"body": body, "values": MultiDict(values), "headers": place.headers, "method": "POST"}
    try:
        return dict(parser.parse(request | {"url_params": place.labels, "url_path": "/"}) or {})
    except (AttributeError, TypeError) as error:
        raise ValueError("a member is not of the type that the operation wants") from error


def serialize(service: str, operation: str, result: Mapping[str, Any]) -> tuple[int, dict[str, str], bytes]:
    """Write a result as the service's protocol demands: status, headers, body."""
    model = get_service_model(service).operation_model(operation)
    serializer = get_serializer_class(service, _protocol(service))
    response = serializer(model, context=SerializationContext()).serialize(result)
    body = response["body"]
    return response["status_code"], dict(response["headers"]), body.encode() if isinstance(body, str) else body


def object_versions(bucket: str, key: str) -> list[bytes]:
    """Return what was put under a key of a versioned bucket, oldest first; nothing where there is no such bucket."""
    keys = _s3_keys(bucket)
    versions = keys.getlist(key) if key in keys else []
    return [version.value for version in list(versions) if isinstance(version, FakeKey)]


def forget_object(bucket: str, key: str) -> None:
    """Drop all that was put under a key, as if it had never been."""
    keys = _s3_keys(bucket)
    if key in keys:
        keys.pop(key)


def _s3_keys(bucket: str) -> Any:
    account = s3_backends.bucket_accounts.get(bucket, ("", ""))[1]
    found = s3_backends[account][PARTITION].buckets.get(bucket) if account else None
    return found.keys if found else {}


@dataclass(frozen=True)
class Notification:
    """What an SNS topic sends to a function: who subscribed what, and where it goes when it can't be delivered."""

    topic: str
    subscription: str
    function: str
    fields: dict[str, Any]
    dead_letters: str


def notify_functions(deliver: Callable[[Notification], None]) -> None:
    """Let `deliver` have what topics send to functions, in place of moto, which would run a container."""

    def publish(
        self: Subscription,
        message: str,
        message_id: str,
        subject: str | None = None,
        message_attributes: dict[str, Any] | None = None,
        **rest: Any,
    ) -> None:
        if self.protocol != "lambda":
            _publish(self, message, message_id, subject, message_attributes, **rest)
            return
        matcher = self._filter_policy_matcher
        if matcher is not None and not matcher.matches(message_attributes, message):
            return
        if rest.get("message_structure") == "json":
            message = self._parse_message_structure(message, self.protocol)
        fields = self.get_post_data(message, message_id, subject, message_attributes)
        redrive = json.loads(self.attributes.get("RedrivePolicy") or "{}")
        target = redrive.get("deadLetterTargetArn", "")
        deliver(Notification(self.topic_arn, self.arn, self.endpoint, fields, target))

    Subscription.publish = publish


def tell_functions(deliver: Callable[[str, dict[str, Any]], None]) -> None:
    """Let `deliver` have each function's ARN and the event that a bucket sends it, in place of moto's containers."""

    def invoke(_account: str, event: dict[str, Any], function: str, _region: str) -> None:
        deliver(function, event)

    notifications._invoke_awslambda = invoke


def event_matches(pattern: str, event: Mapping[str, Any]) -> bool:
    """Tell whether an EventBridge pattern (JSON text) matches an event."""
    return bool(EventPattern(pattern, EventPatternParser(pattern).parse()).matches_event(dict(event)))


def input_shape(service: str, operation: str) -> Any:
    """Return the botocore shape of an operation's request."""
    return get_service_model(service).operation_model(operation).input_shape


def validation_code(service: str) -> str:
    """Return the error code with which a service refuses a request that breaks its model."""
    return "ValidationError" if get_service_model(service).protocol == "query" else "ValidationException"


def metric_alarms() -> list[MetricAlarm]:
    """Return all accounts' alarms in all regions."""
    return [
        MetricAlarm(account, region, alarm)
        for account, regions in list(cloudwatch_backends.items())
        for region, backend in list(regions.items())
        for alarm in list(backend.alarms.values())
    ]


def _sample(time: datetime, datum: Any) -> Sample:
    if isinstance(datum, MetricAggregatedDatum):
        return Sample(time, datum.sample_count, datum.sum, datum.min, datum.max)
    return Sample(time, 1.0, datum.value, datum.value, datum.value)


def _utc(time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)
