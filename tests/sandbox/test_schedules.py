"""Schedules and scheduled rules that are due, and buckets that tell EventBridge: what their targets receive."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from botocore.exceptions import ClientError
from harness import ACCOUNTS, Sandbox, eventually
from pipeline_runs import Pipelines
from stacks import Stacks
from test_events import QUIET, Queue
from workbench import Workbench

ACCOUNT = ACCOUNTS["development"]
OFF = {"Mode": "OFF"}


@pytest.fixture
def name() -> str:
    return f"schedule-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def queue(sandbox: Sandbox) -> Queue:
    return Queue(sandbox)


@pytest.fixture
def role(sandbox: Sandbox) -> str:
    """A role that schedules may take, and that may do everything."""
    return sandbox.role("schedule-role", "scheduler.amazonaws.com")


@pytest.fixture
def scheduler(sandbox: Sandbox, name: str) -> Iterator[Any]:
    api = sandbox.client("scheduler")
    yield api
    for group in {item["GroupName"] for item in api.list_schedules(NamePrefix=name)["Schedules"]}:
        api.delete_schedule(Name=name, GroupName=group)


def soon(seconds: float = 2, zone: str = "UTC") -> str:
    """Return `at(...)` of a time in so many seconds, as a zone's clock shows it."""
    moment = datetime.now(ZoneInfo(zone)) + timedelta(seconds=seconds)
    return f"at({moment:%Y-%m-%dT%H:%M:%S})"


def put(scheduler: Any, name: str, role: str, expression: str, target: dict[str, Any], **facts: Any) -> str:
    """Make a schedule; return its ARN."""
    told = {"FlexibleTimeWindow": OFF, "Target": {"RoleArn": role, **target}, **facts}
    return str(scheduler.create_schedule(Name=name, ScheduleExpression=expression, **told)["ScheduleArn"])


def test_a_moment_comes_once_and_the_target_hears_of_it(scheduler: Any, queue: Queue, role: str, name: str) -> None:
    text = json.dumps({"at": "<aws.scheduler.scheduled-time>", "of": "<aws.scheduler.schedule-arn>"})
    expression = soon(zone="Asia/Tokyo")
    arn = put(
        scheduler, name, role, expression, {"Arn": queue.arn, "Input": text}, ScheduleExpressionTimezone="Asia/Tokyo"
    )
    [heard] = queue.bodies()
    moment = datetime.strptime(expression, "at(%Y-%m-%dT%H:%M:%S)").replace(tzinfo=ZoneInfo("Asia/Tokyo"))
    assert heard == {"at": f"{moment.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ}", "of": arn}
    assert queue.bodies(QUIET) == []
    assert scheduler.get_schedule(Name=name)["State"] == "ENABLED"


def test_a_rate_begins_at_once_and_tells_what_it_is(scheduler: Any, queue: Queue, role: str, name: str) -> None:
    arn = put(scheduler, name, role, "rate(1 minute)", {"Arn": queue.arn})
    [heard] = queue.bodies()
    assert (heard["source"], heard["detail-type"], heard["resources"]) == ("aws.scheduler", "Scheduled Event", [arn])
    assert heard["account"] == ACCOUNT


def test_a_disabled_schedule_a_later_one_and_one_that_is_over_are_quiet(
    scheduler: Any, queue: Queue, role: str, name: str
) -> None:
    put(scheduler, name, role, soon(1), {"Arn": queue.arn}, State="DISABLED")
    scheduler.create_schedule_group(Name=name)
    put(
        scheduler,
        name,
        role,
        "rate(1 minute)",
        {"Arn": queue.arn},
        GroupName=name,
        StartDate=datetime.now(timezone.utc) + timedelta(hours=1),
    )
    assert queue.bodies(QUIET + 1) == []
    scheduler.delete_schedule_group(Name=name)


def test_a_schedule_deletes_itself_after_its_last_time(scheduler: Any, queue: Queue, role: str, name: str) -> None:
    put(scheduler, name, role, soon(1), {"Arn": queue.arn}, ActionAfterCompletion="DELETE")
    assert len(queue.bodies()) == 1
    eventually(lambda: scheduler.list_schedules(NamePrefix=name)["Schedules"] == [])


