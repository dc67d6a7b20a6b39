"""Stacks in stacks: made, updated, taken back and deleted with their parent."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from harness import Sandbox
from stacks import Stacks

CHILD = """
Parameters: {Name: {Type: String}, Value: {Type: String, Default: one}, Names: {Type: CommaDelimitedList, Default: a}}
Resources:
  Param: {Type: AWS::SSM::Parameter, Properties: {Name: !Ref Name, Type: String, Value: !Ref Value}}
Outputs: {Told: {Value: !GetAtt Param.Value}, Names: {Value: !Join ["-", !Ref Names]}}
"""
PARENT = """
Parameters: {Name: {Type: String}, Value: {Type: String, Default: one}}
Resources:
  Child:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: ADDRESS
      Parameters: {Name: !Sub "${Name}-child", Value: !Ref Value, Names: [x, y]}
      Tags: [{Key: own, Value: "1"}]
  After:
    Type: AWS::SSM::Parameter
    Properties: {Name: !Sub "${Name}-after", Type: String, Value: !GetAtt Child.Outputs.Told}
Outputs: {Names: {Value: !GetAtt Child.Outputs.Names}}
"""
BAD = "  Bad: {Type: AWS::SSM::Parameter, DependsOn: After, Properties: {Name: aws/ssm, Type: String, Value: b}}\n"


class Nested:
    """A parent and where its child's template lies."""

    def __init__(self, stacks: Stacks, sandbox: Sandbox, name: str) -> None:
        self.stacks, self.name, self.s3 = stacks, name, sandbox.client("s3")
        self.s3.create_bucket(Bucket=name)
        self.put(CHILD)
        self.template = PARENT.replace("ADDRESS", f"https://{name}.s3.amazonaws.com/child.yaml")

    def put(self, template: str) -> None:
        self.s3.put_object(Bucket=self.name, Key="child.yaml", Body=template.encode())

    def create(self, template: str = "", **options: Any) -> dict[str, Any]:
        return self.stacks.create(template or self.template, {"Name": self.name}, StackName=self.name, **options)

    def update(self, template: str | None = None, value: str = "two", **options: Any) -> dict[str, Any]:
        return self.stacks.update(self.name, template, {"Name": self.name, "Value": value}, **options)

    @property
    def bad(self) -> str:
        return self.template.replace("Outputs: {N", f"{BAD}Outputs: {{N")

    @property
    def child(self) -> dict[str, Any]:
        found: dict[str, Any] = self.stacks.ended(self.stacks.physical(self.name)["Child"])
        return found

    @property
    def values(self) -> tuple[str | None, str | None]:
        return self.stacks.parameter(f"{self.name}-child"), self.stacks.parameter(f"{self.name}-after")


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox)


@pytest.fixture
def nested(stacks: Stacks, sandbox: Sandbox) -> Nested:
    return Nested(stacks, sandbox, f"nested-{uuid.uuid4().hex[:8]}")


def test_a_nested_stack_is_made_with_its_parent_and_its_outputs_are_attributes(nested: Nested) -> None:
    made = nested.create(Tags=[{"Key": "team", "Value": "ml"}])
    assert made["StackStatus"] == "CREATE_COMPLETE"
    assert nested.stacks.outputs(made) == {"Names": "x-y"}
    assert nested.values == ("one", "one")
    child = nested.child
    assert child["StackStatus"] == "CREATE_COMPLETE"
    assert child["ParentId"] == child["RootId"] == made["StackId"]
    assert child["StackName"].startswith(f"{nested.name}-Child-")
    assert {(tag["Key"], tag["Value"]) for tag in child["Tags"]} == {("own", "1"), ("team", "ml")}
    summaries = nested.stacks.api.get_paginator("list_stacks").paginate(StackStatusFilter=["CREATE_COMPLETE"])
    listed = {item["StackId"]: item for page in summaries for item in page["StackSummaries"]}
    assert listed[child["StackId"]]["ParentId"] == made["StackId"]


