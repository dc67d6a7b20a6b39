"""Functions as targets of EventBridge rules and subscribers of SNS topics."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from functions import Functions
from harness import Sandbox

SAY = "def handler(event, context):\n    import json\n    print('got', json.dumps(event))\n"


@pytest.fixture(scope="module")
def functions(sandbox: Sandbox) -> Functions:
    return Functions(sandbox)


def allow(functions: Functions, name: str, service: str, source: str) -> None:
    functions.api.add_permission(
        FunctionName=name,
        StatementId="source",
        Action="lambda:InvokeFunction",
        Principal=f"{service}.amazonaws.com",
        SourceArn=source,
    )


def got(functions: Functions, name: str) -> Any:
    """Return the event that a function has printed."""
    messages = functions.logged(name, "got")
    return json.loads(next(message for message in messages if message.startswith("got")).removeprefix("got "))


def arn_of(functions: Functions, name: str) -> str:
    return str(functions.api.get_function(FunctionName=name)["Configuration"]["FunctionArn"])


def rule(sandbox: Sandbox, source: str, target: dict[str, Any]) -> str:
    """Make a rule for a source with one target; return its ARN."""
    events, name = sandbox.client("events"), f"rule-{uuid.uuid4()}"
    arn = events.put_rule(Name=name, EventPattern=json.dumps({"source": [source]}))["RuleArn"]
    events.put_targets(Rule=name, Targets=[{"Id": "function", **target}])
    return str(arn)


def put(sandbox: Sandbox, source: str) -> None:
    entry = {"Source": source, "DetailType": "Test", "Detail": json.dumps({"size": 3})}
    sandbox.client("events").put_events(Entries=[entry])


def test_a_rule_invokes_a_function_whose_policy_lets_it(sandbox: Sandbox, functions: Functions) -> None:
    name, source = functions.create(SAY), f"test.{uuid.uuid4()}"
    allow(functions, name, "events", rule(sandbox, source, {"Arn": arn_of(functions, name)}))
    put(sandbox, source)
    event = got(functions, name)
    assert (event["source"], event["detail"]) == (source, {"size": 3})


def test_a_rule_that_no_policy_lets_in_goes_to_the_dead_letters(sandbox: Sandbox, functions: Functions) -> None:
    name, source, sqs = functions.create(SAY), f"test.{uuid.uuid4()}", sandbox.client("sqs")
    url = sqs.create_queue(QueueName=f"dead-{uuid.uuid4()}")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow(functions, name, "events", "arn:aws:events:us-east-1:222222222222:rule/another")
    rule(sandbox, source, {"Arn": arn_of(functions, name), "DeadLetterConfig": {"Arn": queue}})
    put(sandbox, source)
    [letter] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10, MessageAttributeNames=["All"])["Messages"]
    assert (
        "is not authorized to perform: lambda:InvokeFunction"
        in letter["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"]
    )


def test_a_topic_notifies_a_function_whose_policy_lets_it(sandbox: Sandbox, functions: Functions) -> None:
    sns, name = sandbox.client("sns"), functions.create(SAY)
    topic = sns.create_topic(Name=f"topic-{uuid.uuid4()}")["TopicArn"]
    allow(functions, name, "sns", topic)
    subscribed = sns.subscribe(
        TopicArn=topic,
        Protocol="lambda",
        Endpoint=arn_of(functions, name),
        Attributes={"FilterPolicy": json.dumps({"kind": ["wanted"]})},
        ReturnSubscriptionArn=True,
    )
    for kind in ("unwanted", "wanted"):
        kinds = {"kind": {"DataType": "String", "StringValue": kind}}
        sent = sns.publish(TopicArn=topic, Message=kind, Subject="News", MessageAttributes=kinds)
    [record] = got(functions, name)["Records"]
    assert (record["EventSource"], record["EventSubscriptionArn"]) == ("aws:sns", subscribed["SubscriptionArn"])
    told = record["Sns"]
    assert (told["TopicArn"], told["MessageId"], told["Message"]) == (topic, sent["MessageId"], "wanted")
    assert (told["Subject"], told["MessageAttributes"]["kind"]) == ("News", {"Type": "String", "Value": "wanted"})


def test_a_topic_that_no_policy_lets_in_goes_to_the_dead_letters(sandbox: Sandbox, functions: Functions) -> None:
    sns, sqs, name = sandbox.client("sns"), sandbox.client("sqs"), functions.create(SAY)
    url = sqs.create_queue(QueueName=f"dead-{uuid.uuid4()}")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name=f"topic-{uuid.uuid4()}")["TopicArn"]
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": queue})}
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn_of(functions, name), Attributes=redrive)
    sns.publish(TopicArn=topic, Message="lost")
    [letter] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    assert json.loads(letter["Body"])["Message"] == "lost"


def test_a_bucket_invokes_a_function_whose_policy_lets_it(sandbox: Sandbox, functions: Functions) -> None:
    name, bucket, s3 = functions.create(SAY), f"bucket-{uuid.uuid4()}", sandbox.client("s3")
    s3.create_bucket(Bucket=bucket)
    allow(functions, name, "s3", f"arn:aws:s3:::{bucket}")
    target = {"LambdaFunctionArn": arn_of(functions, name), "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [target]}
    )
    s3.put_object(Bucket=bucket, Key="a/b.csv", Body=b"1,2")
    [record] = got(functions, name)["Records"]
    assert (record["eventName"], record["s3"]["bucket"]["name"]) == ("ObjectCreated:Put", bucket)
    assert record["s3"]["object"]["key"] == "a%2Fb.csv"
