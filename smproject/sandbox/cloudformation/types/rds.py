"""Subnet and parameter groups of databases: kept and described. Databases themselves the sandbox does not have."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation.api import Setting
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.provider import Context, Made, provides
from smproject.sandbox.cloudformation.simple import Simple
from smproject.sandbox.cloudformation.tags import Tagging

_PARAMETER_MEMBERS = {"Family": "DBParameterGroupFamily"}
_PARAMETERS = {"Parameters": Setting("ModifyDBParameterGroup", lambda values: {"Parameters": _written(values)})}


class _Group(Simple):
    """A group, whose name is in lower case."""

    service, state_only = "rds", True
    tagging = Tagging("ResourceName", "AddTagsToResource", "RemoveTagsFromResource")

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the group under a name that RDS takes."""
        return super().create(context, {self.name_property: context.name(255, lower=True)} | properties)


@provides
class DBSubnetGroup(_Group):
    """The subnets of databases."""

    type, name_property, arn_path = "AWS::RDS::DBSubnetGroup", "DBSubnetGroupName", "subgrp:{}"
    creates, deletes = "CreateDBSubnetGroup", "DeleteDBSubnetGroup"  # moto loses a group that is modified
    delete_member = "DBSubnetGroupName"


@provides
class DBParameterGroup(_Group):
    """The settings of databases."""

    type, name_property, arn_path = "AWS::RDS::DBParameterGroup", "DBParameterGroupName", "pg:{}"
    creates, deletes = "CreateDBParameterGroup", "DeleteDBParameterGroup"
    delete_member, members, settings = "DBParameterGroupName", _PARAMETER_MEMBERS, _PARAMETERS


def _written(values: Properties) -> list[dict[str, Any]]:
    """Write settings as the API takes them: at the next restart, which is what any setting can wait for."""
    return [
        {"ParameterName": name, "ParameterValue": text(value), "ApplyMethod": "pending-reboot"}
        for name, value in values.items()
    ]
