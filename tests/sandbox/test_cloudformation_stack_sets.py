"""Stack sets: stacks in other accounts and regions, made by the roles that AWS uses, operation after operation."""

from __future__ import annotations

import json
import uuid

import pytest
from harness import ACCOUNTS, Sandbox
from stack_sets_bench import (
    ADMINISTRATION,
    EXECUTION,
    HUB,
    NAMED,
    PRODUCTION,
    REGIONS,
    STACKS,
    STAGING,
    Sets,
    assuming,
    prepared,
    refusal,
)
from stacks import Stacks


@pytest.fixture(scope="module")
def sets(sandbox: Sandbox) -> Sets:
    return prepared(sandbox)


@pytest.fixture
def name(sets: Sets) -> str:
    """A name that no other test uses."""
    return f"set-{uuid.uuid4().hex[:8]}"


def test_stacks_are_made_in_other_accounts_and_regions(sandbox: Sandbox, sets: Sets, name: str) -> None:
    id_ = sets.create(name, Description="shared", Tags=[{"Key": "team", "Value": "ml"}])
    ended = sets.deploy(name, [STAGING, PRODUCTION], REGIONS)
    assert (ended["Status"], ended["Action"]) == ("SUCCEEDED", "CREATE")
    assert set(sets.results(name, ended).values()) == {("SUCCEEDED", "")}
    for profile in ("staging", "production"):
        assert [sets.value(profile, name, region) for region in REGIONS] == ["one", "one"]
    instances = sets.instances(name)
    assert set(instances) == {(account, region) for account in (STAGING, PRODUCTION) for region in REGIONS}
    assert {(each["Status"], each["StackInstanceStatus"]["DetailedStatus"]) for each in instances.values()} == {
        ("CURRENT", "SUCCEEDED")
    }
    stack = instances[STAGING, "us-east-1"]["StackId"]
    assert stack.startswith(f"arn:aws:cloudformation:us-east-1:{STAGING}:stack/StackSet-{name}-")
    [found] = sandbox.client("cloudformation", "staging").describe_stacks(StackName=stack)["Stacks"]
    assert (found["StackStatus"], found["Tags"]) == ("CREATE_COMPLETE", [{"Key": "team", "Value": "ml"}])
    described = sets.api.describe_stack_set(StackSetName=name)["StackSet"]
    assert (described["StackSetId"], described["Regions"]) == (id_, sorted(REGIONS))
    assert described["AdministrationRoleARN"].endswith(f":{HUB}:role/{ADMINISTRATION}")


def test_the_execution_role_makes_the_stacks(sandbox: Sandbox, sets: Sets, name: str) -> None:
    sets.create(name)
    sets.deploy(name, [STAGING])
    calls = [json.loads(line) for line in (sandbox.home / "calls.jsonl").read_text().splitlines()]
    stack = sets.instances(name)[STAGING, "us-east-1"]["StackId"]
    assert stack
    made = [call for call in calls if call["operation"] == "CreateStack" and f"/{EXECUTION}/" in call["principal"]]
    assert made
    assumed = [
        call for call in calls if call["operation"] == "AssumeRole" and f"/{ADMINISTRATION}/" in call["principal"]
    ]
    assert assumed


def test_an_account_without_the_role_fails_and_says_what_is_missing(sandbox: Sandbox, sets: Sets, name: str) -> None:
    sets.create(name)
    ended = sets.deploy(name, [ACCOUNTS["development"]])
    assert ended["Status"] == "FAILED"
    reason = (
        f"Account {ACCOUNTS['development']} should have '{EXECUTION}' role with trust relationship to Role "
        f"'{ADMINISTRATION}'."
    )
    assert sets.results(name, ended) == {(ACCOUNTS["development"], "us-east-1"): ("FAILED", reason)}
    [instance] = sets.instances(name).values()
    assert (instance["Status"], instance["StatusReason"]) == ("OUTDATED", reason)


