"""Lake Formation's settings of an account: kept and shown."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation.api import call
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides

LAKE = "lakeformation"
_ADMINS = "DataLakeAdmins"


@provides
class DataLakeSettings(Provider):
    """The settings of the account's data lake; there is one set of them, to which a template adds."""

    type, state_only = "AWS::LakeFormation::DataLakeSettings", True

    def create(self, context: Context, properties: Properties) -> Made:
        """Put the settings; administrators are added to those there are, unless they are to replace them."""
        own = {(_ADMINS if name == "Admins" else name): item for name, item in properties.items()}
        replaces = own.pop("MutationType", "APPEND") == "REPLACE"
        client = context.client(LAKE)
        found = _settings(client)
        if _ADMINS in own and not replaces:
            there = found.get(_ADMINS, [])
            own[_ADMINS] = there + [admin for admin in own[_ADMINS] if admin not in there]
        call(client, "PutDataLakeSettings", {"DataLakeSettings": found | own})
        name = context.caller.account
        return Made(name, {"Id": name, "_own": sorted(own), "_admins": properties.get("Admins", [])})

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Take the former settings away, then put the new ones."""
        self.delete(context, made)
        return self.create(context, after)

    def delete(self, context: Context, made: Made) -> None:
        """Take away what the template has put."""
        client = context.client(LAKE)
        found, gone = _settings(client), made.attributes["_admins"]
        kept = {name: item for name, item in found.items() if name == _ADMINS or name not in made.attributes["_own"]}
        kept[_ADMINS] = [admin for admin in found.get(_ADMINS, []) if admin not in gone]
        call(client, "PutDataLakeSettings", {"DataLakeSettings": kept})


def _settings(client: Any) -> dict[str, Any]:
    return dict(client.get_data_lake_settings()["DataLakeSettings"])
