"""Change sets: what they tell beforehand, what executing them does, and what is refused."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
import types_core_computing as computing
import types_core_databases as databases
from botocore.exceptions import ClientError, WaiterError
from harness import Sandbox, eventually
from persons import policy
from stacks import FOLLOWED, Item, Stacks, given
from types_core_cases import ref, resource

NOTHING = "The submitted information didn't contain changes. Submit different information to create a change set."


class ChangeSets(Stacks):
    """Stacks that are made and changed through change sets."""

    def propose(self, stack: str, template: str | None, parameters: dict[str, str] | None = None, **more: Any) -> Item:
        """Make a change set; return its description once it is complete or has failed."""
        body = {"UsePreviousTemplate": True} if template is None else {"TemplateBody": template}
        name = more.pop("ChangeSetName", "changes")
        made = self.api.create_change_set(
            StackName=stack, ChangeSetName=name, Parameters=given(parameters), **body, **more
        )
        return eventually(lambda: self._complete(made["Id"]))

    def _complete(self, arn: str) -> Item | None:
        found: Item = self.api.describe_change_set(ChangeSetName=arn, IncludePropertyValues=True)
        return found if found["Status"] in {"CREATE_COMPLETE", "FAILED"} else None

    def execute(self, proposed: Item, **more: Any) -> Item:
        """Execute a change set; return the stack as it ended."""
        self.api.execute_change_set(ChangeSetName=proposed["ChangeSetId"], **more)
        return self.ended(proposed["StackId"])


@pytest.fixture(scope="module")
def sets(sandbox: Sandbox) -> ChangeSets:
    return ChangeSets(sandbox)


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"sets-{uuid.uuid4().hex[:8]}"


def changes(proposed: Item) -> dict[str, Item]:
    return {change["ResourceChange"]["LogicalResourceId"]: change["ResourceChange"] for change in proposed["Changes"]}


def causes(change: Item) -> list[tuple[str, str, str, str, str]]:
    """Return property, recreation, source, entity and evaluation of each detail."""
    return [
        (
            detail["Target"].get("Name", ""),
            detail["Target"]["RequiresRecreation"],
            detail["ChangeSource"],
            detail.get("CausingEntity", ""),
            detail["Evaluation"],
        )
        for detail in change["Details"]
    ]


def test_a_new_stack_waits_for_its_review_then_is_created(sets: ChangeSets, name: str) -> None:
    proposed = sets.propose(name, FOLLOWED, {"Name": name}, ChangeSetType="CREATE", Description="first")
    assert (proposed["Status"], proposed["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    assert {(c["Action"], c["ResourceType"]) for c in changes(proposed).values()} == {("Add", "AWS::SSM::Parameter")}
    assert set(changes(proposed)) == {"First", "Second", "Third"}
    [stack] = sets.api.describe_stacks(StackName=name)["Stacks"]
    assert (stack["StackStatus"], stack["ChangeSetId"]) == ("REVIEW_IN_PROGRESS", proposed["ChangeSetId"])
    assert sets.parameter(name) is None
    assert sets.execute(proposed)["StackStatus"] == "CREATE_COMPLETE"
    assert sets.parameter(name) == "one"
    executed = sets.api.describe_change_set(ChangeSetName=proposed["ChangeSetId"])
    assert (executed["Status"], executed["ExecutionStatus"]) == ("CREATE_COMPLETE", "EXECUTE_COMPLETE")


def test_the_waiter_and_the_pages_of_boto3_work(sets: ChangeSets, name: str) -> None:
    many = "".join(
        f"  R{i}: {{Type: AWS::SSM::Parameter, Properties: {{Type: String, Value: v}}}}\n" for i in range(110)
    )
    made = sets.api.create_change_set(
        StackName=name, ChangeSetName="many", TemplateBody=f"Resources:\n{many}", ChangeSetType="CREATE"
    )
    waiter = sets.api.get_waiter("change_set_create_complete")
    waiter.wait(ChangeSetName="many", StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 300})
    first = sets.api.describe_change_set(ChangeSetName=made["Id"])
    assert "NextToken" in first
    pages = sets.api.get_paginator("describe_change_set").paginate(ChangeSetName=made["Id"])
    found = [change["ResourceChange"]["LogicalResourceId"] for page in pages for change in page["Changes"]]
    assert sorted(found) == sorted(f"R{i}" for i in range(110))


def test_a_parameter_changes_a_resource_and_the_reason_is_told(sets: ChangeSets, name: str) -> None:
    sets.create(FOLLOWED, {"Name": name}, StackName=name)
    proposed = sets.propose(name, None, {"Name": name, "Value": "two"})
    assert {"ParameterKey": "Value", "ParameterValue": "two"} in proposed["Parameters"]
    change = changes(proposed)["First"]
    assert (change["Action"], change["Replacement"], change["Scope"]) == ("Modify", "False", ["Properties"])
    assert change["PhysicalResourceId"] == name
    assert causes(change) == [
        ("Value", "Never", "ParameterReference", "Value", "Static"),
        ("Value", "Never", "DirectModification", "", "Dynamic"),
    ]
    target = change["Details"][0]["Target"]
    assert (target["Path"], target["BeforeValue"], target["AfterValue"]) == ("/Properties/Value", "one", "two")
    before, after = (json.loads(change[side])["Properties"]["Value"] for side in ("BeforeContext", "AfterContext"))
    assert (before, after) == ("one", "two")
    assert set(changes(proposed)) == {"First"}
    assert sets.execute(proposed)["StackStatus"] == "UPDATE_COMPLETE"
    assert sets.parameter(name) == "two"


def test_values_are_shown_only_when_asked_for(sets: ChangeSets, name: str) -> None:
    sets.create(FOLLOWED, {"Name": name}, StackName=name)
    proposed = sets.propose(name, None, {"Name": name, "Value": "two"})
    [plain] = sets.api.describe_change_set(ChangeSetName=proposed["ChangeSetId"])["Changes"]
    assert not {"BeforeContext", "AfterContext"} & set(plain["ResourceChange"])
    target = plain["ResourceChange"]["Details"][0]["Target"]
    assert target == {"Attribute": "Properties", "Name": "Value", "RequiresRecreation": "Never"}


def test_a_replacement_reaches_those_who_refer_to_it(sets: ChangeSets, name: str) -> None:
    sets.create(FOLLOWED, {"Name": name}, StackName=name)
    proposed = sets.propose(name, None, {"Name": f"{name}-new"})
    first, second = (changes(proposed)[logical] for logical in ("First", "Second"))
    assert (first["Replacement"], first["PolicyAction"]) == ("True", "ReplaceAndDelete")
    assert causes(first)[0] == ("Name", "Always", "ParameterReference", "Name", "Static")
    assert causes(second) == [("Value", "Never", "ResourceReference", "First", "Static")]
    assert second["Replacement"] == "False"
    assert json.loads(second["AfterContext"])["Properties"]["Value"] == "{{changeSet:KNOWN_AFTER_APPLY}}"
    sets.execute(proposed)
    assert sets.parameter(f"{name}-2") == f"{name}-new"


ATTRIBUTES = """
Parameters: {Value: {Type: String, Default: one}}
Resources:
  Source: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref Value}}
  Named:
    Type: AWS::SSM::Parameter
    Properties: {Name: !Sub "/${AWS::StackName}/${Source.Value}", Type: String, Value: v}