def test_named_roles_are_used_instead_of_the_default_ones(sandbox: Sandbox, sets: Sets, name: str) -> None:
    role, execution = f"{name}-admin", f"{name}-exec"
    service = "cloudformation.amazonaws.com"
    administration = sandbox.role(role, service, profile="shared-services", policies=[])
    sandbox.role(execution, administration, profile="staging", policies=[STACKS])
    sets.create(name, AdministrationRoleARN=administration, ExecutionRoleName=execution)
    assert sets.deploy(name, [STAGING])["Status"] == "FAILED"  # it may not assume the role yet
    allowed = assuming(f"arn:aws:iam::{STAGING}:role/{execution}")
    sandbox.role(role, service, profile="shared-services", policies=[allowed])
    assert sets.deploy(name, [STAGING])["Status"] == "SUCCEEDED"
    assert sets.value("staging", name) == "one"


def test_an_update_reaches_every_instance_but_respects_overrides(sets: Sets, name: str) -> None:
    sets.create(name)
    sets.deploy(name, [STAGING])
    own = [{"ParameterKey": "Value", "ParameterValue": "own"}]
    sets.deploy(name, [PRODUCTION], ParameterOverrides=own)
    assert [sets.value(profile, name) for profile in ("staging", "production")] == ["one", "own"]
    changed = [{"ParameterKey": "Name", "UsePreviousValue": True}, {"ParameterKey": "Value", "ParameterValue": "two"}]
    started = sets.api.update_stack_set(StackSetName=name, UsePreviousTemplate=True, Parameters=changed)
    assert sets.ended(name, started)["Action"] == "UPDATE"
    assert [sets.value(profile, name) for profile in ("staging", "production")] == ["two", "own"]
    instance = sets.api.describe_stack_instance(
        StackSetName=name, StackInstanceAccount=PRODUCTION, StackInstanceRegion="us-east-1"
    )["StackInstance"]
    assert instance["ParameterOverrides"] == own
    started = sets.api.update_stack_instances(
        StackSetName=name, Accounts=[PRODUCTION], Regions=["us-east-1"], ParameterOverrides=[]
    )
    sets.ended(name, started)
    assert sets.value("production", name) == "two"


def test_an_update_of_some_instances_leaves_the_others_outdated(sets: Sets, name: str) -> None:
    sets.create(name)
    sets.deploy(name, [STAGING, PRODUCTION])
    started = sets.api.update_stack_set(
        StackSetName=name,
        TemplateBody=NAMED.replace("one", "two"),
        Parameters=[
            {"ParameterKey": "Name", "UsePreviousValue": True},
            {"ParameterKey": "Value", "ParameterValue": "2"},
        ],
        Accounts=[STAGING],
        Regions=["us-east-1"],
    )
    sets.ended(name, started)
    assert {place[0]: each["Status"] for place, each in sets.instances(name).items()} == {
        STAGING: "CURRENT",
        PRODUCTION: "OUTDATED",
    }
    assert [sets.value(profile, name) for profile in ("staging", "production")] == ["2", "one"]


def test_failures_beyond_the_tolerance_cancel_the_rest(sets: Sets, name: str) -> None:
    sets.create(name)
    accounts = [ACCOUNTS["development"], STAGING]
    ended = sets.deploy(name, accounts, REGIONS, OperationPreferences={"RegionOrder": ["eu-west-1", "us-east-1"]})
    assert ended["Status"] == "FAILED"
    results = sets.results(name, ended)
    assert results[ACCOUNTS["development"], "eu-west-1"][0] == "FAILED"
    cancelled = ("CANCELLED", "Cancelled since failure tolerance has exceeded")
    assert results[STAGING, "eu-west-1"] == results[STAGING, "us-east-1"] == cancelled
    assert sets.value("staging", name) is None


def test_failures_within_the_tolerance_do_not_stop_an_operation(sets: Sets, name: str) -> None:
    sets.create(name)
    preferences = {"FailureTolerancePercentage": 50, "MaxConcurrentCount": 2}
    ended = sets.deploy(name, [ACCOUNTS["development"], STAGING], OperationPreferences=preferences)
    assert ended["Status"] == "SUCCEEDED"
    assert ended["StatusDetails"] == {"FailedStackInstancesCount": 1}
    statuses = {place[0]: status for place, (status, _) in sets.results(name, ended).items()}
    assert statuses == {ACCOUNTS["development"]: "FAILED", STAGING: "SUCCEEDED"}
    assert sets.value("staging", name) == "one"


