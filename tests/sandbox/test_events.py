"""EventBridge: which events reach which targets, and in what form."""

from __future__ import annotations

import json
import uuid
from typing import Any

import boto3
import pytest
from harness import ACCOUNTS, Sandbox, eventually

QUIET = 1.5  # seconds after which an event that has not come is taken to stay away


class Queue:
    """A queue that hears what a rule's target receives."""

    def __init__(self, sandbox: Sandbox, profile: str = "development") -> None:
        self._sqs = sandbox.client("sqs", profile)
        self._url = self._sqs.create_queue(QueueName=f"heard-{uuid.uuid4()}")["QueueUrl"]
        asked = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        self.arn: str = asked["Attributes"]["QueueArn"]

    def receive(self, wait: float = 10) -> list[dict[str, Any]]:
        found = self._sqs.receive_message(
            QueueUrl=self._url, WaitTimeSeconds=int(wait + 0.5), MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        return list(found.get("Messages", []))

    def bodies(self, wait: float = 10) -> list[Any]:
        return [json.loads(message["Body"]) for message in self.receive(wait)]


def rule(sandbox: Sandbox, pattern: dict[str, Any], *targets: dict[str, Any], **facts: Any) -> str:
    """Make a rule with targets; return its name."""
    events, name = sandbox.client("events"), f"rule-{uuid.uuid4()}"
    bus = {"EventBusName": facts.pop("EventBusName", "default")}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern), **bus, **facts)
    numbered = [{"Id": str(number), **target} for number, target in enumerate(targets)]
    assert events.put_targets(Rule=name, Targets=numbered, **bus)["FailedEntryCount"] == 0
    return name


def put(sandbox: Sandbox, source: str, profile: str = "development", **detail: Any) -> dict[str, Any]:
    entry = {"Source": source, "DetailType": "Test", "Detail": json.dumps(detail), "Resources": ["arn:aws:a:::b"]}
    return dict(sandbox.client("events", profile).put_events(Entries=[entry]))


@pytest.fixture
def source() -> str:
    """A source of events that no other test uses."""
    return f"test.{uuid.uuid4()}"


def test_an_event_arrives_as_aws_writes_it(sandbox: Sandbox, source: str) -> None:
    queue = Queue(sandbox)
    rule(sandbox, {"source": [source], "detail": {"size": [{"numeric": [">", 1]}]}}, {"Arn": queue.arn})
    answer = put(sandbox, source, size=2)
    put(sandbox, source, size=1)
    [event] = queue.bodies()
    assert event.pop("time").endswith("Z")
    assert event == {
        "version": "0",
        "id": answer["Entries"][0]["EventId"],
        "detail-type": "Test",
        "source": source,
        "account": ACCOUNTS["development"],
        "region": "us-east-1",
        "resources": ["arn:aws:a:::b"],
        "detail": {"size": 2},
    }
    assert queue.bodies(QUIET) == []


def test_a_disabled_rule_delivers_nothing(sandbox: Sandbox, source: str) -> None:
    queue = Queue(sandbox)
    name = rule(sandbox, {"source": [source]}, {"Arn": queue.arn}, State="DISABLED")
    put(sandbox, source)
    assert queue.bodies(QUIET) == []
    sandbox.client("events").enable_rule(Name=name)
    put(sandbox, source, again=True)
    assert [event["detail"] for event in queue.bodies()] == [{"again": True}]


def test_a_target_receives_what_its_rule_says(sandbox: Sandbox, source: str) -> None:
    constant, part, template = Queue(sandbox), Queue(sandbox), Queue(sandbox)
    transformer = {
        "InputPathsMap": {"who": "$.detail.who", "tags": "$.detail.tags", "first": "$.detail.tags[0]"},
        "InputTemplate": '{"text": "Hello <who>, rule <aws.events.rule-name>", "first": <first>, "tags": <tags>}',
    }
    name = rule(
        sandbox,
        {"source": [source]},
        {"Arn": constant.arn, "Input": '{"a": 1}'},
        {"Arn": part.arn, "InputPath": "$.detail"},
        {"Arn": template.arn, "InputTransformer": transformer},
    )
    put(sandbox, source, who='Ada "A"', tags=["x", "y"])
    assert constant.bodies() == [{"a": 1}]
    assert part.bodies() == [{"who": 'Ada "A"', "tags": ["x", "y"]}]
    assert template.bodies() == [{"text": f'Hello Ada "A", rule {name}', "first": "x", "tags": ["x", "y"]}]