"""


def test_what_depends_on_a_changed_attribute_may_be_replaced(sets: ChangeSets, name: str) -> None:
    sets.create(ATTRIBUTES, StackName=name)
    named = changes(sets.propose(name, None, {"Value": "two"}))["Named"]
    assert named["Replacement"] == "Conditional"
    assert causes(named) == [("Name", "Always", "ResourceAttribute", "Source.Value", "Dynamic")]


DATABASE = {
    "DBInstanceClass": "db.t3.small",
    "Engine": "mysql",
    "AllocatedStorage": "20",
    "MasterUsername": "chief",
    "MasterUserPassword": databases.PASSWORD,
}
BALANCER = resource(
    "AWS::ElasticLoadBalancing::LoadBalancer",
    Listeners=[computing.HTTP],
    Subnets=[ref("Subnet")],
    HealthCheck=computing.CHECK,
)
GROUP = resource(
    "AWS::AutoScaling::AutoScalingGroup",
    **{"MinSize": "0", "MaxSize": "1", "LaunchConfigurationName": ref("One"), "AvailabilityZones": ["us-east-1a"]},
)
REPLACING = {"UpdatePolicy": {"AutoScalingReplacingUpdate": {"WillReplace": True}}}
LAUNCHES = {
    each: resource("AWS::AutoScaling::LaunchConfiguration", ImageId="ami-12c6146b", InstanceType="t3.micro")
    for each in ("One", "Two")
}
REPLACED: list[tuple[Item, Item, Item, str]] = [  # what there is, what of it changes, what is around it
    (resource("AWS::RDS::DBInstance", **DATABASE), {"MultiAZ": True}, {}, "False"),
    (resource("AWS::RDS::DBInstance", **DATABASE), {"StorageEncrypted": True}, {}, "True"),
    (BALANCER, {"HealthCheck": computing.CHECK | {"Interval": "60"}}, computing.NETWORK, "False"),
    (BALANCER, {"HealthCheck": ref("AWS::NoValue")}, computing.NETWORK, "Conditional"),
    (GROUP, {"LaunchConfigurationName": ref("Two")}, LAUNCHES, "False"),
    (GROUP | REPLACING, {"LaunchConfigurationName": ref("Two")}, LAUNCHES, "Conditional"),
]


@pytest.mark.parametrize("case", REPLACED, ids=lambda case: f"{case[0]['Type']}-{case[3]}")
def test_a_replacement_is_told_where_the_update_would_make_one(
    sets: ChangeSets, name: str, case: tuple[Item, Item, Item, str]
) -> None:
    before, change, around, told = case
    made = sets.create(json.dumps({"Resources": {"It": before, **around}}), StackName=name)
    assert made["StackStatus"] == "CREATE_COMPLETE", sets.reason(made["StackId"])
    after = before | {"Properties": before["Properties"] | change}
    [found] = changes(sets.propose(name, json.dumps({"Resources": {"It": after, **around}}))).values()
    assert (found["LogicalResourceId"], found["Replacement"]) == ("It", told)


def test_resources_that_come_and_go_are_told_by_their_policy(sets: ChangeSets, name: str) -> None:
    sets.create(FOLLOWED, {"Name": name}, StackName=name)
    kept = FOLLOWED.replace("Third: {Type", "Third: {DeletionPolicy: Retain, Type")
    changed = sets.propose(name, kept, {"Name": name}, ChangeSetName="policy")
    assert changes(changed)["Third"]["Scope"] == ["DeletionPolicy"]
    sets.execute(changed)
    line = next(line for line in kept.splitlines() if "Third:" in line)
    without = kept.replace(line, line.replace("Third", "Fourth").replace("-3", "-4"))
    found = changes(sets.propose(name, without, {"Name": name}))
    assert {key: change["Action"] for key, change in found.items()} == {"Fourth": "Add", "Third": "Remove"}
    assert (found["Third"]["PolicyAction"], found["Third"]["PhysicalResourceId"]) == ("Retain", f"{name}-3")


def test_the_stacks_tags_reach_its_resources(sets: ChangeSets, name: str) -> None:
    sets.create(FOLLOWED, {"Name": name}, StackName=name)
    proposed = sets.propose(name, None, {"Name": name}, Tags=[{"Key": "team", "Value": "ml"}])
    assert {change["Scope"][0] for change in changes(proposed).values()} == {"Tags"}
    assert set(changes(proposed)) == {"First", "Second", "Third"}
    sets.execute(proposed)
    [tag] = sets.ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
    assert tag == {"Key": "team", "Value": "ml"}


def test_no_changes_are_a_failure_in_awss_words(sets: ChangeSets, name: str) -> None:
    sets.create(FOLLOWED, {"Name": name}, StackName=name)
    proposed = sets.propose(name, FOLLOWED, {"Name": name})
    assert (proposed["Status"], proposed["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert (proposed["StatusReason"], proposed["Changes"]) == (NOTHING, [])
    with pytest.raises(ClientError, match=r"cannot be executed in its current status of \[FAILED\]") as refused:
        sets.api.execute_change_set(ChangeSetName=proposed["ChangeSetId"])
    assert refused.value.response["Error"]["Code"] == "InvalidChangeSetStatus"
    with pytest.raises(WaiterError, match="FAILED"):
        sets.api.get_waiter("change_set_create_complete").wait(ChangeSetName=proposed["ChangeSetId"])


def test_outputs_alone_are_a_change_without_changed_resources(sets: ChangeSets, name: str) -> None:
    sets.create(FOLLOWED, {"Name": name}, StackName=name)
    proposed = sets.propose(name, f"{FOLLOWED.rstrip()[:-1]}, Also: {{Value: !Ref Third}}}}", {"Name": name})
    assert (proposed["Status"], proposed["Changes"]) == ("CREATE_COMPLETE", [])
    assert sets.outputs(sets.execute(proposed))["Also"] == f"{name}-3"


def test_executing_one_makes_the_others_obsolete(sets: ChangeSets, name: str) -> None:
    sets.create(FOLLOWED, {"Name": name}, StackName=name)
    one = sets.propose(name, None, {"Name": name, "Value": "two"}, ChangeSetName="one")
    other = sets.propose(name, None, {"Name": name, "Value": "three"}, ChangeSetName="other")
    listed = sets.api.list_change_sets(StackName=name)["Summaries"]
    assert {each["ChangeSetName"] for each in listed} == {"one", "other"}
    sets.execute(one)
    with pytest.raises(ClientError, match=r"current execution status of \[OBSOLETE\]"):
        sets.api.execute_change_set(ChangeSetName=other["ChangeSetId"])
    with pytest.raises(ClientError, match=r"current execution status of \[EXECUTE_COMPLETE\]"):
        sets.api.execute_change_set(ChangeSetName=one["ChangeSetId"])
    [left] = sets.api.list_change_sets(StackName=name)["Summaries"]
    assert (left["ChangeSetName"], left["ExecutionStatus"]) == ("other", "OBSOLETE")
    assert sets.parameter(name) == "two"


def test_an_update_makes_change_sets_obsolete(sets: ChangeSets, name: str) -> None:
    sets.create(FOLLOWED, {"Name": name}, StackName=name)
    proposed = sets.propose(name, None, {"Name": name, "Value": "two"})
    sets.update(name, None, {"Name": name, "Value": "three"})
    with pytest.raises(ClientError, match="OBSOLETE"):
        sets.api.execute_change_set(ChangeSetName="changes", StackName=name)
    assert sets.api.describe_change_set(ChangeSetName=proposed["ChangeSetId"])["ExecutionStatus"] == "OBSOLETE"


def test_a_deleted_change_set_is_gone_and_its_name_free(sets: ChangeSets, name: str) -> None:
    sets.create(FOLLOWED, {"Name": name}, StackName=name)
    sets.propose(name, None, {"Name": name, "Value": "two"})
    with pytest.raises(ClientError, match="mismatch with existing attribute Parameters") as refused:
        sets.propose(name, None, {"Name": name, "Value": "three"})
    assert refused.value.response["Error"]["Code"] == "AlreadyExistsException"
    for _ in range(2):
        sets.api.delete_change_set(ChangeSetName="changes", StackName=name)
    with pytest.raises(sets.api.exceptions.ChangeSetNotFoundException, match=r"ChangeSet \[changes\] does not exist"):
        sets.api.describe_change_set(ChangeSetName="changes", StackName=name)
    assert sets.propose(name, None, {"Name": name, "Value": "three"})["Status"] == "CREATE_COMPLETE"


FAILING = FOLLOWED.replace(
    "Outputs:",
    "  Bad: {Type: AWS::SSM::Parameter, DependsOn: Third, Properties: {Name: aws/x, Type: String, Value: v}}\nOutputs:",
)


@pytest.mark.parametrize(
    ("proposal", "execution", "status"),
    [
        ({}, {}, "ROLLBACK_COMPLETE"),
        ({"OnStackFailure": "DO_NOTHING"}, {}, "CREATE_FAILED"),
        ({"OnStackFailure": "DELETE"}, {}, "DELETE_COMPLETE"),
        ({}, {"DisableRollback": True}, "CREATE_FAILED"),
    ],
)
def test_a_failed_creation_ends_as_the_change_set_or_its_execution_says(
    sets: ChangeSets, name: str, proposal: Item, execution: Item, status: str
) -> None:
    proposed = sets.propose(name, FAILING, {"Name": name}, ChangeSetType="CREATE", **proposal)
    assert sets.execute(proposed, **execution)["StackStatus"] == status
    assert (sets.parameter(f"{name}-3") is not None) == (status == "CREATE_FAILED")
    found = sets.api.describe_change_set(ChangeSetName=proposed["ChangeSetId"])
    assert found["ExecutionStatus"] == "EXECUTE_FAILED"


def test_the_named_role_acts(sandbox: Sandbox, sets: ChangeSets, name: str) -> None:
    allowed = policy({"Effect": "Allow", "Action": "ssm:*", "Resource": f"arn:aws:ssm:*:*:parameter/{name}*"})
    role = sandbox.role(f"{name}-role", "cloudformation.amazonaws.com", policies=[allowed])
    proposed = sets.propose(name, FOLLOWED, {"Name": name}, ChangeSetType="CREATE", RoleARN=role)
    assert sets.execute(proposed)["RoleARN"] == role
    calls = [json.loads(line) for line in (sandbox.home / "calls.jsonl").read_text().splitlines()]
    made = [call["operation"] for call in calls if f":assumed-role/{name}-role/" in call["principal"]]
    assert made.count("PutParameter") == 3


def refusal(sets: ChangeSets, stack: str, **more: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        sets.api.create_change_set(StackName=stack, **({"ChangeSetName": "changes", "TemplateBody": FOLLOWED} | more))
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def test_what_a_change_set_cannot_be_for_is_refused(sets: ChangeSets, name: str) -> None:
    assert refusal(sets, name) == ("ValidationError", f"Stack [{name}] does not exist")
    _, message = refusal(sets, name, ChangeSetType="CREATE")
    assert "must have values" in message
    with pytest.raises(ClientError, match="does not exist"):
        sets.api.describe_stacks(StackName=name)
    sets.create(FOLLOWED, {"Name": name}, StackName=name)
    again = refusal(sets, name, ChangeSetType="CREATE")
    assert again == (
        "ValidationError",
        f"Stack [{name}] already exists and cannot be created again with the changeSet [changes].",
    )
    assert refusal(sets, name, ChangeSetName="1st")[0] == "ValidationError"
    assert refusal(sets, name, IncludeNestedStacks=True)[0] == "NotImplemented"
    assert refusal(sets, name, ChangeSetType="IMPORT")[0] == "NotImplemented"


def test_a_stack_in_review_cannot_be_updated_but_reviewed_again_and_deleted(sets: ChangeSets, name: str) -> None:
    proposed = sets.propose(name, FOLLOWED, {"Name": name}, ChangeSetType="CREATE")
    _, message = refusal(sets, name, ChangeSetName="update")
    assert message.endswith("is in REVIEW_IN_PROGRESS state and can not be updated.")
    second = sets.propose(name, FOLLOWED, {"Name": f"{name}-b"}, ChangeSetType="CREATE", ChangeSetName="second")
    assert second["StackId"] == proposed["StackId"]
    sets.api.delete_stack(StackName=name)
    sets.api.get_waiter("stack_delete_complete").wait(StackName=proposed["StackId"])


def test_missing_change_sets_are_told_apart_from_missing_stacks(sets: ChangeSets, name: str) -> None:
    sets.create(FOLLOWED, {"Name": name}, StackName=name)
    for operation in ("describe_change_set", "execute_change_set"):
        with pytest.raises(sets.api.exceptions.ChangeSetNotFoundException):
            getattr(sets.api, operation)(ChangeSetName="missing", StackName=name)
    with pytest.raises(ClientError, match=r"Stack \[missing\] does not exist"):
        sets.api.describe_change_set(ChangeSetName="changes", StackName="missing")
    with pytest.raises(ClientError, match="StackName must be specified"):
        sets.api.describe_change_set(ChangeSetName="changes")


def test_the_template_of_a_change_set_can_be_read(sets: ChangeSets, name: str) -> None:
    sets.create(FOLLOWED, {"Name": name}, StackName=name)
    changed = FOLLOWED.replace("third", "fourth")
    proposed = sets.propose(name, changed, {"Name": name})
    assert sets.api.get_template(StackName=name)["TemplateBody"] == FOLLOWED
    for named in ({"ChangeSetName": proposed["ChangeSetId"]}, {"ChangeSetName": "changes", "StackName": name}):
        assert sets.api.get_template(**named)["TemplateBody"] == changed


def test_a_nested_stack_may_change_by_itself(sandbox: Sandbox, sets: ChangeSets, name: str) -> None:
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="nested.yaml", Body=FOLLOWED.encode())
    template = f"""
    Resources:
      Nested:
        Type: AWS::CloudFormation::Stack
        Properties: {{TemplateURL: "https://{name}.s3.amazonaws.com/nested.yaml", Parameters: {{Name: {name}}}}}
    """
    sets.create(template, StackName=name)
    nested = changes(sets.propose(name, template))["Nested"]
    assert (nested["Action"], nested["Replacement"]) == ("Modify", "False")
    assert causes(nested) == [("", "Never", "Automatic", "", "Dynamic")]


def test_secrets_are_not_shown(sets: ChangeSets, name: str) -> None:
    hidden = FOLLOWED.replace("Value: {Type: String, Default: one}", "Value: {Type: String, NoEcho: true}")
    sets.create(hidden, {"Name": name, "Value": "hush-one"}, StackName=name)
    proposed = sets.propose(name, None, {"Name": name, "Value": "hush-two"})
    assert set(changes(proposed)) == {"First"}
    assert "hush" not in json.dumps(proposed, default=str)


def test_another_account_does_not_see_a_change_set(sandbox: Sandbox, sets: ChangeSets, name: str) -> None:
    proposed = sets.propose(name, FOLLOWED, {"Name": name}, ChangeSetType="CREATE")
    other = sandbox.client("cloudformation", "staging")
    with pytest.raises(other.exceptions.ChangeSetNotFoundException):
        other.describe_change_set(ChangeSetName=proposed["ChangeSetId"])
