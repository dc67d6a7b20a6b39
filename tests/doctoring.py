"""A published and shared catalogue, and how each of its things breaks and is mended: what the doctor's tests use."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from publishing import ACCOUNTS, EXAMPLE, HUB, Hub, Person, Repository

from smproject import catalog, stacks
from smproject.assemble import assemble
from smproject.doctor.checks import CHECKS
from smproject.doctor.examination import Asked, examine, places
from smproject.doctor.findings import Finding
from smproject.doctor.place import Place
from smproject.publish import publish, publish_to_s3
from smproject.share import share

ROLE = "OrganizationAccountAccessRole"
DEVELOPMENT = ACCOUNTS["development"]
PROFILES = {account: profile for profile, account in ACCOUNTS.items()}
LAUNCH, LAUNCH_STACK = "SageMakerProjectTemplatesLaunchRole", "sagemaker-project-templates-launch-role"
LOCATION = "/sagemaker-project-templates/catalog-bucket"
# A project's model package group beside what `example` has, so that there is something of SageMaker's to tag.
GROUP = """
  ExampleGroup:
    Type: AWS::SageMaker::ModelPackageGroup
    Properties:
      ModelPackageGroupName: !Sub sagemaker-${SageMakerProjectName}-${SageMakerProjectId}
"""
# What the administrators' launch role may make.
SETTING = """Description: Setting

Resources:
  SettingRole:
    Type: AWS::IAM::Role
    Properties:
      RoleName: studio-setting
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {Effect: Allow, Principal: {Service: sagemaker.amazonaws.com}, Action: sts:AssumeRole}
"""


class Patient(Repository):
    """A repository whose template of projects makes something that SageMaker tags."""

    def change(self, value: str = "first") -> None:
        super().change(value)
        self._write("project_templates/fragments/example.yaml", EXAMPLE.replace("first", value) + GROUP)
        self._write("project_templates/fragments/setting.yaml", SETTING)
        for each in catalog.templates(self.root):
            each.path.write_text(assemble(each))

    def release(self, version: str) -> None:
        """Give everything another version."""
        self._write("smproject/VERSION", f"{version}\n")
        self.change("released")


@dataclass
class Clinic:
    """The hub, its catalogue and a project of it in the development account, all of them healthy at first."""

    hub: Hub
    repository: Patient
    project: str = "churn"
    session: Any = field(default_factory=lambda: boto3.Session(profile_name=HUB))

    def publish(self) -> None:
        publish(self.hub.session, None, self.hub.tell, self.repository.root)
        publish_to_s3(self.hub.session, self.hub.tell, (), self.repository.root)

    def share(self, *domains: str) -> None:
        share(self.hub.session, DEVELOPMENT, ROLE, self.hub.tell, self.repository.root, domains)

    def client(self, service: str, profile: str = HUB) -> Any:
        return self.hub.client(service, profile)

    def create_project(self) -> None:
        """Create the project."""
        product = self.hub.products("SageMaker Projects")["example"]
        self.client("sagemaker", "development").create_project(
            ProjectName=self.project, ServiceCatalogProvisioningDetails={"ProductId": product}
        )
        assert self.hub.settled(self.project)["ProjectStatus"] == "CreateCompleted"

    def create_domain(self) -> None:
        """Create a Studio domain that offers the catalogue's templates."""
        ec2, sagemaker = (self.client(each, "development") for each in ("ec2", "sagemaker"))
        vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.7.1.0/24")["Subnet"]["SubnetId"]
        role = self.hub.sandbox.role("sagemaker-studio", "sagemaker.amazonaws.com", policies=())
        settings = {"AuthMode": "IAM", "DefaultUserSettings": {"ExecutionRole": role}}
        sagemaker.create_domain(DomainName="studio", VpcId=vpc, SubnetIds=[subnet], **settings)
        sagemaker.enable_sagemaker_servicecatalog_portfolio()
        self.share(sagemaker.list_domains()["Domains"][0]["DomainId"])

    def places(self, *accounts: str) -> list[Place]:
        return places(self.session, Asked(ROLE, accounts), self.repository.root)

    def findings(self, check: str = "") -> list[Finding]:
        """What the doctor finds, by all checks or by one."""
        return list(examine(self.places(), [each for each in CHECKS if check in ("", each.id)]))

    def run(self, finding: Finding) -> None:
        """Run the command of a finding, in the account that it names."""
        for command in finding.command.split(" && "):
            if command.startswith("smproject publish"):
                self.publish()
            elif command.startswith("smproject share"):
                words = shlex.split(command)
                assert words[2:4] == ["--account", DEVELOPMENT]
                self.share(*words[5:])
            else:
                environment = self.hub.sandbox.environment(PROFILES[finding.account])
                done = subprocess.run(
                    ["bash", "-euc", command], env=environment, capture_output=True, text=True, check=False
                )
                assert done.returncode == 0, done.stderr
                self._await_stack(command, PROFILES[finding.account])

    @contextmanager
    def as_person(self, person: Person) -> Iterator[Any]:
        """A session with the rights of a person of the hub."""
        keys = [person.keys[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL", self.hub.sandbox.endpoint)
            yield boto3.Session(*keys, "us-east-1")

    def _await_stack(self, command: str, profile: str) -> None:
        """Wait for what a command only began."""
        if "delete-stack" in command or "rollback-stack" in command:
            stacks.settled(self.client("cloudformation", profile), shlex.split(command)[-1])
        if "update-project" in command:
            self.hub.settled(self.project)