def test_topics_and_log_groups_hear_events(sandbox: Sandbox, source: str) -> None:
    queue, sns, logs = Queue(sandbox), sandbox.client("sns"), sandbox.client("logs")
    topic = sns.create_topic(Name=f"topic-{uuid.uuid4()}")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes={"RawMessageDelivery": "true"})
    group = f"/aws/events/{uuid.uuid4()}"
    logs.create_log_group(logGroupName=group)
    group_arn = f"arn:aws:logs:us-east-1:{ACCOUNTS['development']}:log-group:{group}"
    rule(sandbox, {"source": [source]}, {"Arn": topic}, {"Arn": group_arn})
    put(sandbox, source, n=1)
    assert [event["detail"] for event in queue.bodies()] == [{"n": 1}]
    logged = eventually(lambda: logs.filter_log_events(logGroupName=group)["events"])
    assert json.loads(logged[0]["message"])["detail"] == {"n": 1}


def test_another_account_must_be_let_in(sandbox: Sandbox, source: str) -> None:
    queue, shared = Queue(sandbox), f"shared-{uuid.uuid4()}"
    events = sandbox.client("events")
    bus = events.create_event_bus(Name=shared)["EventBusArn"]
    rule(sandbox, {"account": [ACCOUNTS["staging"]]}, {"Arn": queue.arn}, EventBusName=shared)
    entry = {"Source": source, "DetailType": "Test", "Detail": "{}", "EventBusName": bus}
    staging = sandbox.client("events", "staging")
    assert staging.put_events(Entries=[entry])["Entries"][0]["ErrorCode"] == "AccessDeniedException"
    events.put_permission(
        EventBusName=shared, Action="events:PutEvents", Principal=ACCOUNTS["staging"], StatementId="staging"
    )
    assert staging.put_events(Entries=[entry])["FailedEntryCount"] == 0
    [event] = queue.bodies()
    assert (event["account"], event["source"]) == (ACCOUNTS["staging"], source)


def test_a_rule_passes_an_event_to_another_accounts_bus_unchanged(sandbox: Sandbox, source: str) -> None:
    queue, production = Queue(sandbox, "production"), sandbox.client("events", "production")
    bus = production.create_event_bus(Name=f"bus-{uuid.uuid4()}")
    name = bus["EventBusArn"].partition("/")[2]
    facts = {"Action": "events:PutEvents", "Principal": ACCOUNTS["development"], "StatementId": "dev"}
    production.put_permission(EventBusName=name, **facts)
    production.put_rule(Name=name, EventBusName=name, EventPattern=json.dumps({"source": [source]}))
    production.put_targets(Rule=name, EventBusName=name, Targets=[{"Id": "1", "Arn": queue.arn}])
    role = sandbox.role("events-forwarder", "events.amazonaws.com")
    rule(sandbox, {"source": [source]}, {"Arn": bus["EventBusArn"], "RoleArn": role})
    put(sandbox, source, n=7)
    [event] = queue.bodies()
    assert (event["account"], event["detail"]) == (ACCOUNTS["development"], {"n": 7})
    assert event["resources"] == ["arn:aws:a:::b"]


@pytest.mark.parametrize("profile", ["development", "production"])
def test_a_rule_passes_nothing_on_by_a_role_that_may_not_put_events(
    sandbox: Sandbox, source: str, profile: str
) -> None:
    queue, dead, events = Queue(sandbox, profile), Queue(sandbox), sandbox.client("events", profile)
    bus = events.create_event_bus(Name=f"bus-{uuid.uuid4()}")["EventBusArn"]
    name = bus.partition("/")[2]
    facts = {"Action": "events:PutEvents", "Principal": ACCOUNTS["development"], "StatementId": "dev"}
    events.put_permission(EventBusName=name, **facts)
    events.put_rule(Name=name, EventBusName=name, EventPattern=json.dumps({"source": [source]}))
    events.put_targets(Rule=name, EventBusName=name, Targets=[{"Id": "1", "Arn": queue.arn}])
    role = sandbox.role(f"powerless-{uuid.uuid4()}", "events.amazonaws.com", policies=[])
    rule(sandbox, {"source": [source]}, {"Arn": bus, "RoleArn": role, "DeadLetterConfig": {"Arn": dead.arn}})
    put(sandbox, source)
    [message] = dead.receive()
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "AccessDeniedException"
    why = message["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"]
    assert f"is not authorized to perform: events:PutEvents on resource: {bus}" in why
    assert queue.bodies(QUIET) == []


