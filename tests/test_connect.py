"""`smproject connect`, as the platform engineer runs it, with what it leaves in the accounts."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parent
# pytest puts the folder of a test on the path, not those whose helpers it shares.
sys.path[:0] = [str(TESTS / "sandbox")]

import catalogues  # noqa: E402
from demonstration import SMPROJECT, Demonstration  # noqa: E402
from harness import ACCOUNTS, Sandbox, settled  # noqa: E402

DEVELOPMENT, STAGING, PRODUCTION = (ACCOUNTS[each] for each in ("development", "staging", "production"))
# A project as `connect` sees it: by the parameters and outputs of its stack.
PROJECT = """
Parameters:
  SageMakerProjectName: {Type: String}
  SageMakerProjectId: {Type: String}
  TargetsStagingAccountId: {Type: String}
  TargetsProductionAccountId: {Type: String}
Resources:
  Kept:
    Type: AWS::SSM::Parameter
    Properties: {Name: !Sub "/projects/${SageMakerProjectId}", Type: String, Value: kept}
Outputs:
  TemplateId: {Value: example}
  ArtifactBucketName: {Value: !Sub "sagemaker-project-${SageMakerProjectId}-${AWS::AccountId}"}
  ArtifactsKeyArn: {Value: !Sub "arn:aws:kms:${AWS::Region}:${AWS::AccountId}:key/deploy"}
  ModelDeployModelProjectId: {Value: p-models}
  ModelDeployModelPackageGroupName: {Value: sagemaker-churn-p-models}
  ModelDeployModelBucketName: {Value: !Sub "sagemaker-project-p-models-${AWS::AccountId}"}
  ModelDeployModelKeyArn: {Value: !Sub "arn:aws:kms:${AWS::Region}:${AWS::AccountId}:key/models"}
"""
GIVEN = [
    {"Key": "TargetsStagingAccountId", "Value": STAGING},
    {"Key": "TargetsProductionAccountId", "Value": PRODUCTION},
]
PIPELINE = "  ModelDeployPipelineName: {Value: deploys}\n"


class Engineer:
    """Runs the tool with the hub's credentials, in a sandbox with two projects: one deploys, one doesn't."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.ids = {
            "release": self.create("release", **self.product(PROJECT + PIPELINE)),
            "study": self.create("study", **self.product(PROJECT)),
            "stored": self.create("stored", **self.template((PROJECT + PIPELINE).replace("p-models", "p-other"))),
        }

    def product(self, template: str) -> dict[str, Any]:
        """What a project is made from: a product."""
        made = catalogues.share(catalogues.publish(self.sandbox, template=template))
        details = {"ProductId": made.product, "ProvisioningArtifactId": made.version, "ProvisioningParameters": GIVEN}
        return {"ServiceCatalogProvisioningDetails": details}

    def template(self, template: str) -> dict[str, Any]:
        """What a project is made from: a template in S3."""
        s3, bucket = self.sandbox.client("s3"), f"templates-{DEVELOPMENT}"
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="example.yaml", Body=template.encode())
        url = f"https://{bucket}.s3.us-east-1.amazonaws.com/example.yaml"
        provider = {"TemplateName": "example", "TemplateURL": url, "Parameters": GIVEN}
        return {"TemplateProviders": [{"CfnTemplateProvider": provider}]}

    def create(self, name: str, **source: Any) -> str:
        """Create a project; return its id."""
        sagemaker = self.sandbox.client("sagemaker")
        sagemaker.create_project(ProjectName=name, **source)
        found = settled(sagemaker, name)
        assert found["ProjectStatus"] == "CreateCompleted", found
        return str(found["ProjectId"])

    def connect(self, project: str, *options: str, account: str = DEVELOPMENT) -> subprocess.CompletedProcess[str]:
        command = [str(SMPROJECT), "connect", project, "--account", account, *options]
        environment = self.sandbox.environment("shared-services")
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def roles(self, profile: str) -> set[str]:
        """Names of an account's roles that belong to projects."""
        found = self.sandbox.client("iam", profile).list_roles()["Roles"]
        return {role["RoleName"] for role in found if role["RoleName"].startswith("sagemaker-")}


