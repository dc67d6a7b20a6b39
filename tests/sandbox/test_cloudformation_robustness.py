"""Requests that nobody should make: each is refused in AWS's shape, and none keeps the sandbox from the next."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from botocore.exceptions import ClientError
from harness import Sandbox, eventually
from stacks import Stacks

from smproject.sandbox.cloudformation import patterns

ONE = "Resources: {A: {Type: AWS::CloudFormation::WaitConditionHandle}}\n"
NOTE = "Resources: {A: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: %s}}}"
WAITING = """
Resources:
  Handle: {Type: AWS::CloudFormation::WaitConditionHandle}
  Wait: {Type: AWS::CloudFormation::WaitCondition, Properties: {Handle: !Ref Handle, Timeout: "600"}}
"""
AUTO_EXPAND: Any = {"Capabilities": ["CAPABILITY_AUTO_EXPAND"]}


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox)


@pytest.fixture
def name() -> str:
    return f"robust-{uuid.uuid4().hex[:8]}"


def chained(count: int) -> str:
    conditions: dict[str, Any] = {"C0": {"Fn::Equals": ["a", "a"]}}
    conditions |= {f"C{i}": {"Fn::Not": [{"Condition": f"C{i - 1}"}]} for i in range(1, count)}
    resources = {"A": {"Type": "AWS::SQS::Queue", "Condition": f"C{count - 1}"}}
    return json.dumps({"Conditions": conditions, "Resources": resources})


def looped(values: int) -> str:
    collection = ",".join(f"v{i}" for i in range(values))
    return f"""
Transform: AWS::LanguageExtensions
Resources:
  Fn::ForEach::One:
    - X
    - [{collection}]
    - Fn::ForEach::Two:
        - Y
        - [{collection}]
        - R${{X}}${{Y}}: {{Type: AWS::CloudFormation::WaitConditionHandle}}
