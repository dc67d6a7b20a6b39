"""What is particular to single core types: generated values, refusals by name, what a setting leaves when it goes."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from harness import Sandbox, eventually
from stacks import Stacks
from types_core_cases import get, policy, ref, resource
from types_core_services import indexed, settings

ABLE: Any = {"Capabilities": ["CAPABILITY_NAMED_IAM"]}


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox)


@pytest.fixture
def name() -> str:
    return f"detail-{uuid.uuid4().hex[:8]}"


def text(**resources: Any) -> str:
    return json.dumps({"Resources": resources})


def test_a_bucket_loses_the_settings_that_its_template_drops(stacks: Stacks, sandbox: Sandbox, name: str) -> None:
    others = {
        "Queue": resource("AWS::SQS::Queue", QueueName="NAME"),
        "Logs": resource(
            "AWS::S3::Bucket",
            BucketName="NAME-logs",
            AccessControl="LogDeliveryWrite",
            OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]},
        ),
    }
    logged = {"LoggingConfiguration": {"DestinationBucketName": ref("Logs"), "LogFilePrefix": "told/"}}
    full = text(It=resource("AWS::S3::Bucket", **settings("old", 60, "Enabled"), **logged), **others).replace(
        "NAME", name
    )
    bare = text(It=resource("AWS::S3::Bucket", BucketName="NAME"), **others).replace("NAME", name)
    made = stacks.create(full, StackName=name)
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.reason(made["StackId"])
    assert sandbox.client("s3").get_bucket_logging(Bucket=name)["LoggingEnabled"]["TargetPrefix"] == "told/"
    assert stacks.update(name, bare)["StackStatus"] == "UPDATE_COMPLETE", stacks.reason(made["StackId"])
    s3 = sandbox.client("s3")
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=name)
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=name)
    assert s3.get_bucket_accelerate_configuration(Bucket=name)["Status"] == "Suspended"
    for gone in (s3.get_bucket_website, s3.get_bucket_cors, s3.get_bucket_lifecycle_configuration):
        with pytest.raises(ClientError, match=r"not exist|NoSuch"):
            gone(Bucket=name)


REFUSED = {  # property -> resource
    "MetricsConfigurations": resource("AWS::S3::Bucket", MetricsConfigurations=[{"Id": "all"}]),
    "ContributorInsightsSpecification": resource(
        "AWS::DynamoDB::Table", **indexed(TableName="NAME", ContributorInsightsSpecification={"Enabled": True})
    ),
    "ResourceTags": resource(
        "AWS::Budgets::Budget",
        Budget={"BudgetType": "COST", "TimeUnit": "MONTHLY", "BudgetLimit": {"Amount": 1, "Unit": "USD"}},
        ResourceTags=[{"Key": "k", "Value": "v"}],
    ),
    "ReplicaRegions": resource(
        "AWS::SecretsManager::Secret", SecretString="s", ReplicaRegions=[{"Region": "eu-west-1"}]
    ),
    "WithFederation": resource(
        "AWS::LakeFormation::Resource", ResourceArn="arn:aws:s3:::a", UseServiceLinkedRole=True, WithFederation=True
    ),
}


@pytest.mark.parametrize("refused", REFUSED)
def test_what_is_not_kept_here_is_refused_by_name(stacks: Stacks, name: str, refused: str) -> None:
    made = stacks.create(text(It=REFUSED[refused]).replace("NAME", name), StackName=name)
    assert made["StackStatus"] == "ROLLBACK_COMPLETE"
    assert f"does not execute the property {refused}" in stacks.reason(made["StackId"])


def test_a_generated_secret_stays_when_something_else_changes(stacks: Stacks, sandbox: Sandbox, name: str) -> None:
    wanted = {"Name": name, "GenerateSecretString": {"PasswordLength": 20, "ExcludePunctuation": True}}
    api = sandbox.client("secretsmanager")
    stacks.create(text(It=resource("AWS::SecretsManager::Secret", **wanted)), StackName=name)
    first = api.get_secret_value(SecretId=name)["SecretString"]
    described = text(It=resource("AWS::SecretsManager::Secret", **wanted, Description="told"))
    assert stacks.update(name, described)["StackStatus"] == "UPDATE_COMPLETE"
    assert api.get_secret_value(SecretId=name)["SecretString"] == first
    assert first.isalnum()
    assert len(first) == 20


def test_a_queue_keeps_its_policy_when_it_changes(stacks: Stacks, sandbox: Sandbox, name: str) -> None:
    said = policy("sqs:SendMessage", get("It"), Principal={"AWS": "333333333333"})
    rest = {"Policy": resource("AWS::SQS::QueuePolicy", Queues=[ref("It")], PolicyDocument=said)}
    before, after = (
        text(It=resource("AWS::SQS::Queue", QueueName=name, DelaySeconds=seconds), **rest) for seconds in (1, 2)
    )
    stacks.create(before, StackName=name)
    assert stacks.update(name, after)["StackStatus"] == "UPDATE_COMPLETE"
    sqs = sandbox.client("sqs")
    told = sqs.get_queue_attributes(QueueUrl=stacks.physical(name)["It"], AttributeNames=["All"])["Attributes"]
    assert told["DelaySeconds"] == "2"
    assert json.loads(told["Policy"])["Statement"][0]["Action"] == "sqs:SendMessage"


def test_a_first_in_first_out_queue_is_named_so(stacks: Stacks, name: str) -> None:
    made = stacks.create(text(It=resource("AWS::SQS::Queue", FifoQueue=True)), StackName=name)
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.reason(made["StackId"])
    assert stacks.physical(name)["It"].endswith(".fifo")


def test_an_archive_keeps_the_events_that_it_asks_for(stacks: Stacks, sandbox: Sandbox, name: str) -> None:
    events = sandbox.client("events")
    archive = resource(
        "AWS::Events::Archive", ArchiveName=name, SourceArn=get("Bus"), EventPattern={"source": ["kept"]}
    )
    made = stacks.create(text(Bus=resource("AWS::Events::EventBus", Name=name), It=archive), StackName=name)
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.reason(made["StackId"])
    for source in ("left", "kept"):
        events.put_events(Entries=[{"Source": source, "DetailType": "d", "Detail": "{}", "EventBusName": name}])
    eventually(lambda: events.describe_archive(ArchiveName=name)["EventCount"] == 1)
    with pytest.raises(ClientError, match="StartReplay"):
        events.start_replay(
            ReplayName=name,
            EventSourceArn=events.describe_archive(ArchiveName=name)["ArchiveArn"],
            EventStartTime=0,
            EventEndTime=1,
            Destination={"Arn": events.describe_event_bus(Name=name)["Arn"]},
        )


def test_a_policy_of_parts_lets_an_organization_in(sandbox: Sandbox, name: str) -> None:
    events = sandbox.client("events")
    events.create_event_bus(Name=name)
    condition = {"Type": "StringEquals", "Key": "aws:PrincipalOrgID", "Value": "o-1234567890"}
    statement = {"EventBusName": name, "Action": "events:PutEvents", "Principal": "*", "StatementId": "Org"}
    events.put_permission(**statement, Condition=condition)
    [found] = json.loads(events.describe_event_bus(Name=name)["Policy"])["Statement"]
    assert (found["Principal"], found["Condition"]) == ("*", {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}})


def test_a_log_group_says_its_class(stacks: Stacks, sandbox: Sandbox, name: str) -> None:
    group = resource("AWS::Logs::LogGroup", LogGroupName=name, LogGroupClass="INFREQUENT_ACCESS")
    other = resource("AWS::Logs::LogGroup", LogGroupName=f"{name}-other")
    assert stacks.create(text(It=group, Other=other), StackName=name)["StackStatus"] == "CREATE_COMPLETE"
    found = sandbox.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert [each["logGroupClass"] for each in found] == ["INFREQUENT_ACCESS", "STANDARD"]
    changed = text(It={**group, "Properties": {**group["Properties"], "LogGroupClass": "STANDARD"}}, Other=other)
    assert stacks.update(name, changed)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"


def test_a_subscription_to_logs_is_kept_and_goes(stacks: Stacks, sandbox: Sandbox, name: str) -> None:
    kinesis, logs = sandbox.client("kinesis"), sandbox.client("logs")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    arn = kinesis.describe_stream(StreamName=name)["StreamDescription"]["StreamARN"]
    logs.create_log_group(logGroupName=name)
    role = sandbox.role(name, "logs.amazonaws.com")

    def subscribed(pattern: str) -> str:
        wanted = {"LogGroupName": name, "DestinationArn": arn, "RoleArn": role, "FilterPattern": pattern}
        return text(It=resource("AWS::Logs::SubscriptionFilter", **wanted))

    made = stacks.create(subscribed("OLD"), StackName=name)
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.reason(made["StackId"])
    assert stacks.update(name, subscribed("NEW"))["StackStatus"] == "UPDATE_COMPLETE", stacks.reason(made["StackId"])
    [found] = logs.describe_subscription_filters(logGroupName=name)["subscriptionFilters"]
    assert (found["filterPattern"], found["destinationArn"]) == ("NEW", arn)
    stacks.delete(made["StackId"])
    assert logs.describe_subscription_filters(logGroupName=name)["subscriptionFilters"] == []


def test_a_disabled_key_of_several_regions(stacks: Stacks, sandbox: Sandbox, name: str) -> None:
    document = policy("kms:*", Principal={"AWS": "222222222222"})

    def key(enabled: bool) -> str:
        return text(It=resource("AWS::KMS::Key", KeyPolicy=document, MultiRegion=True, Enabled=enabled))

    made = stacks.create(key(False), StackName=name)
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.reason(made["StackId"])
    kms, known = sandbox.client("kms"), stacks.physical(name)["It"]
    found = kms.describe_key(KeyId=known)["KeyMetadata"]
    assert (found["Enabled"], found["MultiRegion"]) == (False, True)
    stacks.update(name, key(True))
    assert kms.describe_key(KeyId=known)["KeyMetadata"]["Enabled"]


def test_a_failed_resource_leaves_nothing(stacks: Stacks, sandbox: Sandbox, name: str) -> None:
    user = resource("AWS::IAM::User", UserName=name, Groups=["no-such-group"])
    made = stacks.create(text(It=user), StackName=name, **ABLE)
    assert made["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "no-such-group" in stacks.reason(made["StackId"])
    with pytest.raises(ClientError, match="NoSuchEntity"):
        sandbox.client("iam").get_user(UserName=name)
