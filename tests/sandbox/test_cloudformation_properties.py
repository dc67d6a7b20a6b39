"""Properties that AWS's resource schemas refuse: in the template before anything is made, or once they are computed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from harness import Sandbox
from stacks import Stacks

from smproject.sandbox.cloudformation import properties, schemas, template
from smproject.sandbox.service import ServiceError

TEMPLATES = sorted(Path("project_templates").glob("*/template.yaml"))
TRUST = {"Version": "2012-10-17", "Statement": []}
REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {  # case -> type, properties, what is said of them
    "an unknown property": ("AWS::SQS::Queue", {"Foo": 1}, "#: extraneous key [Foo] is not permitted"),
    "an unknown property further down": (
        "AWS::S3::Bucket",
        {"LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "Foo": 1}]}},
        "#/LifecycleConfiguration/Rules/0: extraneous key [Foo] is not permitted",
    ),
    "a property that only AWS sets": (
        "AWS::IAM::Role",
        {"AssumeRolePolicyDocument": TRUST, "RoleId": "x"},
        "#: extraneous key [RoleId] is not permitted",
    ),
    "a missing property": ("AWS::IAM::Role", {}, "#: required key [AssumeRolePolicyDocument] not found"),
    "a property that is left out": (
        "AWS::IAM::Role",
        {"AssumeRolePolicyDocument": {"Ref": "AWS::NoValue"}},
        "#: required key [AssumeRolePolicyDocument] not found",
    ),
    "a list for a text": (
        "AWS::SQS::Queue",
        {"QueueName": ["a"]},
        "#/QueueName: expected type: String, found: JSONArray",
    ),
    "a text for a list": ("AWS::SQS::Queue", {"Tags": "a"}, "#/Tags: expected type: JSONArray, found: String"),
    "a text for a number": (
        "AWS::SQS::Queue",
        {"DelaySeconds": "soon"},
        "#/DelaySeconds: expected type: Integer, found: String",
    ),
    "a number out of range": (
        "AWS::SQS::Queue",
        {"DelaySeconds": 901},
        "#/DelaySeconds: failed validation constraint for keyword [maximum]",
    ),
    "a value that isn't one of those there are": (
        "AWS::Logs::LogGroup",
        {"RetentionInDays": 2},
        "#/RetentionInDays: failed validation constraint for keyword [enum]",
    ),
    "a text of another form": (
        "AWS::KMS::Alias",
        {"AliasName": "mine", "TargetKeyId": "k"},
        "#/AliasName: failed validation constraint for keyword [pattern]",
    ),
    "too short a text": (
        "AWS::CodeCommit::Repository",
        {"RepositoryName": ""},
        "#/RepositoryName: expected minLength: 1, actual: 0",
    ),
    "too few items": (
        "AWS::CloudWatch::Alarm",
        {"ComparisonOperator": "c", "EvaluationPeriods": 1, "Dimensions": [{"Name": "a"}]},
        "#/Dimensions/0: required key [Value] not found",
    ),
}
PASSED: dict[str, tuple[str, dict[str, Any]]] = {
    "scalars of another type": ("AWS::SQS::Queue", {"DelaySeconds": "5", "FifoQueue": "true", "QueueName": 1}),
    "functions": (
        "AWS::SQS::Queue",
        {"DelaySeconds": {"Fn::Sub": "${A}"}, "Tags": {"Fn::If": ["A", [], {"Ref": "B"}]}},
    ),
    "a dynamic reference": ("AWS::SQS::Queue", {"DelaySeconds": "{{resolve:ssm:seconds}}"}),
    "a policy as text": ("AWS::IAM::Role", {"AssumeRolePolicyDocument": json.dumps(TRUST)}),
    "a type without a schema": ("AWS::Never::Heard", {"A": 1}),
    "any property of a custom resource": ("Custom::Mine", {"ServiceToken": "t", "A": [1]}),
}


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox)


def of(type_: str, wanted: dict[str, Any]) -> dict[str, Any]:
    return {"Resources": {"It": {"Type": type_, "Properties": wanted}}}


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_resource_can_be_is_refused(case: str) -> None:
    type_, wanted, told = REFUSED[case]
    with pytest.raises(ServiceError, match="Properties validation failed for resource It") as refused:
        properties.check_template(of(type_, wanted), {"It"})
    assert told in refused.value.message
    with pytest.raises(ServiceError, match="Properties validation failed for resource It"):
        properties.check_resolved(type_, "It", wanted)


@pytest.mark.parametrize("case", PASSED)
def test_what_may_be_passes(case: str) -> None:
    type_, wanted = PASSED[case]
    properties.check_template(of(type_, wanted), {"It"})


def test_what_is_not_to_be_made_is_not_judged() -> None:
    properties.check_template(of("AWS::SQS::Queue", {"Foo": 1}), set())


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.parent.name)
def test_no_template_of_ours_is_refused(path: Path) -> None:
    content = template.read(path.read_text())
    properties.check_template(content, set(content["Resources"]))


def test_attributes_are_those_of_the_documentation() -> None:
    assert schemas.attributes("AWS::IAM::Role") == {"Arn", "RoleId"}
    assert {"Arn", "QueueName", "QueueUrl"} <= schemas.attributes("AWS::SQS::Queue")


def test_a_template_with_an_unknown_property_makes_nothing(stacks: Stacks) -> None:
    text = json.dumps(of("AWS::SQS::Queue", {"Visibility": 1}))
    assert "extraneous key [Visibility] is not permitted" in stacks.refusal(text)


def test_a_computed_value_that_cannot_be_is_the_event_s_reason(stacks: Stacks) -> None:
    text = json.dumps(
        of("AWS::SQS::Queue", {"DelaySeconds": {"Ref": "Seconds"}}) | {"Parameters": {"Seconds": {"Type": "String"}}}
    )
    made = stacks.create(text, {"Seconds": "901"})
    assert made["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "#/DelaySeconds: failed validation constraint for keyword [maximum]" in stacks.reason(made["StackId"])
