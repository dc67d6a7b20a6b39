"""Stack sets of an organization, whose accounts trust CloudFormation without roles of their own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from harness import Sandbox
from stack_sets_bench import NAMED, PRODUCTION, STAGING, Sets, refusal
from stacks import Item


@pytest.fixture(scope="module")
def sets(sandbox: Sandbox) -> Sets:
    return Sets(sandbox)


@pytest.fixture
def name(sets: Sets) -> str:
    """A name that no other test uses."""
    return f"set-{uuid.uuid4().hex[:8]}"


MANAGED: Item = {"PermissionModel": "SERVICE_MANAGED", "AutoDeployment": {"Enabled": False}}


@pytest.fixture
def trusted(sets: Sets) -> Iterator[Sets]:
    """The organization trusts stack sets."""
    sets.api.activate_organizations_access()
    yield sets
    sets.api.deactivate_organizations_access()


def test_the_organizations_trust_is_needed_for_its_accounts(sandbox: Sandbox, sets: Sets, name: str) -> None:
    create = sets.api.create_stack_set
    request = {"StackSetName": name, "TemplateBody": NAMED, **MANAGED}
    assert sets.api.describe_organizations_access()["Status"] == "DISABLED"
    assert refusal(create, **request)[1] == (
        "You must enable organizations access to operate a service managed stack set"
    )
    other = sandbox.client("cloudformation", "staging")
    assert refusal(other.create_stack_set, **request)[1].startswith("You must be the management account or delegated")
    assert refusal(other.activate_organizations_access)[0] == "InvalidOperationException"


def test_accounts_of_the_organization_are_reached_by_their_unit(sandbox: Sandbox, trusted: Sets, name: str) -> None:
    organizations = sandbox.client("organizations", "shared-services")
    root = organizations.list_roots()["Roots"][0]["Id"]
    unit = organizations.create_organizational_unit(ParentId=root, Name=name)["OrganizationalUnit"]["Id"]
    organizations.move_account(AccountId=PRODUCTION, SourceParentId=root, DestinationParentId=unit)
    try:
        trusted.create(name, **MANAGED)
        ended = trusted.deploy(name, [], DeploymentTargets={"OrganizationalUnitIds": [unit]})
        assert (ended["Status"], set(trusted.results(name, ended))) == ("SUCCEEDED", {(PRODUCTION, "us-east-1")})
        assert trusted.value("production", name) == "one"
        [instance] = trusted.instances(name).values()
        assert instance["OrganizationalUnitId"] == unit
        filtered = {"OrganizationalUnitIds": [root], "Accounts": [STAGING], "AccountFilterType": "INTERSECTION"}
        ended = trusted.deploy(name, [], DeploymentTargets=filtered)
        assert set(trusted.results(name, ended)) == {(STAGING, "us-east-1")}
        described = trusted.api.describe_stack_set(StackSetName=name)["StackSet"]
        assert described["OrganizationalUnitIds"] == [unit, root]
        assert described["AutoDeployment"] == {"Enabled": False}
        refused = refusal(
            trusted.api.create_stack_instances, StackSetName=name, Accounts=[STAGING], Regions=["us-east-1"]
        )
        assert "DeploymentTargets" in refused[1]
    finally:
        organizations.move_account(AccountId=PRODUCTION, SourceParentId=unit, DestinationParentId=root)


def test_a_delegated_administrator_acts_for_the_management_account(sandbox: Sandbox, trusted: Sets, name: str) -> None:
    organizations = sandbox.client("organizations", "shared-services")
    staging = sandbox.client("cloudformation", "staging")
    request = {
        "StackSetName": name,
        "TemplateBody": NAMED,
        "Parameters": [{"ParameterKey": "Name", "ParameterValue": name}],
        "CallAs": "DELEGATED_ADMIN",
        **MANAGED,
    }
    assert "delegated administrator" in refusal(staging.create_stack_set, **request)[1]
    service = "member.org.stacksets.cloudformation.amazonaws.com"
    organizations.register_delegated_administrator(AccountId=STAGING, ServicePrincipal=service)
    try:
        id_ = staging.create_stack_set(**request)["StackSetId"]
        assert trusted.api.describe_stack_set(StackSetName=name)["StackSet"]["StackSetId"] == id_
        with pytest.raises(staging.exceptions.StackSetNotFoundException):
            staging.describe_stack_set(StackSetName=name)
    finally:
        organizations.deregister_delegated_administrator(AccountId=STAGING, ServicePrincipal=service)
