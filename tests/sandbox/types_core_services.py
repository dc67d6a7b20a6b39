"""The cases of messaging, logs, monitoring, secrets, tables and buckets."""

from __future__ import annotations

import json
from typing import Any

from types_core_cases import ACCOUNT, Case, Client, action_of, get, only, policy, ref, resource, tags

QUEUE = resource("AWS::SQS::Queue", QueueName="NAME")
DEAD = resource("AWS::SQS::Queue", QueueName="NAME-dead")
TOPIC = resource("AWS::SNS::Topic", TopicName="NAME")
GROUP = resource("AWS::Logs::LogGroup", LogGroupName="NAME")
SECRET = resource("AWS::SecretsManager::Secret", Name="NAME", SecretString="told")
ARN = {"Fn::Sub": "arn:aws:events:${AWS::Region}:${AWS::AccountId}:event-bus/NAME"}


def queue_url(client: Client, name: str) -> str:
    return str(client("sqs").get_queue_url(QueueName=name)["QueueUrl"])


def queue(client: Client, name: str) -> Any:
    found = queue_url(client, name)
    told = client("sqs").get_queue_attributes(QueueUrl=found, AttributeNames=["All"])["Attributes"]
    redrive = json.loads(told.get("RedrivePolicy", "{}"))
    listed = client("sqs").list_queue_tags(QueueUrl=found).get("Tags")
    return told["VisibilityTimeout"], told["DelaySeconds"], redrive.get("maxReceiveCount"), listed


def queue_policy(client: Client, name: str) -> Any:
    told = client("sqs").get_queue_attributes(QueueUrl=queue_url(client, name), AttributeNames=["Policy"])
    return action_of(told["Attributes"]["Policy"])


def subscription(client: Client, name: str) -> Any:
    sns = client("sns")
    topic = f"arn:aws:sns:us-east-1:{ACCOUNT}:{name}"
    found = only(sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"])
    told = sns.get_subscription_attributes(SubscriptionArn=found["SubscriptionArn"])["Attributes"]
    return told["RawMessageDelivery"], json.loads(told["FilterPolicy"])


def bus(client: Client, name: str) -> Any:
    events = client("events")
    found = events.describe_event_bus(Name=name)
    listed = events.list_tags_for_resource(ResourceARN=found["Arn"])["Tags"]
    return found.get("Description"), json.loads(found["Policy"])["Statement"][0]["Sid"], listed


def bus_policy(client: Client, name: str) -> Any:
    statements = json.loads(client("events").describe_event_bus(Name=name)["Policy"])["Statement"]
    return {each["Sid"]: each["Principal"]["AWS"] for each in statements}


def bus_rule(client: Client, name: str) -> Any:
    found = client("events").describe_rule(Name=name, EventBusName=name)
    listed = client("events").list_targets_by_rule(Rule=name, EventBusName=name)["Targets"]
    return json.loads(found["EventPattern"]), [target["Id"] for target in listed]


def archive(client: Client, name: str) -> Any:
    found = client("events").describe_archive(ArchiveName=name)
    return found["RetentionDays"], json.loads(found["EventPattern"])


def dashboard(client: Client, name: str) -> Any:
    return json.loads(client("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"])


def stream(client: Client, name: str) -> Any:
    return only(
        [each["logStreamName"] for each in client("logs").describe_log_streams(logGroupName=name)["logStreams"]]
    )


def metric_filter(client: Client, name: str) -> Any:
    found = only(client("logs").describe_metric_filters(logGroupName=name)["metricFilters"])
    return found and (found["filterPattern"], found["metricTransformations"][0]["metricName"])


def subscription_filter(client: Client, name: str) -> Any:
    found = only(client("logs").describe_subscription_filters(logGroupName=name)["subscriptionFilters"])
    return found and found["filterPattern"]


def log_policy(client: Client, name: str) -> Any:
    found = [p for p in client("logs").describe_resource_policies()["resourcePolicies"] if p["policyName"] == name]
    return found and action_of(only(found)["policyDocument"])


def secret(client: Client, name: str) -> Any:
    told = client("secretsmanager").describe_secret(SecretId=name)
    value = client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
    return value, told.get("Description"), told["Tags"]


def generated(client: Client, name: str) -> Any:
    value = json.loads(client("secretsmanager").get_secret_value(SecretId=name)["SecretString"])
    return value["user"], len(value["password"])


def secret_policy(client: Client, name: str) -> Any:
    return action_of(client("secretsmanager").get_resource_policy(SecretId=name)["ResourcePolicy"])


def table(client: Client, name: str) -> Any:
    api = client("dynamodb")
    found = api.describe_table(TableName=name)["Table"]
    kept = api.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    expiry = api.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    return (
        found["BillingModeSummary"]["BillingMode"],
        [index["IndexName"] for index in found.get("GlobalSecondaryIndexes", [])],
        found.get("StreamSpecification", {}).get("StreamViewType"),
        kept["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
        expiry["TimeToLiveStatus"],
        api.list_tags_of_resource(ResourceArn=found["TableArn"])["Tags"],
    )


def bucket(client: Client, name: str) -> Any:
    s3 = client("s3")
    [rule] = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    return (
        s3.get_bucket_website(Bucket=name)["IndexDocument"]["Suffix"],
        s3.get_bucket_cors(Bucket=name)["CORSRules"][0]["MaxAgeSeconds"],
        rule["Transitions"][0]["Days"],
        rule["Filter"]["And"]["Tags"],
        s3.get_bucket_accelerate_configuration(Bucket=name)["Status"],
        s3.get_bucket_notification_configuration(Bucket=name)["QueueConfigurations"][0]["Filter"]["Key"]["FilterRules"],
    )


def settings(site: str, days: int, state: str) -> dict[str, Any]:
    transition = {"StorageClass": "GLACIER", "TransitionInDays": days}
    rule = {"Status": "Enabled", "Prefix": "a/", "TagFilters": tags("v"), "Transitions": [transition]}
    by_name = {"S3Key": {"Rules": [{"Name": "prefix", "Value": site}]}}
    notice = {"Event": "s3:ObjectCreated:*", "Queue": get("Queue"), "Filter": by_name}
    return {
        "BucketName": "NAME",
        "WebsiteConfiguration": {"IndexDocument": site},
        "CorsConfiguration": {"CorsRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAge": days}]},
        "LifecycleConfiguration": {"Rules": [rule]},
        "AccelerateConfiguration": {"AccelerationStatus": state},
        "NotificationConfiguration": {"QueueConfigurations": [notice]},
    }