def test_a_pipeline_starts_with_parameters(scheduler: Any, bench: Workbench, role: str, name: str) -> None:
    pipelines = Pipelines(bench)
    steps = [{"Name": "end", "Type": "Fail", "Arguments": {"ErrorMessage": {"Get": "Parameters.Said"}}}]
    pipeline = pipelines.create(steps, [{"Name": "Said", "Type": "String"}])
    parameters = {"PipelineParameterList": [{"Name": "Said", "Value": "by the clock"}]}
    arn = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:pipeline/{pipeline}"
    put(scheduler, name, role, soon(), {"Arn": arn, "SageMakerPipelineParameters": parameters})

    def executions() -> list[dict[str, Any]]:
        return list(bench.api.list_pipeline_executions(PipelineName=pipeline)["PipelineExecutionSummaries"])

    [execution] = eventually(executions)
    pipelines.ended(execution["PipelineExecutionArn"])
    assert pipelines.steps(execution["PipelineExecutionArn"])["end"]["FailureReason"] == "by the clock"


def test_a_universal_target_makes_any_call_with_the_role(
    sandbox: Sandbox, scheduler: Any, role: str, name: str
) -> None:
    text = json.dumps({"Name": f"/{name}", "Type": "String", "Value": "<aws.scheduler.attempt-number>"})
    put(scheduler, name, role, soon(), {"Arn": "arn:aws:scheduler:::aws-sdk:ssm:putParameter", "Input": text})
    ssm = sandbox.client("ssm")
    [found] = eventually(lambda: ssm.get_parameters(Names=[f"/{name}"])["Parameters"])
    assert found["Value"] == "1"


def test_what_the_role_may_not_do_ends_in_the_dead_letter_queue(
    sandbox: Sandbox, scheduler: Any, queue: Queue, name: str
) -> None:
    send = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue.arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [send]})
    role = sandbox.role(name, "scheduler.amazonaws.com", policies=[policy])
    topic = sandbox.client("sns").create_topic(Name=name)["TopicArn"]
    put(scheduler, name, role, soon(), {"Arn": topic, "Input": "told", "DeadLetterConfig": {"Arn": queue.arn}})
    [message] = queue.receive()
    attributes = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    assert message["Body"] == "told"
    assert attributes["TARGET_ARN"] == topic
    assert attributes["RETRY_ATTEMPTS"] == "0"
    assert "not authorized to perform: sns:Publish" in attributes["ERROR_MESSAGE"]


def test_a_role_that_does_not_trust_scheduler_starts_nothing(
    sandbox: Sandbox, scheduler: Any, queue: Queue, name: str
) -> None:
    role = sandbox.role(name, "events.amazonaws.com")
    put(scheduler, name, role, soon(1), {"Arn": queue.arn})
    assert queue.bodies(QUIET + 1) == []
    failures = [json.loads(line) for line in (sandbox.home / "failed-deliveries.jsonl").read_text().splitlines()]
    [mine] = [line for line in failures if any(arn.endswith(name) for arn in line["event"].get("resources", []))]
    assert "scheduler.amazonaws.com" in mine["error"]


