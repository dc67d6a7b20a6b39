"""The accounts and regions that a request means."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation.regions import known
from smproject.sandbox.cloudformation.stack_sets.organization import Organization
from smproject.sandbox.cloudformation.stack_sets.records import SERVICE_MANAGED, Place, StackSet
from smproject.sandbox.service import Request, ServiceError

Units = dict[Place, str]  # account and region: the organizational unit through which they are meant, if any


def wanted(organization: Organization, stack_set: StackSet, request: Request) -> Units:
    """Return the places that a request names; raises ServiceError (ValidationError) for what can't be a target."""
    regions = request.get("Regions") or []
    unknown = sorted(set(regions) - known())
    if unknown or not regions:
        raise ServiceError("ValidationError", f"Regions must be names of regions, not [{', '.join(unknown)}]")
    accounts = _accounts(organization, stack_set, request)
    return {(account, region): unit for region in regions for account, unit in accounts.items()}


def named(stack_set: StackSet, organization: Organization, request: Request) -> list[Place]:
    """Return those of a set's instances that an update or a deletion means: all where it names nothing.

    Raises ServiceError (StackInstanceNotFoundException) for places where the set has no instance.
    """
    if not {"Accounts", "DeploymentTargets", "Regions"} & set(request):
        return list(stack_set.instances)
    places = list(wanted(organization, stack_set, request))
    missing = next((place for place in places if place not in stack_set.instances), None)
    if missing:
        message = f"Stack instance not found for StackSet {stack_set.id} account {missing[0]} region {missing[1]}"
        raise ServiceError("StackInstanceNotFoundException", message)
    return places


def _accounts(organization: Organization, stack_set: StackSet, request: Request) -> dict[str, str]:
    """Return the accounts by id, each with its unit."""
    given = request.get("DeploymentTargets") or {}
    if "AccountsUrl" in given:
        raise ServiceError("NotImplemented", "The sandbox does not implement AccountsUrl of DeploymentTargets.")
    if stack_set.model == SERVICE_MANAGED:
        return _of_organization(organization, stack_set, request, given)
    accounts = request.get("Accounts") or given.get("Accounts") or []
    if not accounts or "OrganizationalUnitIds" in given:
        message = "A StackSet with SELF_MANAGED permissions takes Accounts, and at least one"
        raise ServiceError("ValidationError", message)
    wrong = [account for account in accounts if not (account.isdigit() and len(account) == 12)]
    if wrong:
        raise ServiceError("ValidationError", f"Accounts must be ids of 12 digits, not [{', '.join(wrong)}]")
    return dict.fromkeys(accounts, "")


def _of_organization(
    organization: Organization, stack_set: StackSet, request: Request, given: dict[str, Any]
) -> dict[str, str]:
    """Return the accounts of the organizational units, filtered as AccountFilterType says."""
    units, accounts = given.get("OrganizationalUnitIds") or [], given.get("Accounts") or []
    if "Accounts" in request or not units:
        message = "A StackSet with SERVICE_MANAGED permissions takes DeploymentTargets with OrganizationalUnitIds"
        raise ServiceError("ValidationError", message)
    found = {account: unit for unit in units for account in organization.accounts(stack_set.account, unit)}
    kind = given.get("AccountFilterType") or "NONE"
    if (kind == "NONE") == bool(accounts):
        message = f"Accounts of DeploymentTargets and the AccountFilterType {kind} do not go together"
        raise ServiceError("ValidationError", message)
    if kind == "UNION":
        return dict.fromkeys(accounts, "") | found
    is_kept = kind == "INTERSECTION"
    return {account: unit for account, unit in found.items() if not accounts or (account in accounts) == is_kept}