def indexed(*indexes: str, **properties: Any) -> dict[str, Any]:
    attributes = [{"AttributeName": name, "AttributeType": "S"} for name in ("id", *indexes)]
    keyed = [
        {
            "IndexName": name,
            "KeySchema": [{"AttributeName": name, "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }
        for name in indexes
    ]
    return {
        "TableName": "NAME",
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": attributes,
        "GlobalSecondaryIndexes": keyed,
        **properties,
    }


def transformation(name: str) -> dict[str, Any]:
    return {
        "MetricName": name,
        "MetricNamespace": "n",
        "MetricValue": "1",
        "Dimensions": [{"Key": "a", "Value": "$.a"}],
    }


def put_events(account: str) -> dict[str, Any]:
    return {"Action": "events:PutEvents", "Principal": account, "EventBusName": ref("Bus"), "StatementId": "Said"}


def password(length: int) -> dict[str, Any]:
    template = {"GenerateStringKey": "password", "SecretStringTemplate": '{"user": "me"}'}
    return {"PasswordLength": length, **template}


LISTED = policy("events:PutEvents", ARN, Principal={"AWS": "333333333333"})


def said(sid: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [LISTED["Statement"][0] | {"Sid": sid}]}


LOG_WRITER = {"Principal": {"Service": "events.amazonaws.com"}}
READER = {"Principal": {"AWS": "333333333333"}}

CASES = {
    "queue": Case(
        "AWS::SQS::Queue",
        {"QueueName": "NAME", "VisibilityTimeout": 40, "DelaySeconds": 5, "Tags": tags("1")},
        {
            "QueueName": "NAME",
            "VisibilityTimeout": "50",
            "RedrivePolicy": {"deadLetterTargetArn": get("Dead"), "maxReceiveCount": 3},
            "Tags": tags("2"),
        },
        queue,
        ("50", "0", 3, {"k": "2"}),
        {"Dead": DEAD},
        ("Arn", "QueueName", "QueueUrl"),
    ),
    "queue policy": Case(
        "AWS::SQS::QueuePolicy",
        {"Queues": [ref("Queue")], "PolicyDocument": policy("sqs:SendMessage", get("Queue"), **READER)},
        {"Queues": [ref("Queue")], "PolicyDocument": policy("sqs:ReceiveMessage", get("Queue"), **READER)},
        queue_policy,
        "sqs:ReceiveMessage",
        {"Queue": QUEUE},
        ("Id",),
    ),
    "subscription": Case(
        "AWS::SNS::Subscription",
        {"TopicArn": ref("Topic"), "Protocol": "sqs", "Endpoint": get("Queue"), "FilterPolicy": {"a": ["1"]}},
        {
            "TopicArn": ref("Topic"),
            "Protocol": "sqs",
            "Endpoint": get("Queue"),
            "FilterPolicy": {"a": ["2"]},
            "RawMessageDelivery": True,
        },
        subscription,
        ("true", {"a": ["2"]}),
        {"Topic": TOPIC, "Queue": QUEUE},
        ("Arn",),
    ),
    "bus": Case(
        "AWS::Events::EventBus",
        {"Name": "NAME", "Description": "old", "Policy": said("Old"), "Tags": tags("1")},
        {"Name": "NAME", "Policy": said("New"), "Tags": tags("2")},
        bus,
        (None, "New", tags("2")),
        attributes=("Arn", "Name"),
    ),
    "bus policy": Case(
        "AWS::Events::EventBusPolicy",
        put_events("333333333333"),
        put_events("444444444444"),
        bus_policy,
        {"Said": "arn:aws:iam::444444444444:root"},
        {"Bus": resource("AWS::Events::EventBus", Name="NAME")},
    ),
    "rule of a bus": Case(
        "AWS::Events::Rule",
        {
            "Name": "NAME",
            "EventBusName": ref("Bus"),
            "EventPattern": {"source": ["a"]},
            "Targets": [{"Id": "a", "Arn": get("Queue")}],
        },
        {
            "Name": "NAME",
            "EventBusName": ref("Bus"),
            "EventPattern": {"source": ["b"]},
            "Targets": [{"Id": "b", "Arn": get("Queue")}],
        },
        bus_rule,
        ({"source": ["b"]}, ["b"]),
        {"Bus": resource("AWS::Events::EventBus", Name="NAME"), "Queue": QUEUE},
        ("Arn", "RuleName"),
    ),
    "archive": Case(
        "AWS::Events::Archive",
        {"ArchiveName": "NAME", "SourceArn": get("Bus"), "RetentionDays": 1, "EventPattern": {"source": ["a"]}},
        {"ArchiveName": "NAME", "SourceArn": get("Bus"), "RetentionDays": 2, "EventPattern": {"source": ["b"]}},
        archive,
        (2, {"source": ["b"]}),
        {"Bus": resource("AWS::Events::EventBus", Name="NAME")},
        ("Arn",),
    ),
    "dashboard": Case(
        "AWS::CloudWatch::Dashboard",
        {"DashboardName": "NAME", "DashboardBody": '{"widgets": []}'},
        {"DashboardName": "NAME", "DashboardBody": '{"start": "-PT1H", "widgets": []}'},
        dashboard,
        {"start": "-PT1H", "widgets": []},
    ),
    "log stream": Case(
        "AWS::Logs::LogStream",
        {"LogGroupName": ref("Group"), "LogStreamName": "NAME"},
        {"LogGroupName": ref("Group"), "LogStreamName": "NAME"},
        stream,
        "NAME",
        {"Group": GROUP},
    ),
    "metric filter": Case(
        "AWS::Logs::MetricFilter",
        {"LogGroupName": ref("Group"), "FilterPattern": "OLD", "MetricTransformations": [transformation("old")]},
        {"LogGroupName": ref("Group"), "FilterPattern": "NEW", "MetricTransformations": [transformation("new")]},
        metric_filter,
        ("NEW", "new"),
        {"Group": GROUP},
    ),
    "log policy": Case(
        "AWS::Logs::ResourcePolicy",
        {"PolicyName": "NAME", "PolicyDocument": json.dumps(policy("logs:CreateLogStream", **LOG_WRITER))},
        {"PolicyName": "NAME", "PolicyDocument": json.dumps(policy("logs:PutLogEvents", **LOG_WRITER))},
        log_policy,
        "logs:PutLogEvents",
    ),
    "secret": Case(
        "AWS::SecretsManager::Secret",
        {"Name": "NAME", "SecretString": "old", "Description": "old", "Tags": tags("1")},
        {"Name": "NAME", "SecretString": "new", "Description": "old", "Tags": tags("2")},
        secret,
        ("new", "old", tags("2")),
        attributes=("Id",),
    ),
    "generated secret": Case(
        "AWS::SecretsManager::Secret",
        {"Name": "NAME", "GenerateSecretString": password(20)},
        {"Name": "NAME", "GenerateSecretString": password(24)},
        generated,
        ("me", 24),
    ),
    "secret policy": Case(
        "AWS::SecretsManager::ResourcePolicy",
        {"SecretId": ref("Secret"), "ResourcePolicy": policy("secretsmanager:GetSecretValue", **READER)},
        {"SecretId": ref("Secret"), "ResourcePolicy": policy("secretsmanager:DescribeSecret", **READER)},
        secret_policy,
        "secretsmanager:DescribeSecret",
        {"Secret": SECRET},
    ),
    "table": Case(
        "AWS::DynamoDB::Table",
        indexed("one", StreamSpecification={"StreamViewType": "NEW_IMAGE"}, Tags=tags("1")),
        indexed(
            "two",
            StreamSpecification={"StreamViewType": "NEW_IMAGE"},
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
            TimeToLiveSpecification={"AttributeName": "until", "Enabled": True},
            Tags=tags("2"),
        ),
        table,
        ("PAY_PER_REQUEST", ["two"], "NEW_IMAGE", "ENABLED", "ENABLED", tags("2")),
        attributes=("Arn", "StreamArn"),
    ),
    "bucket": Case(
        "AWS::S3::Bucket",
        settings("old", 60, "Enabled"),
        settings("new", 90, "Suspended"),
        bucket,
        ("new", 90, 90, tags("v"), "Suspended", [{"Name": "prefix", "Value": "new"}]),
        {
            "Queue": QUEUE,
        },
        ("Arn", "DomainName", "DualStackDomainName", "RegionalDomainName", "WebsiteURL"),
    ),
}
