"""The audit of a project that runs in the sandbox: what its roles may do against what they did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from smproject import catalog, projects, stacks
from smproject.audit import handlers, services, statements, templates, usage
from smproject.audit.findings import Finding
from smproject.audit.usage import Use
from smproject.errors import DeploymentError
from smproject.sandbox import lifecycle, profiles
from smproject.sandbox.cloudformation import template as reader

_LISTED = "a handler of what it makes lists it"


@dataclass(frozen=True)
class Role:
    """A role of a stack: its ARN, its policies' statements by Sid, and the reasons that the template gives."""

    account: str
    arn: str
    granted: Mapping[str, Mapping[str, Any]]
    reasons: Mapping[str, str]
    documented: Mapping[str, str]  # actions in lower case that AWS needs without the sandbox's doing them, and why

    @property
    def name(self) -> str:
        """Return how findings name it."""
        return f"{self.account}/{self.arn.rpartition('/')[2]}"


def audit(home: Path, project: str) -> Iterator[Finding]:
    """Yield what the roles of a project were denied, and what they never used; raises DeploymentError, SandboxError."""
    running = lifecycle.require(home)
    sessions = {name: profiles.session(running, name) for name in lifecycle.ACCOUNTS}
    profile, described = _find(sessions, project)
    launch_role = projects.launch_role(described, sessions[profile].client("servicecatalog"))
    done = usage.read(home / "calls.jsonl")
    for profile, session in sessions.items():
        for role in _roles(session, lifecycle.ACCOUNTS[profile][0], described["ProjectId"], launch_role):
            yield from _denied(role, done.get(role.arn, set()))
            yield from _unused(role, done.get(role.arn, set()))


def _denied(role: Role, done: set[Use]) -> Iterator[Finding]:
    for use in sorted(done, key=str):
        if use.decision == "denied":
            yield Finding("missing", role.name, "", f"{use.action} on {use.resource}")


def _unused(role: Role, done: set[Use]) -> Iterator[Finding]:
    for sid, statement in role.granted.items():
        resources = _listed(statement.get("Resource", "*"))
        for action in _listed(statement.get("Action", [])):
            if not any(use.decision == "allowed" and use.is_of([action], resources) for use in done):
                reason = role.reasons.get(sid, "") or role.documented.get(action.lower(), "")
                yield Finding("unused", role.name, sid, action, reason)


def _find(sessions: Mapping[str, Any], project: str) -> tuple[str, dict[str, Any]]:
    """Return the profile of the account that has a project of a name or id, and its description."""
    for profile, session in sessions.items():
        client = session.client("sagemaker")
        for page in client.get_paginator("list_projects").paginate():
            for found in page["ProjectSummaryList"]:
                named = project in (found["ProjectName"], found["ProjectId"])
                if named and found["ProjectStatus"] != "DeleteCompleted":
                    return profile, client.describe_project(ProjectName=found["ProjectName"])
    raise DeploymentError(f"The sandbox has no project {project!r}. See: aws sagemaker list-projects")


def _roles(session: boto3.Session, account: str, project_id: str, launch_role: str) -> Iterator[Role]:
    """Yield the roles of a project's stacks, and the launch role that made them, if the account has it from us."""
    cloudformation = session.client("cloudformation")
    found = [stack for page in cloudformation.get_paginator("describe_stacks").paginate() for stack in page["Stacks"]]
    ours = [stack["StackName"] for stack in found if project_id in stacks.parameters_of(stack).values()]
    for name in ours:
        yield from _roles_of(session, account, name)
    launching = stacks.stack_name(catalog.template("launch-role"))
    if launching in [stack["StackName"] for stack in found]:
        # It has a role for each kind of product.
        yield from (role for role in _roles_of(session, account, launching) if role.arn == launch_role)


def _roles_of(session: boto3.Session, account: str, stack: str) -> Iterator[Role]:
    cloudformation, iam = session.client("cloudformation"), session.client("iam")
    text = cloudformation.get_template(StackName=stack)["TemplateBody"]
    written = statements.parse(text)
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
        for resource in page["StackResourceSummaries"]:
            if resource["ResourceType"] == "AWS::IAM::Role":
                logical, name = resource["LogicalResourceId"], resource["PhysicalResourceId"]
                reasons = {s.name: s.reason for s in written if logical in s.roles}
                described = iam.get_role(RoleName=name)["Role"]
                why = {**services.documented(_trusted(described)), **_made_by(logical)}
                yield Role(account, described["Arn"], _granted(iam, name), reasons, why)


def _granted(iam: Any, role: str) -> dict[str, dict[str, Any]]:
    """Return the statements of a role's inline policies that allow something, by Sid."""
    found = {}
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        for number, statement in enumerate(_listed(document["Statement"])):
            if statement["Effect"] == "Allow":
                found[statement.get("Sid", f"{policy} {number}")] = statement
    return found


def _trusted(role: dict[str, Any]) -> list[str]:
    """Return the services that may assume a role."""
    statements_ = _listed(role["AssumeRolePolicyDocument"]["Statement"])
    return [each for statement in statements_ for each in _listed(statement["Principal"].get("Service", []))]


def _made_by(role: str) -> dict[str, str]:
    """Return what the handlers list of all that a role makes; nothing for one with which nothing is made."""
    paths = [path for launch in templates.launches() if launch.role == role for path in launch.templates]
    types = {item["Type"] for path in paths for item in reader.read(path.read_text())["Resources"].values()}
    return dict.fromkeys(handlers.listed(types), _LISTED)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
