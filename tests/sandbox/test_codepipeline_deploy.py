"""Stacks that a pipeline of the development account creates, updates and deletes in the staging account."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from dataclasses import dataclass, field
from typing import Any

import pytest
from harness import ACCOUNTS, Sandbox, eventually
from test_codepipeline_structure import refusal
from workshop import Declared, Workshop, action, approval, stage

TEMPLATE = """\
Parameters:
  Name: {Type: String}
  Days: {Type: String, Default: '1'}
Resources:
  Group:
    Type: AWS::Logs::LogGroup
    Properties: {LogGroupName: !Ref Name, RetentionInDays: !Ref Days}
Outputs:
  Days: {Value: !Ref Days}
  Group: {Value: !Ref Group}
"""


def put_policy(sandbox: Sandbox, role: str, profile: str, *statements: Declared) -> None:
    """Give a role its one inline policy."""
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **found} for found in statements]}
    iam = sandbox.client("iam", profile)
    iam.put_role_policy(RoleName=role.rpartition("/")[2], PolicyName="own", PolicyDocument=json.dumps(document))


@dataclass
class Target:
    """The staging account, made ready for one workshop's pipelines: the action's role and CloudFormation's."""

    shop: Workshop
    deploy: str = ""
    cloudformation: str = ""
    stack: str = field(default_factory=lambda: f"endpoint-{uuid.uuid4().hex[:8]}")

    def __post_init__(self) -> None:
        sandbox, bucket = self.shop.sandbox, f"arn:aws:s3:::{self.shop.bucket}"
        self.deploy = sandbox.role("target-deploy", self.shop.role, profile="staging")
        self.cloudformation = sandbox.role("target-stack", "cloudformation.amazonaws.com", profile="staging")
        logs = {"Action": "logs:*", "Resource": "*"}
        stacks = {"Action": "cloudformation:*", "Resource": f"arn:aws:cloudformation:*:{ACCOUNTS['staging']}:stack/*"}
        hand_over = {"Action": "iam:PassRole", "Resource": self.cloudformation}
        objects = {"Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"{bucket}/*"}
        put_policy(sandbox, self.cloudformation, "staging", logs)
        put_policy(sandbox, self.deploy, "staging", stacks, hand_over, objects)
        assume = {"Action": "sts:AssumeRole", "Resource": f"arn:aws:iam::{ACCOUNTS['staging']}:role/target-*"}
        put_policy(sandbox, self.shop.role, "development", assume)
        root = {"AWS": f"arn:aws:iam::{ACCOUNTS['staging']}:root"}
        only = {"Condition": {"ArnEquals": {"aws:PrincipalArn": self.deploy}}}
        statement = {"Effect": "Allow", "Principal": root, **objects, **only}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sandbox.client("s3").put_bucket_policy(Bucket=self.shop.bucket, Policy=policy)

    @property
    def api(self) -> Any:
        return self.shop.sandbox.client("cloudformation", "staging")

    def push(self, path: str, content: str) -> None:
        parent = self.shop.sandbox.client("codecommit").get_branch(
            repositoryName=self.shop.repository, branchName="main"
        )["branch"]["commitId"]
        self.shop.push(path, content.encode(), parent=parent)

    def configure(self, days: int, name: str = "", **more: Any) -> None:
        """Push the template configuration."""
        settings = {"Parameters": {"Name": name or self.stack, "Days": str(days)}, "Tags": {"stage": "staging"}}
        self.push("staging.json", json.dumps({**settings, **more}))

    def action(self, mode: str = "CREATE_UPDATE", configuration: Declared | None = None, **more: Any) -> Declared:
        settings = {
            "ActionMode": mode,
            "StackName": self.stack,
            "RoleArn": self.cloudformation,
            "TemplatePath": "Code::endpoint.yaml",
            "TemplateConfiguration": "Code::staging.json",
            **(configuration or {}),
        }
        facts = {"takes": ["Code"], "roleArn": self.deploy, "namespace": "Stack", **more}
        return action("Deploy", "Deploy/CloudFormation", settings, **facts)

    def create(self, *declared: Declared, **more: Any) -> str:
        return self.shop.create(stage("Deploy", *(declared or [self.action()])), **more)

    def describe(self) -> Declared:
        return dict(self.api.describe_stacks(StackName=self.stack)["Stacks"][0])

    def failed(self, name: str, execution: str = "") -> str:
        """Wait for an execution to fail; return the message of its deployment."""
        self.shop.ended(name, "Failed", execution)
        error = self.shop.actions(name, execution)["Deploy"]["output"]["executionResult"]["errorDetails"]
        return str(error["message"])


@pytest.fixture
def target(workshop: Workshop) -> Target:
    """A target with a repository and a stack of its own."""
    made = Target(Workshop(workshop.sandbox))
    made.push("endpoint.yaml", TEMPLATE)
    made.configure(1)
    return made


def test_a_stack_is_created_and_then_updated_in_the_other_account(target: Target) -> None:
    shop = target.shop
    name = target.create()
    shop.ended(name, "Succeeded")
    made = target.describe()
    assert (made["StackStatus"], made["RoleARN"]) == ("CREATE_COMPLETE", target.cloudformation)
    assert {"Key": "stage", "Value": "staging"} in made["Tags"]
    output = shop.actions(name)["Deploy"]["output"]
    assert output["outputVariables"] == {"Days": "1", "Group": target.stack}
    assert output["executionResult"]["externalExecutionId"] == made["StackId"]
    assert made["StackId"].split(":")[4] == ACCOUNTS["staging"]
    target.configure(7)
    second = shop.start(name)
    shop.ended(name, "Succeeded", second)
    assert target.describe()["StackStatus"] == "UPDATE_COMPLETE"
    assert shop.actions(name, second)["Deploy"]["output"]["outputVariables"]["Days"] == "7"
    groups = shop.sandbox.client("logs", "staging").describe_log_groups(logGroupNamePrefix=target.stack)["logGroups"]
    assert [group["retentionInDays"] for group in groups] == [7]
    lines = [json.loads(line) for line in (shop.sandbox.home / "calls.jsonl").read_text().splitlines()]
    session = f"arn:aws:sts::{ACCOUNTS['staging']}:assumed-role/target-deploy/{second}"
    made_by_role = {line["operation"] for line in lines if line["principal"] == session}
    assert {"UpdateStack", "DescribeStacks"} <= made_by_role


def test_an_unchanged_stack_is_a_success(target: Target) -> None:
    name = target.create()
    target.shop.ended(name, "Succeeded")
    again = target.shop.start(name)
    target.shop.ended(name, "Succeeded", again)
    output = target.shop.actions(name, again)["Deploy"]["output"]
    assert "No updates are to be performed" in output["executionResult"]["externalExecutionSummary"]
    assert output["outputVariables"]["Days"] == "1"
    assert target.describe()["StackStatus"] == "CREATE_COMPLETE"


def test_overrides_win_and_may_tell_of_artifacts(target: Target) -> None:
    target.push("days.json", json.dumps({"Wanted": 5}))
    text = TEMPLATE.replace("Parameters:\n", "Parameters:\n  Bucket: {Type: String}\n")
    target.push("endpoint.yaml", text + "  Bucket: {Value: !Ref Bucket}\n")
    overrides = {
        "Days": {"Fn::GetParam": ["Code", "days.json", "Wanted"]},
        "Bucket": {"Fn::GetArtifactAtt": ["Code", "BucketName"]},
    }
    name = target.create(target.action(configuration={"ParameterOverrides": json.dumps(overrides)}))
    target.shop.ended(name, "Succeeded")
    found = target.shop.actions(name)["Deploy"]["output"]["outputVariables"]
    assert found == {"Days": "5", "Group": target.stack, "Bucket": target.shop.bucket}


def test_outputs_become_variables_and_an_artifact(target: Target) -> None:
    deploy = target.action(configuration={"OutputFileName": "outputs.json"}, makes=["Outputs"])
    told = {"CustomData": "#{Stack.Group} keeps #{Stack.Days} day"}
    name = target.create(deploy, approval(configuration=told, runOrder=2))
    target.shop.reached(name, "Approve")
    eventually(lambda: target.shop.actions(name)["Approve"]["input"].get("resolvedConfiguration"))
    run = target.shop.actions(name)["Approve"]
    assert run["input"]["resolvedConfiguration"] == {"CustomData": f"{target.stack} keeps 1 day"}
    [made] = target.shop.actions(name)["Deploy"]["output"]["outputArtifacts"]
    place = made["s3location"]
    stored = target.shop.sandbox.client("s3").get_object(Bucket=place["bucket"], Key=place["key"])["Body"].read()
    with zipfile.ZipFile(io.BytesIO(stored)) as archive:
        assert json.loads(archive.read("outputs.json")) == {"Days": "1", "Group": target.stack}


def test_a_failure_names_the_stack_its_account_and_the_resources_with_their_reasons(target: Target) -> None:
    logs = target.shop.sandbox.client("logs", "staging")
    logs.create_log_group(logGroupName=target.stack)  # so that the stack cannot create it
    message = target.failed(target.create())
    assert f"stack {target.stack} in account {ACCOUNTS['staging']} ended as ROLLBACK_COMPLETE" in message
    assert "Group (AWS::Logs::LogGroup) is CREATE_FAILED: " in message
    assert "already exists" in message


def test_a_stack_whose_creation_failed_is_replaced_only_where_the_mode_says_so(target: Target) -> None:
    logs = target.shop.sandbox.client("logs", "staging")
    logs.create_log_group(logGroupName=target.stack)
    target.failed(target.create())
    logs.delete_log_group(logGroupName=target.stack)
    message = target.failed(target.create())
    assert target.stack in message
    assert "delete the stack" in message
    name = target.create(target.action("REPLACE_ON_FAILURE"))
    target.shop.ended(name, "Succeeded")
    assert target.describe()["StackStatus"] == "CREATE_COMPLETE"


def test_a_stack_is_deleted_and_one_that_is_not_there_is_no_error(target: Target) -> None:
    target.shop.ended(target.create(), "Succeeded")
    name = target.create(target.action("DELETE_ONLY"))
    target.shop.ended(name, "Succeeded")
    with pytest.raises(target.api.exceptions.ClientError, match="does not exist"):
        target.describe()
    again = target.shop.start(name)
    target.shop.ended(name, "Succeeded", again)


def test_a_role_that_does_not_trust_the_pipeline_is_named_with_its_account(target: Target) -> None:
    stranger = target.shop.sandbox.role("target-stranger", "lambda.amazonaws.com", profile="staging")
    message = target.failed(target.create(target.action(roleArn=stranger)))
    assert f"on role {stranger} of account {ACCOUNTS['staging']}" in message
    assert f"must trust {target.shop.role}" in message


def test_a_role_that_is_missing_is_named_with_its_account(target: Target) -> None:
    missing = f"arn:aws:iam::{ACCOUNTS['staging']}:role/target-missing"
    name = target.create(target.action(roleArn=missing))
    message = target.failed(name)
    assert f"account {ACCOUNTS['staging']} has no such role" in message
    error = target.shop.actions(name)["Deploy"]["output"]["executionResult"]["errorDetails"]
    assert error["code"] == "PermissionError"


@pytest.mark.parametrize(
    ("configuration", "expected"),
    [
        ({"TemplatePath": "Code::absent.yaml"}, "File [absent.yaml] does not exist in artifact [Code]"),
        ({"TemplatePath": "endpoint.yaml"}, "TemplatePath must be written Artifact::file"),
        ({"TemplatePath": "Other::endpoint.yaml"}, "Other is not an input artifact"),
        ({"TemplateConfiguration": "Code::endpoint.yaml"}, "Code::endpoint.yaml is not JSON"),
        ({"ParameterOverrides": "{"}, "ParameterOverrides is not JSON"),
        ({"ParameterOverrides": json.dumps({"Days": {"Fn::GetArtifactAtt": ["Code", "Size"]}})}, "has no Size"),
        ({"ParameterOverrides": json.dumps({"Days": {"Ref": "Name"}})}, "neither a value nor a function"),
    ],
)
def test_a_wrong_configuration_fails_the_action(target: Target, configuration: Declared, expected: str) -> None:
    assert expected in target.failed(target.create(target.action(configuration=configuration)))


def test_a_failed_update_names_its_cause_and_leaves_the_stack_as_it_was(target: Target) -> None:
    name = target.create()
    target.shop.ended(name, "Succeeded")
    taken = f"{target.stack}-taken"
    target.shop.sandbox.client("logs", "staging").create_log_group(logGroupName=taken)
    target.configure(1, name=taken)
    message = target.failed(name, target.shop.start(name))
    assert f"in account {ACCOUNTS['staging']} ended as UPDATE_ROLLBACK_COMPLETE" in message
    assert "Group (AWS::Logs::LogGroup) is " in message
    assert "already exists" in message
    assert {"OutputKey": "Group", "OutputValue": target.stack} in target.describe()["Outputs"]


def test_a_stage_that_fails_after_its_deployment_deploys_again_what_was_there_before(target: Target) -> None:
    shop = target.shop
    stages = {**stage("Approval", approval(runOrder=2), target.action()), "onFailure": {"result": "ROLLBACK"}}
    name = shop.create(stages)
    good = shop.executions(name)[0]["pipelineExecutionId"]
    shop.answer(name, shop.token(name, execution=good))
    shop.ended(name, "Succeeded", good)
    target.configure(7)
    bad = shop.start(name)
    token = shop.token(name, execution=bad)
    assert {"OutputKey": "Days", "OutputValue": "7"} in target.describe()["Outputs"]
    shop.answer(name, token, "Rejected")
    shop.ended(name, "Failed", bad)
    rollback = eventually(lambda: [e for e in shop.executions(name)[:1] if e["executionType"] == "ROLLBACK"])[0]
    assert rollback["rollbackMetadata"]["rollbackTargetPipelineExecutionId"] == good
    shop.answer(name, shop.token(name, execution=rollback["pipelineExecutionId"]))
    shop.ended(name, "Succeeded", rollback["pipelineExecutionId"])
    assert {"OutputKey": "Days", "OutputValue": "1"} in target.describe()["Outputs"]


BAD: dict[str, tuple[str, Declared]] = {
    "change sets": ("does not implement ActionMode CHANGE_SET_REPLACE", {"ActionMode": "CHANGE_SET_REPLACE"}),
    "an unknown mode": ("ActionMode UPSERT of action 'Deploy' is none of", {"ActionMode": "UPSERT"}),
    "no template": ("missing required configuration 'TemplatePath'", {"ActionMode": "CREATE_UPDATE"}),
    "no mode": ("missing required configuration 'ActionMode'", {}),
    "an unknown setting": ("unknown configuration 'Colour'", {"ActionMode": "DELETE_ONLY", "Colour": "red"}),
}


@pytest.mark.parametrize("case", BAD)
def test_a_declaration_that_cannot_work_is_refused(workshop: Workshop, case: str) -> None:
    expected, configuration = BAD[case]
    settings = {"StackName": "s", "RoleArn": f"arn:aws:iam::{ACCOUNTS['staging']}:role/r", **configuration}
    deploy = action("Deploy", "Deploy/CloudFormation", settings, takes=["Code"])
    assert expected in refusal(workshop, workshop.declare(stage("Deploy", deploy)))[1]


def test_an_action_makes_one_artifact_at_most(workshop: Workshop) -> None:
    settings = {"ActionMode": "DELETE_ONLY", "StackName": "s", "RoleArn": f"arn:aws:iam::{ACCOUNTS['staging']}:role/r"}
    deploy = action("Deploy", "Deploy/CloudFormation", settings, makes=["One", "Two"])
    assert "more than the maximum count (1)" in refusal(workshop, workshop.declare(stage("Deploy", deploy)))[1]
