"""Glue's data catalogue: kept and described; no crawler or job runs here."""

from __future__ import annotations

from smproject.sandbox.cloudformation.api import call, remove, updatable
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides


@provides
class Database(Provider):
    """A database of the catalogue."""

    type, state_only = "AWS::Glue::Database", True

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the database under the name that the template gives, or one of CloudFormation's."""
        given = properties["DatabaseInput"].get("Name") or properties.get("DatabaseName")
        name = str(given or context.name(255, lower=True))
        call(context.client("glue"), "CreateDatabase", _database(properties, name))
        return Made(name, {"_catalog": properties["CatalogId"]})

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Put the new description in the old one's place."""
        updatable(before, after, "DatabaseInput")
        call(context.client("glue"), "UpdateDatabase", _database(after, made.ref) | {"Name": made.ref})
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Delete the database with its tables."""
        named = {"CatalogId": made.attributes["_catalog"], "Name": made.ref}
        remove(context.client("glue"), "DeleteDatabase", named)


def _database(properties: Properties, name: str) -> Properties:
    rest = {key: item for key, item in properties.items() if key != "DatabaseName"}
    return rest | {"DatabaseInput": properties["DatabaseInput"] | {"Name": name}}


@provides
class Table(Provider):
    """A table of the catalogue."""

    type, state_only = "AWS::Glue::Table", True

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the table."""
        given = properties.get("TableInput", {}).get("Name") or properties.get("Name")
        name = str(given or context.name(255, lower=True))
        call(context.client("glue"), "CreateTable", _table(properties, name))
        return Made(name, {"_catalog": properties["CatalogId"], "_database": properties["DatabaseName"]})

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Put the new description in the old one's place."""
        updatable(before, after, "TableInput")
        call(context.client("glue"), "UpdateTable", _table(after, made.ref))
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Delete the table."""
        named = {"CatalogId": made.attributes["_catalog"], "DatabaseName": made.attributes["_database"]}
        remove(context.client("glue"), "DeleteTable", named | {"Name": made.ref})


def _table(properties: Properties, name: str) -> Properties:
    rest = {key: item for key, item in properties.items() if key != "Name"}
    return rest | {"TableInput": properties.get("TableInput", {}) | {"Name": name}}