@pytest.mark.parametrize(
    ("facts", "problem"),
    [
        ({"ScheduleExpression": "cron(0 0 * * *)"}, r"cron\(0 0 \* \* \*\): it has 5 fields"),
        ({"ScheduleExpressionTimezone": "Mars/Olympus"}, "time zone 'Mars/Olympus'"),
        ({"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}}, "MaximumWindowInMinutes"),
        ({"Arn": "arn:aws:scheduler:::aws-sdk:s3:listBuckets"}, "only reads"),
        ({"Arn": "arn:aws:kinesis:us-east-1:222222222222:stream/a"}, "does not invoke targets like"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(scheduler: Any, role: str, name: str, facts: Any, problem: str) -> None:
    target = {"Arn": facts.pop("Arn", "arn:aws:sqs:us-east-1:222222222222:a"), "RoleArn": role}
    wanted = {"ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": OFF, "Target": target, **facts}
    with pytest.raises(ClientError, match=problem):
        scheduler.create_schedule(Name=name, **wanted)


def test_a_schedule_of_a_stack_invokes_its_target(sandbox: Sandbox, queue: Queue, role: str) -> None:
    properties: dict[str, Any] = {"ScheduleExpression": soon(8), "FlexibleTimeWindow": OFF, "State": "ENABLED"}
    properties["Target"] = {"Arn": queue.arn, "RoleArn": role, "Input": '"from a stack"'}
    template = {"Resources": {"Own": {"Type": "AWS::Scheduler::Schedule", "Properties": properties}}}
    stack = Stacks(sandbox).create(json.dumps(template))
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert queue.bodies(15) == ["from a stack"]


def test_a_rule_runs_on_its_schedule(sandbox: Sandbox, queue: Queue, name: str) -> None:
    """The shortest schedule of a rule is a minute: this waits for the next one."""
    events = sandbox.client("events")
    arn = events.put_rule(Name=name, ScheduleExpression="cron(* * * * ? *)")["RuleArn"]
    events.put_targets(Rule=name, Targets=[{"Id": "a", "Arn": queue.arn}])
    [heard] = eventually(lambda: queue.bodies(5))
    assert (heard["source"], heard["detail-type"], heard["resources"]) == ("aws.events", "Scheduled Event", [arn])
    assert heard["detail"] == {}
    assert heard["time"].endswith(":00Z")
    events.remove_targets(Rule=name, Ids=["a"])
    events.delete_rule(Name=name)


def test_a_rule_with_a_wrong_schedule_is_refused(sandbox: Sandbox, name: str) -> None:
    for expression in ("cron(0 0 * * * *)", "rate(1 minutes)", "at(2027-01-01T00:00:00)"):
        with pytest.raises(ClientError, match="Parameter ScheduleExpression is not valid"):
            sandbox.client("events").put_rule(Name=name, ScheduleExpression=expression)


def test_a_bucket_tells_eventbridge_of_its_objects_when_it_is_told_to(
    sandbox: Sandbox, bench: Workbench, queue: Queue, name: str
) -> None:
    s3, events, pipelines = sandbox.client("s3"), sandbox.client("events"), Pipelines(bench)
    s3.create_bucket(Bucket=name)
    steps = [{"Name": "end", "Type": "Fail", "Arguments": {"ErrorMessage": {"Get": "Parameters.Key"}}}]
    pipeline = pipelines.create(steps, [{"Name": "Key", "Type": "String"}])
    key = {"object": {"key": [{"prefix": "input/"}]}, "bucket": {"name": [name]}}
    pattern = {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": key}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    starts = sandbox.role("rule-role", "events.amazonaws.com")
    parameters = {"PipelineParameterList": [{"Name": "Key", "Value": "$.detail.object.key"}]}
    arn = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:pipeline/{pipeline}"
    started = {"Id": "b", "Arn": arn, "RoleArn": starts, "SageMakerPipelineParameters": parameters}
    events.put_targets(Rule=name, Targets=[{"Id": "a", "Arn": queue.arn}, started])
    s3.put_object(Bucket=name, Key="input/silent.csv", Body=b"1")
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}})
    s3.put_object(Bucket=name, Key="elsewhere.csv", Body=b"1")
    s3.put_object(Bucket=name, Key="input/a b+c.csv", Body=b"1,2\n")
    [heard] = queue.bodies()
    assert heard["resources"] == [f"arn:aws:s3:::{name}"]
    assert heard["detail"]["object"]["key"] == "input/a b+c.csv"
    assert heard["detail"]["object"]["size"] == 4
    assert heard["detail"]["reason"] == "PutObject"
    summaries = lambda: bench.api.list_pipeline_executions(PipelineName=pipeline)["PipelineExecutionSummaries"]  # noqa: E731
    [execution] = eventually(summaries)
    pipelines.ended(execution["PipelineExecutionArn"])
    assert pipelines.steps(execution["PipelineExecutionArn"])["end"]["FailureReason"] == "input/a b+c.csv"
    assert queue.bodies(QUIET) == []