def test_a_failed_stack_tells_why_and_is_made_anew(sets: Sets, name: str) -> None:
    sets.create(name, Parameters=[{"ParameterKey": "Name", "ParameterValue": "aws/no"}])
    failed = sets.deploy(name, [STAGING])
    [(status, reason)] = sets.results(name, failed).values()
    assert status == "FAILED"
    assert reason.startswith("ResourceLogicalId:Parameter, ResourceType:AWS::SSM::Parameter, ResourceStatusReason:")
    given = [{"ParameterKey": "Name", "ParameterValue": name}]
    started = sets.api.update_stack_set(StackSetName=name, UsePreviousTemplate=True, Parameters=given)
    assert sets.ended(name, started)["Status"] == "SUCCEEDED"
    assert sets.value("staging", name) == "one"


def test_instances_are_deleted_or_retained_and_then_the_set(sandbox: Sandbox, sets: Sets, name: str) -> None:
    id_ = sets.create(name)
    sets.deploy(name, [STAGING, PRODUCTION])
    retained = sets.instances(name)[PRODUCTION, "us-east-1"]["StackId"]
    with pytest.raises(sets.api.exceptions.StackSetNotEmptyException):
        sets.api.delete_stack_set(StackSetName=name)
    for account, is_retained in ((STAGING, False), (PRODUCTION, True)):
        started = sets.api.delete_stack_instances(
            StackSetName=name, Accounts=[account], Regions=["us-east-1"], RetainStacks=is_retained
        )
        assert sets.ended(name, started)["Status"] == "SUCCEEDED"
    assert (sets.value("staging", name), sets.value("production", name)) == (None, "one")
    [left] = sandbox.client("cloudformation", "production").describe_stacks(StackName=retained)["Stacks"]
    assert left["StackStatus"] == "CREATE_COMPLETE"
    sets.api.delete_stack_set(StackSetName=name)
    with pytest.raises(sets.api.exceptions.StackSetNotFoundException):
        sets.api.describe_stack_set(StackSetName=name)
    assert sets.api.describe_stack_set(StackSetName=id_)["StackSet"]["Status"] == "DELETED"
    listed = sets.api.list_stack_sets(Status="ACTIVE")["Summaries"]
    assert name not in {each["StackSetName"] for each in listed}


def test_one_operation_at_a_time_and_one_can_be_stopped(sets: Sets, name: str) -> None:
    sets.create(name)
    started = sets.api.create_stack_instances(
        StackSetName=name, Accounts=[STAGING, PRODUCTION], Regions=REGIONS, OperationId="first"
    )
    with pytest.raises(sets.api.exceptions.OperationInProgressException):
        sets.api.create_stack_instances(StackSetName=name, Accounts=[STAGING], Regions=REGIONS)
    sets.api.stop_stack_set_operation(StackSetName=name, OperationId="first")
    ended = sets.ended(name, started)
    assert ended["Status"] == "STOPPED"
    statuses = [status for status, _ in sets.results(name, ended).values()]
    assert statuses.count("CANCELLED") >= 2
    with pytest.raises(sets.api.exceptions.InvalidOperationException):
        sets.api.stop_stack_set_operation(StackSetName=name, OperationId="first")
    with pytest.raises(sets.api.exceptions.OperationIdAlreadyExistsException):
        sets.api.create_stack_instances(StackSetName=name, Accounts=[STAGING], Regions=REGIONS, OperationId="first")
    [listed] = sets.api.list_stack_set_operations(StackSetName=name)["Summaries"]
    assert listed["OperationId"] == "first"


def test_the_drift_of_a_set_is_detected(sandbox: Sandbox, sets: Sets, name: str) -> None:
    sets.create(name)
    sets.deploy(name, [STAGING, PRODUCTION])
    sandbox.client("ssm", "staging").put_parameter(Name=name, Value="elsewhere", Overwrite=True)
    ended = sets.ended(name, sets.api.detect_stack_set_drift(StackSetName=name))
    assert (ended["Action"], ended["Status"]) == ("DETECT_DRIFT", "SUCCEEDED")
    assert {place[0]: each["DriftStatus"] for place, each in sets.instances(name).items()} == {
        STAGING: "DRIFTED",
        PRODUCTION: "IN_SYNC",
    }
    details = sets.api.describe_stack_set(StackSetName=name)["StackSet"]["StackSetDriftDetectionDetails"]
    assert (details["DriftStatus"], details["DriftedStackInstancesCount"]) == ("DRIFTED", 1)