@pytest.fixture(scope="module")
def engineer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engineer]:
    shell = Demonstration(tmp_path_factory.mktemp("connect"))
    up = shell.run(str(SMPROJECT), "sandbox", "up", "--port", str(shell.port))
    assert up.returncode == 0, up.stdout + up.stderr
    try:
        yield Engineer(Sandbox(f"http://127.0.0.1:{shell.port}", shell.home))
    finally:
        shell.run(str(SMPROJECT), "sandbox", "down")


@pytest.mark.parametrize(
    ("project", "options", "told"),
    [
        ("nobody", ("--target", STAGING), f"no project 'nobody' in account {DEVELOPMENT}"),
        ("study", ("--target", STAGING), "study .* has no deploy pipeline: it is made from example"),
        ("release", ("--target", "555555555555"), f"into account 555555555555: .* {STAGING}, .* {PRODUCTION}"),
        ("release", ("--target", STAGING, "--target", "1"), "into account 1:"),
        ("release", ("--target", STAGING, "--role-name", "Nobody"), f"Role Nobody of account {DEVELOPMENT}"),
    ],
)
def test_what_cannot_be_connected_is_refused_and_nothing_is_made(
    engineer: Engineer, project: str, options: tuple[str, ...], told: str
) -> None:
    before = engineer.roles("staging")
    done = engineer.connect(project, *options)
    assert done.returncode == 1
    assert re.match(f"Error: .*{told}", done.stderr), done.stderr
    assert done.stderr.count("\n") == 1
    assert engineer.roles("staging") == before


def test_a_target_that_lets_nobody_in_is_named_before_another_is_prepared(engineer: Engineer) -> None:
    iam = engineer.sandbox.client("iam", "production")
    closed = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [closed]})
    role = "OrganizationAccountAccessRole"
    open_again = json.dumps(iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"])
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=policy)
    before = engineer.roles("staging")
    try:
        done = engineer.connect("release", "--target", STAGING, "--target", PRODUCTION)
    finally:
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=open_again)
    assert (done.returncode, f"account {PRODUCTION}" in done.stderr) == (1, True)
    assert engineer.roles("staging") == before


def test_a_project_is_connected_once_and_again_without_a_change(engineer: Engineer) -> None:
    targets = ("--target", STAGING, "--target", PRODUCTION)
    done = engineer.connect("release", *targets)
    assert done.returncode == 0, done.stderr
    name = f"sagemaker-project-templates-target-account-{engineer.ids['release']}"
    assert done.stdout.splitlines() == [
        f"account {STAGING}: stack {name}: created",
        f"account {PRODUCTION}: stack {name}: created",
        "project release: ready",
    ]
    deploy, models = engineer.ids["release"], "p-models"
    roles = {f"sagemaker-{deploy}-deploy", f"sagemaker-{deploy}-test"}
    roles |= {f"sagemaker-{models}-cloudformation", f"sagemaker-{models}-endpoint"}
    assert engineer.roles("staging") == engineer.roles("production") == roles
    again = json.loads(engineer.connect("release", *targets, "--output", "json").stdout)
    assert again["changed"] is False
    assert {account: stack["result"] for account, stack in again["targets"].items()} == {
        STAGING: "unchanged",
        PRODUCTION: "unchanged",
    }


def test_the_account_s_roles_are_made_for_this_project(engineer: Engineer) -> None:
    assert engineer.connect("release", "--target", STAGING).returncode == 0
    iam, deploy = engineer.sandbox.client("iam", "staging"), engineer.ids["release"]
    role = iam.get_role(RoleName=f"sagemaker-{deploy}-deploy")["Role"]["AssumeRolePolicyDocument"]
    (statement,) = role["Statement"]
    assert statement["Principal"] == {"AWS": f"arn:aws:iam::{DEVELOPMENT}:root"}
    trusted = f"arn:aws:iam::{DEVELOPMENT}:role/sagemaker-{deploy}-model-deploy"
    assert statement["Condition"] == {"ArnEquals": {"aws:PrincipalArn": trusted}}
    buckets = [each["Name"] for each in engineer.sandbox.client("s3", "staging").list_buckets()["Buckets"]]
    assert f"sagemaker-project-p-models-{STAGING}" in buckets


def test_a_project_from_a_template_in_s3_is_connected_too(engineer: Engineer) -> None:
    done = engineer.connect("stored", "--target", PRODUCTION)
    assert done.returncode == 0, done.stderr
    assert f"sagemaker-{engineer.ids['stored']}-deploy" in engineer.roles("production")