def test_the_parent_s_update_and_deletion_reach_the_nested_stack(nested: Nested) -> None:
    made = nested.create()
    assert nested.update()["StackStatus"] == "UPDATE_COMPLETE"
    assert nested.values == ("two", "two")
    child = nested.child["StackId"]
    assert nested.stacks.delete(made["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert not any(nested.values)
    assert nested.stacks.ended(child)["StackStatus"] == "DELETE_COMPLETE"


def test_a_template_that_changed_at_its_address_is_an_update(nested: Nested) -> None:
    nested.create()
    nested.put(CHILD.replace("Value: !Ref Value", "Value: changed"))
    assert nested.update(value="one")["StackStatus"] == "UPDATE_COMPLETE"
    assert nested.values == ("changed", "changed")


def test_a_nested_stack_goes_back_with_its_parent_even_when_its_template_changed(nested: Nested) -> None:
    nested.create()
    nested.put(CHILD.replace("Value: !Ref Value", "Value: changed"))
    assert nested.update(nested.bad, value="one")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert nested.values == ("one", "one")
    assert nested.child["StackStatus"] == "UPDATE_COMPLETE"


def test_a_nested_stack_that_fails_fails_its_parent_and_nothing_is_left(nested: Nested) -> None:
    nested.put(CHILD.replace("Name: !Ref Name", "Name: aws/ssm"))
    ended = nested.create()
    assert ended["StackStatus"] == "ROLLBACK_COMPLETE"
    child = nested.stacks.physical(nested.name)["Child"]
    told = f"Embedded stack {child} was not successfully created: The following resource(s) failed to create: [Param]."
    assert nested.stacks.reason(ended["StackId"]) == told
    assert nested.stacks.ended(child)["StackStatus"] == "DELETE_COMPLETE"


def test_a_nested_stack_that_fails_to_be_updated_takes_the_parent_back(nested: Nested) -> None:
    made = nested.create()
    nested.put(CHILD.replace("Name: !Ref Name", "Name: aws/ssm"))
    assert nested.update()["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert nested.values == ("one", "one")
    child = nested.child
    assert child["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    reason = nested.stacks.reason(made["StackId"])
    assert reason.startswith(f"Embedded stack {child['StackId']} was not successfully updated")


def test_a_failed_parent_without_rollback_is_rolled_back_with_what_is_nested(nested: Nested) -> None:
    nested.create()
    nested.put(CHILD.replace("Value: !Ref Value", "Value: changed"))
    assert nested.update(nested.bad, DisableRollback=True)["StackStatus"] == "UPDATE_FAILED"
    assert nested.values == ("changed", "changed")
    nested.stacks.api.rollback_stack(StackName=nested.name)
    assert nested.stacks.ended(nested.name)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert nested.values == ("one", "one")


def test_what_a_nested_stack_may_make_its_parent_is_asked_for(nested: Nested) -> None:
    role = (
        "  Role: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {Version: 2012-10-17, Statement: []}}}\n"
    )
    nested.put(CHILD.replace("Outputs:", f"{role}Outputs:"))
    ended = nested.create()
    assert ended["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "Requires capabilities : [CAPABILITY_IAM]" in nested.stacks.reason(ended["StackId"])
    nested.stacks.delete(ended["StackId"])
    assert nested.create(Capabilities=["CAPABILITY_IAM"])["StackStatus"] == "CREATE_COMPLETE"


def test_the_root_s_protection_is_its_nested_stacks_too(nested: Nested) -> None:
    nested.create(EnableTerminationProtection=True)
    child, api = nested.child, nested.stacks.api
    assert child["EnableTerminationProtection"] is True
    with pytest.raises(ClientError, match="cannot be deleted while TerminationProtection is enabled"):
        api.delete_stack(StackName=child["StackId"])
    with pytest.raises(ClientError, match="nested stack"):
        api.update_termination_protection(StackName=child["StackId"], EnableTerminationProtection=False)


def test_a_nested_stack_in_a_nested_stack_knows_its_root(nested: Nested) -> None:
    nested.s3.put_object(Bucket=nested.name, Key="middle.yaml", Body=nested.template.encode())
    top = f"""
    Resources:
      Middle:
        Type: AWS::CloudFormation::Stack
        Properties:
          TemplateURL: https://{nested.name}.s3.amazonaws.com/middle.yaml
          Parameters: {{Name: {nested.name}}}
    """
    made = nested.stacks.create(top)
    assert made["StackStatus"] == "CREATE_COMPLETE", nested.stacks.reason(made["StackId"])
    middle = nested.stacks.physical(made["StackName"])["Middle"]
    child = nested.stacks.ended(nested.stacks.physical(middle)["Child"])
    assert (child["ParentId"], child["RootId"]) == (middle, made["StackId"])
