"""Who belongs to a node of the organization, asked of AWS Organizations as Service Catalog does."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from smproject.sandbox.service import Caller, ServiceError
from smproject.sandbox.world import World

TRUSTED = "servicecatalog.amazonaws.com"


def accounts(world: World, management: str, kind: str, node: str) -> set[str]:
    """Return the accounts of an organization, or of an organizational unit with the units below it."""
    client, name = _client(world, management), node.rpartition("/")[2]
    if kind == "ORGANIZATION":
        pages = client.get_paginator("list_accounts").paginate()
        return {account["Id"] for page in pages for account in page["Accounts"]}
    return _below(client, name)


def _below(client: Any, unit: str) -> set[str]:
    pages = client.get_paginator("list_accounts_for_parent").paginate(ParentId=unit)
    found = {str(account["Id"]) for page in pages for account in page["Accounts"]}
    units = client.get_paginator("list_organizational_units_for_parent").paginate(ParentId=unit)
    return found.union(*(_below(client, below["Id"]) for page in units for below in page["OrganizationalUnits"]))


def demand(world: World, caller: Caller, kind: str, node: str) -> None:
    """Raise ServiceError unless the caller's account manages an organization that has the node and trusts us."""
    client = _client(world, caller.account)
    try:
        organization = client.describe_organization()["Organization"]
    except ClientError as error:
        raise _unsupported(f"Account {caller.account} is not in an organization.") from error
    if organization["MasterAccountId"] != caller.account:
        raise _unsupported(f"Account {caller.account} is not the management account of its organization.")
    trusted = client.list_aws_service_access_for_organization()["EnabledServicePrincipals"]
    if TRUSTED not in {service["ServicePrincipal"] for service in trusted}:
        raise _unsupported("The organization does not trust Service Catalog: call EnableAWSOrganizationsAccess.")
    if kind == "ORGANIZATION" and node.rpartition("/")[2] != organization["Id"]:
        raise _missing(kind, node)
    try:
        found = accounts(world, caller.account, "ORGANIZATION" if kind == "ACCOUNT" else kind, node)
    except ClientError as error:
        raise _missing(kind, node) from error
    if kind == "ACCOUNT" and node not in found:
        raise _missing(kind, node)


def _client(world: World, account: str) -> Any:
    return world.client("organizations", world.service_credentials(account))


def _unsupported(message: str) -> ServiceError:
    return ServiceError("OperationNotSupportedException", message)


def _missing(kind: str, node: str) -> ServiceError:
    return ServiceError("ResourceNotFoundException", f"The organization has no {kind} {node}.")
