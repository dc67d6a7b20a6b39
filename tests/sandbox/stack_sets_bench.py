"""Stack sets in a few words, and the roles that they need."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from harness import ACCOUNTS, Sandbox, eventually
from persons import policy
from stacks import Item

HUB, STAGING, PRODUCTION = (ACCOUNTS[profile] for profile in ("shared-services", "staging", "production"))
ADMINISTRATION, EXECUTION = "AWSCloudFormationStackSetAdministrationRole", "AWSCloudFormationStackSetExecutionRole"
REGIONS = ["us-east-1", "eu-west-1"]
NAMED = """
Parameters: {Name: {Type: String}, Value: {Type: String, Default: one}}
Resources: {Parameter: {Type: AWS::SSM::Parameter, Properties: {Name: !Ref Name, Type: String, Value: !Ref Value}}}
"""


class Sets:
    """Stack sets of the shared services account."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.api = sandbox, sandbox.client("cloudformation", "shared-services")

    def create(self, name: str, template: str = NAMED, **more: Any) -> str:
        """Create a set, whose parameter bears the set's name; return its id."""
        given = [{"ParameterKey": "Name", "ParameterValue": name}]
        made = self.api.create_stack_set(StackSetName=name, TemplateBody=template, **({"Parameters": given} | more))
        return str(made["StackSetId"])

    def ended(self, name: str, started: Item) -> Item:
        """Wait until an operation has ended; return its description."""
        return eventually(lambda: self._ended(name, started["OperationId"]))

    def _ended(self, name: str, id_: str) -> Item | None:
        found = self.api.describe_stack_set_operation(StackSetName=name, OperationId=id_)
        operation: Item = found["StackSetOperation"]
        return None if operation["Status"] in {"RUNNING", "STOPPING"} else operation

    def deploy(self, name: str, accounts: list[str], regions: list[str] | None = None, **more: Any) -> Item:
        """Make instances; return how that ended."""
        targets = {} if "DeploymentTargets" in more else {"Accounts": accounts}
        started = self.api.create_stack_instances(
            StackSetName=name, Regions=regions or ["us-east-1"], **targets, **more
        )
        return self.ended(name, started)

    def results(self, name: str, operation: Item) -> dict[tuple[str, str], tuple[str, str]]:
        """Return status and reason of each result."""
        found = self.api.list_stack_set_operation_results(StackSetName=name, OperationId=operation["OperationId"])
        return {(r["Account"], r["Region"]): (r["Status"], r.get("StatusReason", "")) for r in found["Summaries"]}

    def instances(self, name: str) -> dict[tuple[str, str], Item]:
        listed = self.api.list_stack_instances(StackSetName=name)["Summaries"]
        return {(each["Account"], each["Region"]): each for each in listed}

    def value(self, profile: str, name: str, region: str = "us-east-1") -> str | None:
        """Return a parameter's value in an account and region; None when there is none."""
        ssm = self.sandbox.client("ssm", profile)
        if region != "us-east-1":
            ssm = self.regional(profile, region)
        try:
            return str(ssm.get_parameter(Name=name)["Parameter"]["Value"])
        except ClientError:
            return None

    def regional(self, profile: str, region: str) -> Any:
        kept = self.sandbox.client("ssm", profile)._request_signer._credentials.get_frozen_credentials()
        session = boto3.Session(kept.access_key, kept.secret_key, kept.token, region)
        return session.client("ssm", endpoint_url=self.sandbox.endpoint)


def assuming(*roles: str) -> str:
    """Return a policy that lets an administration role assume execution roles."""
    return policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": list(roles)})


# What an execution role needs for the stacks of these tests, whatever they are called.
STACKS = policy({"Effect": "Allow", "Action": ["cloudformation:*", "ssm:*"], "Resource": "*"})


def prepared(sandbox: Sandbox) -> Sets:
    """Return stack sets with the roles of their default names, which staging and production trust."""
    administration = sandbox.role(
        ADMINISTRATION,
        "cloudformation.amazonaws.com",
        profile="shared-services",
        policies=[assuming(f"arn:aws:iam::*:role/{EXECUTION}")],
    )
    for profile in ("staging", "production"):
        sandbox.role(EXECUTION, administration, profile=profile, policies=[STACKS])
    return Sets(sandbox)


def refusal(call: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        call(**request)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]