def test_a_bus_lets_in_whom_its_policy_names_and_what_its_conditions_allow(sandbox: Sandbox, source: str) -> None:
    events, name = sandbox.client("events"), f"bus-{uuid.uuid4()}"
    bus = events.create_event_bus(Name=name)["EventBusArn"]
    invited = sandbox.role(f"invited-{uuid.uuid4()}", f"arn:aws:iam::{ACCOUNTS['staging']}:root", profile="staging")
    statement = {"Sid": "one", "Effect": "Allow", "Principal": {"AWS": invited}, "Action": "events:PutEvents"}
    statement |= {"Resource": bus, "Condition": {"StringEquals": {"events:source": source}}}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    events.put_permission(EventBusName=name, Policy=json.dumps(policy))
    assumed = sandbox.client("sts", "staging").assume_role(RoleArn=invited, RoleSessionName="guest")["Credentials"]
    guest = boto3.client(
        "events", region_name="us-east-1", endpoint_url=sandbox.endpoint, aws_access_key_id=assumed["AccessKeyId"],
        aws_secret_access_key=assumed["SecretAccessKey"], aws_session_token=assumed["SessionToken"],
    )  # fmt: skip
    entry = {"Source": source, "DetailType": "Test", "Detail": "{}", "EventBusName": bus}

    other, answer = {**entry, "Source": "another"}, sandbox.client("events", "staging").put_events(Entries=[entry])
    assert answer["Entries"][0]["ErrorCode"] == "AccessDeniedException"
    answers = guest.put_events(Entries=[entry, other])["Entries"]
    assert [each.get("ErrorCode") for each in answers] == [None, "AccessDeniedException"]


def test_a_failed_delivery_is_recorded_and_goes_to_the_dead_letter_queue(sandbox: Sandbox, source: str) -> None:
    dead = Queue(sandbox)
    missing = f"arn:aws:sqs:us-east-1:{ACCOUNTS['development']}:missing"
    rule(sandbox, {"source": [source]}, {"Arn": missing, "DeadLetterConfig": {"Arn": dead.arn}})
    put(sandbox, source, n=1)
    [message] = dead.receive()
    assert json.loads(message["Body"])["detail"] == {"n": 1}
    assert message["MessageAttributes"]["TARGET_ARN"]["StringValue"] == missing
    recorded = (sandbox.home / "failed-deliveries.jsonl").read_text().splitlines()
    assert [line["target"] for line in map(json.loads, recorded) if line["event"]["source"] == source] == [missing]


def test_a_target_that_nobody_acts_for_fails_by_name(sandbox: Sandbox, source: str) -> None:
    dead = Queue(sandbox)
    machine = f"arn:aws:states:us-east-1:{ACCOUNTS['development']}:stateMachine:none"
    rule(sandbox, {"source": [source]}, {"Arn": machine, "DeadLetterConfig": {"Arn": dead.arn}})
    put(sandbox, source)
    [message] = dead.receive()
    assert machine in message["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"]


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"DetailType": "T", "Detail": "{}"}, "InvalidArgument"),
        ({"Source": "s", "DetailType": "T", "Detail": "{"}, "MalformedDetail"),
        ({"Source": "s", "DetailType": "T", "Detail": "[]"}, "MalformedDetail"),
        ({"Source": "aws.s3", "DetailType": "T", "Detail": "{}"}, "NotAuthorizedForSourceException"),
        ({"Source": "s", "DetailType": "T", "Detail": "{}", "EventBusName": "absent"}, "InvalidArgument"),
    ],
)
def test_a_bad_entry_is_refused_and_the_others_pass(sandbox: Sandbox, entry: dict[str, str], code: str) -> None:
    good = {"Source": "test", "DetailType": "T", "Detail": "{}"}
    answer = sandbox.client("events").put_events(Entries=[entry, good])
    assert answer["FailedEntryCount"] == 1
    assert [found.get("ErrorCode") for found in answer["Entries"]] == [code, None]
