"""A Studio domain and a person's profile from the catalogue's templates, deployed in a running sandbox."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

from catalogues import Catalogue, publish, share
from harness import ACCOUNTS, Sandbox
from persons import client, policy
from policies import ROOT
from stacks import Item, Stacks

DOMAIN, PROFILE, LAUNCH = (
    (ROOT / "project_templates" / name / "template.yaml").read_text()
    for name in ("studio-domain", "user-profile", "launch-role")
)
NAMED = {"Capabilities": ["CAPABILITY_NAMED_IAM"]}
ROLE = "SageMakerAdminTemplatesLaunchRole"


def network(sandbox: Sandbox) -> dict[str, str]:
    """Make a network; return the parameters that name it."""
    ec2 = sandbox.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.7.{number}.0/24")["Subnet"]["SubnetId"] for number in (1, 2)]
    return {"StudioNetworkVpcId": vpc, "StudioNetworkSubnetIds": ",".join(subnets)}


def person(domain: str, name: str = "ann", persona: str = "data-scientist") -> dict[str, str]:
    """Return the parameters of a profile."""
    known = {"UserProfileDomainId": domain, "UserProfileName": name, "UserProfilePersona": persona}
    return known | {"UserProfileCostCenter": "4711", "UserProfileTeam": "churn"}


def offered(sandbox: Sandbox, template: str) -> Catalogue:
    """Offer a template in the development account, launched by the role of administrators' products."""
    catalogue, hub = publish(sandbox, template=template), sandbox.client("servicecatalog", "shared-services")
    [constraint] = hub.list_constraints_for_portfolio(PortfolioId=catalogue.portfolio)["ConstraintDetails"]
    hub.delete_constraint(Id=constraint["ConstraintId"])
    hub.create_constraint(
        PortfolioId=catalogue.portfolio,
        ProductId=catalogue.product,
        Type="LAUNCH",
        Parameters=json.dumps({"LocalRoleName": ROLE}),
    )
    return share(catalogue)


@dataclass
class Persona:
    """A persona's role as Studio would wear it; for a moment it trusts the account, so that a test may."""

    sandbox: Sandbox
    role: str

    def __post_init__(self) -> None:
        iam, root = self.sandbox.client("iam"), {"AWS": f"arn:aws:iam::{ACCOUNTS['development']}:root"}
        found = iam.get_role(RoleName=self.role)["Role"]
        trusted = found["AssumeRolePolicyDocument"]["Statement"][0]
        more = {"Effect": "Allow", "Principal": root, "Action": "sts:AssumeRole"}
        iam.update_assume_role_policy(RoleName=self.role, PolicyDocument=policy(trusted, more))
        self.keys = self.sandbox.client("sts").assume_role(RoleArn=found["Arn"], RoleSessionName="ann")["Credentials"]
        iam.update_assume_role_policy(RoleName=self.role, PolicyDocument=policy(trusted))

    def client(self, service: str) -> Any:
        """Return a client that acts as the persona."""
        return client(self.sandbox, service, self.keys)


class Domain:
    """A deployed domain."""

    def __init__(self, sandbox: Sandbox, **parameters: str) -> None:
        self.sandbox, self.stacks = sandbox, Stacks(sandbox)
        self.given = {"StudioDomainName": f"lab-{uuid.uuid4().hex[:6]}", **network(sandbox), **parameters}
        self.stack: Item = self.stacks.create(DOMAIN, self.given, **NAMED)
        assert self.stack["StackStatus"] == "CREATE_COMPLETE", self.stacks.reason(self.stack["StackId"])
        self.outputs = self.stacks.outputs(self.stack)
        self.id = self.outputs["StudioDomainId"]

    def described(self) -> Item:
        """Return the domain as SageMaker describes it."""
        found: Item = self.sandbox.client("sagemaker").describe_domain(DomainId=self.id)
        return found

    def profile(self, name: str, persona: str) -> Item:
        """Deploy a profile; return its stack."""
        made = self.stacks.create(PROFILE, person(self.id, name, persona))
        assert made["StackStatus"] == "CREATE_COMPLETE", self.stacks.reason(made["StackId"])
        return made

    def persona(self, name: str) -> Persona:
        """Return somebody with a persona's role."""
        return Persona(self.sandbox, f"studio-{self.id}-{name}")


def left(sandbox: Sandbox, name: str, domain: str) -> dict[str, list[str]]:
    """Return what an account still has of a domain, by kind; whatever is being deleted is gone."""
    sagemaker, iam, ec2 = (sandbox.client(service) for service in ("sagemaker", "iam", "ec2"))
    roles = [role["RoleName"] for page in iam.get_paginator("list_roles").paginate() for role in page["Roles"]]
    groups = ec2.describe_security_groups(Filters=[{"Name": "tag:sagemaker:domain-name", "Values": [name]}])
    functions = sandbox.client("lambda").list_functions()["Functions"]
    logs = sandbox.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/studio-{name}-")
    found = {
        "domains": [each["DomainId"] for each in sagemaker.list_domains()["Domains"] if each["DomainId"] == domain],
        "profiles": [each["UserProfileName"] for each in sagemaker.list_user_profiles()["UserProfiles"]
                     if each["DomainId"] == domain],
        "roles": [role for role in roles if role.startswith((f"studio-{name}-", f"studio-{domain}-"))],
        "groups": [each["GroupId"] for each in groups["SecurityGroups"]],
        "functions": [each["FunctionName"] for each in functions if each["FunctionName"].startswith(f"studio-{name}-")],
        "logs": [each["logGroupName"] for each in logs["logGroups"]],
    }  # fmt: skip
    return {kind: names for kind, names in found.items() if names}
