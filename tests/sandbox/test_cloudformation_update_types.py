"""Updates in place, type by type, as the services that own the resources show them."""

from __future__ import annotations

import uuid
from typing import Any

import ml_cases
import pytest
from harness import Sandbox
from stacks import Stacks
from update_cases import CASES, ROLE, key_policy, project, template

ABLE: Any = {"Capabilities": ["CAPABILITY_NAMED_IAM"]}
ALL = CASES | {f"ml {kind}": case for kind, case in ml_cases.CASES.items()}
RENAMED = {"inline policy"}  # whose physical id is its name, which is changed


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox)


@pytest.fixture
def name() -> str:
    """A name that no other test uses, good for every service."""
    return f"types-{uuid.uuid4().hex[:8]}"


@pytest.mark.parametrize("kind", ALL)
def test_a_resource_is_updated_in_place_and_back(stacks: Stacks, sandbox: Sandbox, name: str, kind: str) -> None:
    case = ALL[kind]
    made = stacks.create(template(case, case.before, name), StackName=name, **ABLE)
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.reason(made["StackId"])
    physical = stacks.physical(name)
    updated = stacks.update(name, template(case, case.after, name), **ABLE)
    assert updated["StackStatus"] == "UPDATE_COMPLETE", stacks.reason(made["StackId"])
    assert case.look(sandbox.client, name) == case.shown
    assert stacks.physical(name) == physical or kind in RENAMED
    back = stacks.update(name, template(case, case.before, name), **ABLE)
    assert back["StackStatus"] == "UPDATE_COMPLETE", stacks.reason(made["StackId"])
    assert stacks.delete(made["StackId"])["StackStatus"] == "DELETE_COMPLETE", stacks.reason(made["StackId"])
    events = stacks.api.describe_stack_events(StackName=made["StackId"])["StackEvents"]
    ids = {event["PhysicalResourceId"] for event in events if event["LogicalResourceId"] == "It"} - {""}
    assert ids == {physical["It"]} or kind in RENAMED


KEY = f"AWS::KMS::Key: {{KeyPolicy: {key_policy('kms:*')}, KeySpec: SPEC}}"
BUILD = f"AWS::CodeBuild::Project: {project('version: 0.2', 'told', 5, '[]')}"
REPOSITORY = "AWS::CodeCommit::Repository: {RepositoryName: NAME-END}"
UNCHANGEABLE = {  # property -> type and properties, before and after
    "KeySpec": (KEY.replace("SPEC", "SYMMETRIC_DEFAULT"), KEY.replace("SPEC", "RSA_2048")),
    "RepositoryName": (REPOSITORY.replace("END", "old"), REPOSITORY.replace("END", "new")),
    "EncryptionKey": (BUILD.replace("Description: told", "EncryptionKey: alias/aws/s3"), BUILD),
}


@pytest.mark.parametrize("refused", UNCHANGEABLE)
def test_what_cannot_change_in_place_is_refused_by_name(stacks: Stacks, name: str, refused: str) -> None:
    before, after = UNCHANGEABLE[refused]
    role = ROLE.replace("SERVICE", "codebuild")

    def text(resource: str) -> str:
        kind, _, properties = resource.replace("NAME", name).partition(": ")
        return f"Resources:\n  It: {{Type: {kind}, Properties: {properties}}}\n  {role}"

    made = stacks.create(text(before), StackName=name, **ABLE)
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.reason(made["StackId"])
    assert stacks.update(name, text(after), **ABLE)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert f"the property {refused}" in stacks.reason(made["StackId"]).replace("The", "the")


def test_a_settled_policy_goes_when_the_template_says_no_more_of_it(
    stacks: Stacks, sandbox: Sandbox, name: str
) -> None:
    case, ecr = CASES["images"], sandbox.client("ecr")
    stacks.create(template(case, case.after, name), StackName=name)
    stacks.update(name, template(case, "{RepositoryName: NAME}", name))
    with pytest.raises(ecr.exceptions.RepositoryPolicyNotFoundException):
        ecr.get_repository_policy(repositoryName=name)
    with pytest.raises(ecr.exceptions.LifecyclePolicyNotFoundException):
        ecr.get_lifecycle_policy(repositoryName=name)


def test_a_restarted_pipeline_runs_its_new_version(stacks: Stacks, sandbox: Sandbox, name: str) -> None:
    case = CASES["pipeline"]
    stacks.create(template(case, case.before, name), StackName=name, **ABLE)
    stacks.update(name, template(case, case.after[:-1] + ", RestartExecutionOnUpdate: true}", name), **ABLE)
    runs = sandbox.client("codepipeline").list_pipeline_executions(pipelineName=name)["pipelineExecutionSummaries"]
    assert len(runs) == 2
