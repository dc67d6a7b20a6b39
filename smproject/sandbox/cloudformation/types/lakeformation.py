"""Lake Formation's registrations, settings and grants: kept and listed; no data access is judged by them here."""

from __future__ import annotations

import json
from typing import Any

from smproject.sandbox.cloudformation.api import call, known, remove, updatable
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides
from smproject.sandbox.cloudformation.types.lakeformation_settings import LAKE

_OLD_NAMES = {  # what AWS::LakeFormation::Permissions calls the API's kinds of resource
    "DataLocationResource": "DataLocation",
    "DatabaseResource": "Database",
    "TableResource": "Table",
    "TableWithColumnsResource": "TableWithColumns",
}


@provides
class Resource(Provider):
    """A location registered with Lake Formation."""

    type, state_only = "AWS::LakeFormation::Resource", True

    def create(self, context: Context, properties: Properties) -> Made:
        """Register the location."""
        known(properties, "ResourceArn", "RoleArn", "UseServiceLinkedRole")
        call(context.client(LAKE), "RegisterResource", properties)
        return Made(properties["ResourceArn"], {"Id": properties["ResourceArn"]})

    def delete(self, context: Context, made: Made) -> None:
        """Take the registration back."""
        remove(context.client(LAKE), "DeregisterResource", {"ResourceArn": made.ref})


class _Grant(Provider):
    """A grant of permissions, whose request the revocation repeats."""

    state_only = True

    def delete(self, context: Context, made: Made) -> None:
        """Revoke what was granted."""
        remove(context.client(LAKE), "RevokePermissions", made.attributes["_request"])


@provides
class PrincipalPermissions(_Grant):
    """A grant to a principal; only a new one can be another."""

    type = "AWS::LakeFormation::PrincipalPermissions"

    def create(self, context: Context, properties: Properties) -> Made:
        """Grant the permissions."""
        request = {("CatalogId" if name == "Catalog" else name): item for name, item in properties.items()}
        call(context.client(LAKE), "GrantPermissions", request)
        principal = str(properties["Principal"]["DataLakePrincipalIdentifier"])
        resource = json.dumps(properties["Resource"], separators=(",", ":"))
        identifiers = {"PrincipalIdentifier": principal, "ResourceIdentifier": resource}
        return Made("|".join(identifiers.values()), identifiers | {"_request": request})


@provides
class Permissions(_Grant):
    """A grant to a principal, in the older type's words."""

    type = "AWS::LakeFormation::Permissions"

    def create(self, context: Context, properties: Properties) -> Made:
        """Grant the permissions."""
        return self._granted(context, properties, context.name(128))

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Grant what is granted now in place of what was."""
        updatable(before, after, "Permissions", "PermissionsWithGrantOption")
        self.delete(context, made)
        return self._granted(context, after, made.ref)

    def _granted(self, context: Context, properties: Properties, name: str) -> Made:
        request = {
            "Principal": properties["DataLakePrincipal"],
            "Resource": {_OLD_NAMES[kind]: _named(item) for kind, item in properties["Resource"].items()},
            "Permissions": properties.get("Permissions", []),
            "PermissionsWithGrantOption": properties.get("PermissionsWithGrantOption", []),
        }
        call(context.client(LAKE), "GrantPermissions", request)
        return Made(name, {"Id": name, "_request": request})


def _named(resource: dict[str, Any]) -> dict[str, Any]:
    return {("ResourceArn" if name == "S3Resource" else name): item for name, item in resource.items()}