RESOURCE = """
Parameters: {Name: {Type: String}, Value: {Type: String, Default: one}, Accounts: {Type: CommaDelimitedList}}
Resources:
  Set:
    Type: AWS::CloudFormation::StackSet
    Properties:
      StackSetName: !Ref Name
      PermissionModel: SELF_MANAGED
      Parameters: [{ParameterKey: Name, ParameterValue: !Ref Name}, {ParameterKey: Value, ParameterValue: !Ref Value}]
      StackInstancesGroup: [{DeploymentTargets: {Accounts: !Ref Accounts}, Regions: [us-east-1]}]
      TemplateBody: |
        Parameters: {Name: {Type: String}, Value: {Type: String}}
        Resources: {P: {Type: AWS::SSM::Parameter, Properties: {Name: !Ref Name, Type: String, Value: !Ref Value}}}
"""


def test_a_stack_may_hold_a_stack_set(sandbox: Sandbox, sets: Sets, name: str) -> None:
    stacks = Stacks(sandbox, "shared-services")
    made = stacks.create(RESOURCE, {"Name": name, "Accounts": STAGING}, StackName=name)
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.events(made["StackId"])
    first = sets.instances(name)[STAGING, "us-east-1"]["StackId"]
    both = {"Name": name, "Accounts": f"{STAGING},{PRODUCTION}"}
    assert stacks.update(name, None, {**both, "Value": "two"})["StackStatus"] == "UPDATE_COMPLETE"
    assert [sets.value(profile, name) for profile in ("staging", "production")] == ["two", "two"]
    assert sets.instances(name)[STAGING, "us-east-1"]["StackId"] == first
    stacks.update(name, None, {"Name": name, "Accounts": PRODUCTION, "Value": "two"})
    assert [sets.value(profile, name) for profile in ("staging", "production")] == [None, "two"]
    summary = sets.api.get_template_summary(StackSetName=name)
    assert [each["ParameterKey"] for each in summary["Parameters"]] == ["Name", "Value"]
    stacks.delete(made["StackId"])
    assert sets.value("production", name) is None
    with pytest.raises(sets.api.exceptions.StackSetNotFoundException):
        sets.api.describe_stack_set(StackSetName=name)


def test_what_a_set_cannot_be_is_refused(sets: Sets, name: str) -> None:
    create = sets.api.create_stack_set
    assert refusal(create, StackSetName=name, TemplateBody=NAMED)[1] == "Parameters: [Name] must have values"
    assert (
        "do not exist"
        in refusal(
            create,
            StackSetName=name,
            TemplateBody=NAMED,
            Parameters=[{"ParameterKey": key, "ParameterValue": "x"} for key in ("Name", "Other")],
        )[1]
    )
    role = 'Resources: {R: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {Version: "2012-10-17"}}}}'
    code, _ = refusal(create, StackSetName=name, TemplateBody=role)
    assert code == "InsufficientCapabilitiesException"
    sets.create(name)
    assert refusal(create, StackSetName=name, TemplateBody=role, Capabilities=["CAPABILITY_IAM"])[0] == (
        "NameAlreadyExistsException"
    )
    instances = sets.api.create_stack_instances
    assert refusal(instances, StackSetName=name, Accounts=[STAGING], Regions=["nowhere-1"])[0] == "ValidationError"
    assert refusal(instances, StackSetName="missing", Accounts=[STAGING], Regions=REGIONS)[0] == (
        "StackSetNotFoundException"
    )
    missing = refusal(sets.api.update_stack_instances, StackSetName=name, Accounts=[STAGING], Regions=["us-east-1"])
    assert missing[0] == "StackInstanceNotFoundException"
    assert refusal(create, StackSetName=f"{name}-m", TemplateBody=role, ManagedExecution={"Active": True})[0] == (
        "NotImplemented"
    )


def test_another_account_does_not_see_a_set(sandbox: Sandbox, sets: Sets, name: str) -> None:
    sets.create(name)
    other = sandbox.client("cloudformation", "staging")
    with pytest.raises(other.exceptions.StackSetNotFoundException):
        other.describe_stack_set(StackSetName=name)
