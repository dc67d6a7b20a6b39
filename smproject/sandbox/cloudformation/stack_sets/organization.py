"""What stack sets ask of the organization: who may administer them, and which accounts lie in a unit.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-activate-trusted-access.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from smproject.sandbox import moto_delegation
from smproject.sandbox.service import Caller, ServiceError
from smproject.sandbox.world import World

PRINCIPAL = "member.org.stacksets.cloudformation.amazonaws.com"


class Organization:
    """The organization that an account belongs to, asked as AWS itself."""

    def __init__(self, world: World) -> None:
        self.world = world
        moto_delegation.support_delegation(PRINCIPAL)

    def management(self, account: str) -> str:
        """Return the management account of an account's organization; empty when it is in none."""
        try:
            found = self._client(account).describe_organization()["Organization"]
        except ClientError:
            return ""
        return str(found["MasterAccountId"])

    def administrator(self, caller: Caller, call_as: str) -> str:
        """Return the account whose stack sets a caller administers; raises ServiceError when it may not."""
        if call_as != "DELEGATED_ADMIN":
            return caller.account
        management = self.management(caller.account)
        if not management or caller.account not in self._delegated(management):
            message = "You must be a delegated administrator of an organization to call as DELEGATED_ADMIN"
            raise ServiceError("ValidationError", message)
        return management

    def demand_service_managed(self, administrator: str) -> None:
        """Raise ServiceError unless an account may have sets that the organization's trust lets into its accounts."""
        if self.management(administrator) != administrator:
            message = (
                "You must be the management account or delegated admin account of an organization before operating a "
                "SERVICE_MANAGED stack set"
            )
            raise ServiceError("ValidationError", message)
        if not self.is_trusted(administrator):
            message = "You must enable organizations access to operate a service managed stack set"
            raise ServiceError("ValidationError", message)

    def is_trusted(self, management: str) -> bool:
        """Tell whether trusted access is enabled."""
        pages = self._client(management).get_paginator("list_aws_service_access_for_organization").paginate()
        return any(each["ServicePrincipal"] == PRINCIPAL for page in pages for each in page["EnabledServicePrincipals"])

    def accounts(self, management: str, unit: str) -> list[str]:
        """Return the accounts in a unit and those below it, but not the management account."""
        try:
            return [account for account in self._below(self._client(management), unit) if account != management]
        except ClientError as error:
            message = f"Organizational unit {unit} does not exist: {error.response['Error']['Message']}"
            raise ServiceError("ValidationError", message) from error

    def _below(self, client: Any, parent: str) -> Iterator[str]:
        for page in client.get_paginator("list_accounts_for_parent").paginate(ParentId=parent):
            yield from (account["Id"] for account in page["Accounts"])
        for page in client.get_paginator("list_organizational_units_for_parent").paginate(ParentId=parent):
            for unit in page["OrganizationalUnits"]:
                yield from self._below(client, unit["Id"])

    def _delegated(self, management: str) -> set[str]:
        found = self._client(management).list_delegated_administrators(ServicePrincipal=PRINCIPAL)
        return {each["Id"] for each in found["DelegatedAdministrators"]}

    def _client(self, account: str) -> Any:
        return self.world.client("organizations", self.world.service_credentials(account))