"""


REFUSED = {
    "conditions in too many levels": (chained(400), "in too many levels", {}),
    "loops that make too much": (looped(60), "makes more than 1000 members", AUTO_EXPAND),
    "an inclusion of nothing": (
        "Transform: {Name: AWS::Include, Parameters: x}\n" + ONE,
        "Transform must be a name, or a map of Name and Parameters.",
        AUTO_EXPAND,
    ),
    "an empty delimiter": (NOTE % "!Select [0, !Split ['', ab]]", "every Fn::Split object requires two", {}),
    "a topic that is none": (ONE, "Invalid notification ARN: x", {"NotificationARNs": ["x"]}),
    "a role that is none": (ONE, "is invalid or cannot be assumed", {"RoleARN": "x" * 20}),
    "a stack policy that is a list": (ONE, "Error validating stack policy", {"StackPolicyBody": "[]"}),
    "a stack policy with a text": (ONE, "Error validating stack policy", {"StackPolicyBody": '{"Statement": "x"}'}),
    "a tag twice": (ONE, "Duplicate tag keys found: [x]", {"Tags": [{"Key": "x", "Value": v} for v in "ab"]}),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_makes_no_sense_is_refused(stacks: Stacks, what: str) -> None:
    template, told, options = REFUSED[what]
    assert told in stacks.refusal(template, **options)


PARAMETERS = {
    "{Type: String, AllowedPattern: '(a|aa)+$'}": ("a" * 60 + "b", "must match pattern"),
    "{Type: String, MinLength: 1.5}": ("a", "MinLength must be a number"),
    "{Type: String, MaxLength: -1}": ("", "MaxLength must be a number"),
    "{Type: Number}": ("nan", "must be a number"),
    "{Type: Number }": ("1_000", "must be a number"),
    "{Type: 'AWS::SSM::Parameter::Value<String>'}": ("", "Unable to fetch parameters"),
}


@pytest.mark.parametrize("spec", PARAMETERS)
def test_a_parameter_that_makes_no_sense_is_refused(stacks: Stacks, spec: str) -> None:
    value, told = PARAMETERS[spec]
    assert told in stacks.refusal(f"Parameters: {{P: {spec}}}\n{ONE}", {"P": value})


def test_a_repeated_group_matches_what_it_should(stacks: Stacks) -> None:
    template = "Parameters: {P: {Type: String, AllowedPattern: '(?<word>[\\w-]+/?)+'}}\n" + ONE
    assert stacks.create(template, {"P": "a-b/c"})["StackStatus"] == "CREATE_COMPLETE"


def test_a_pattern_matches_beside_work_that_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "_SECONDS", 0.05)
    numbers, is_done = [*range(1, 1_000_000, 7), *range(1_000_000)], Event()

    def work() -> None:
        while not is_done.is_set():
            sorted(numbers, key=str)

    with ThreadPoolExecutor() as pool:
        pool.submit(work)
        ends = time.monotonic() + 3
        found = [patterns.matches(".*", "10.0.0.0/16") for _ in iter(lambda: time.monotonic() < ends, False)]
        is_done.set()
    assert all(found)


def test_a_condition_that_many_ask_is_decided_once(stacks: Stacks) -> None:
    conditions: dict[str, Any] = {"C0": {"Fn::Equals": ["a", "a"]}}
    conditions |= {f"C{i}": {"Fn::And": [{"Condition": f"C{i - 1}"}] * 2} for i in range(1, 40)}
    resources = {"A": {"Type": "AWS::CloudFormation::WaitConditionHandle", "Condition": "C39"}}
    made = stacks.create(json.dumps({"Conditions": conditions, "Resources": resources}))
    assert made["StackStatus"] == "CREATE_COMPLETE"


PROPERTIES = {"!Ref AWS::NoValue": "CREATE_COMPLETE", "!If [C, !Ref AWS::NoValue, {}]": "CREATE_COMPLETE"}


@pytest.mark.parametrize("properties", PROPERTIES)
def test_properties_may_come_out_as_none(stacks: Stacks, properties: str) -> None:
    template = (
        f"Conditions: {{C: !Equals [a, a]}}\nResources: {{A: {{Type: AWS::SQS::Queue, Properties: {properties}}}}}"
    )
    assert stacks.create(template)["StackStatus"] == PROPERTIES[properties]


def test_zones_of_no_region_fail_in_words(stacks: Stacks) -> None:
    made = stacks.create(NOTE % "!Select [0, !GetAZs nowhere]")
    assert "nowhere is not a Region" in stacks.reason(made["StackId"])


def test_get_azs_returns_the_zones_with_a_default_subnet(sandbox: Sandbox) -> None:
    stacks = Stacks(sandbox, "production")
    template = NOTE % "!Join [',', !GetAZs '']" + "\nOutputs: {Out: {Value: !GetAtt A.Value}}"
    ec2 = sandbox.client("ec2", "production")
    default = [{"Name": "default-for-az", "Values": ["true"]}]
    subnets = {each["AvailabilityZone"]: each["SubnetId"] for each in ec2.describe_subnets(Filters=default)["Subnets"]}
    gone = max(subnets)
    ec2.delete_subnet(SubnetId=subnets[gone])
    assert stacks.outputs(stacks.create(template))["Out"].split(",") == sorted(set(subnets) - {gone})


KEYS = {"bytes.yaml": "is not UTF-8 text", "": "must reference a valid S3 object"}


@pytest.mark.parametrize("key", KEYS)
def test_what_is_no_template_in_s3_is_refused(sandbox: Sandbox, stacks: Stacks, name: str, key: str) -> None:
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="bytes.yaml", Body=b"\xff\xfe\x00")
    assert KEYS[key] in stacks.refusal("", TemplateURL=f"https://{name}.s3.amazonaws.com/{key}")


def test_an_address_in_s3_may_be_escaped(sandbox: Sandbox, stacks: Stacks, name: str) -> None:
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="a b.yaml", Body=ONE.encode())
    made = stacks.create("", TemplateURL=f"https://{name}.s3.amazonaws.com/a%20b.yaml")
    assert made["StackStatus"] == "CREATE_COMPLETE"


def test_a_request_without_a_name_is_refused(stacks: Stacks) -> None:
    with pytest.raises(ClientError, match="Either StackName or ChangeSetName must be specified"):
        stacks.api.get_template()
    with pytest.raises(ClientError, match="Each parameter must have a ParameterKey"):
        stacks.api.create_stack(StackName="none", TemplateBody=ONE, Parameters=[{"ParameterValue": "x"}])


def at_once(*calls: Callable[[], Any]) -> list[str]:
    """Make calls at the same time; return the code of each that was refused."""

    def code(call: Callable[[], Any]) -> str:
        try:
            call()
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return ""

    with ThreadPoolExecutor(len(calls)) as pool:
        return sorted(pool.map(code, calls))


def test_of_creations_with_one_name_one_is_done(stacks: Stacks, name: str) -> None:
    codes = at_once(*[lambda: stacks.api.create_stack(StackName=name, TemplateBody=ONE)] * 5)
    assert codes == ["", *["AlreadyExistsException"] * 4]


def test_of_updates_at_once_one_is_done_and_can_be_cancelled(stacks: Stacks, name: str) -> None:
    made = stacks.create(ONE, StackName=name)
    template = ONE + WAITING.replace("\nResources:\n", "")
    codes = at_once(*[lambda: stacks.api.update_stack(StackName=name, TemplateBody=as_one(template))] * 4)
    assert codes == ["", *["ValidationError"] * 3]
    assert at_once(lambda: stacks.api.delete_stack(StackName=name)) == ["ValidationError"]
    codes = at_once(*[lambda: stacks.api.cancel_update_stack(StackName=name)] * 3)
    assert codes == ["", *["ValidationError"] * 2]
    assert stacks.ended(made["StackId"])["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"


def as_one(template: str) -> str:
    """Return a template whose first line holds resources in braces with those of the lines below."""
    return template.replace("}}\n", "}\n", 1).replace("Resources: {A:", "Resources:\n  A:", 1)


def test_a_stack_can_be_deleted_while_it_is_made(stacks: Stacks, name: str) -> None:
    made = stacks.start(WAITING, StackName=name)
    eventually(lambda: stacks.physical(made).get("Handle"))
    at_once(*[lambda: stacks.api.delete_stack(StackName=name)] * 3)
    assert stacks.ended(made)["StackStatus"] == "DELETE_COMPLETE"


def test_a_cancelled_update_takes_its_nested_stack_back(sandbox: Sandbox, stacks: Stacks, name: str) -> None:
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket=name)
    for key, body in (("short", ONE), ("long", as_one(ONE + WAITING.replace("\nResources:\n", "")))):
        s3.put_object(Bucket=name, Key=key, Body=body.encode())
    parent = "Resources: {Child: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: %s}}}"
    made = stacks.create(parent % f"'https://{name}.s3.amazonaws.com/short'", StackName=name)
    child = stacks.physical(name)["Child"]
    stacks.start_update(name, parent % f"'https://{name}.s3.amazonaws.com/long'")
    eventually(lambda: "Wait" in stacks.physical(child))
    stacks.api.cancel_update_stack(StackName=name)
    assert stacks.ended(made["StackId"])["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert set(stacks.physical(child)) == {"A"}
