"""The seam to moto's DMS: what it makes up or lacks."""

from __future__ import annotations

import json
from typing import Any

from botocore import xform_name
from moto.dms.exceptions import ResourceNotFoundFault
from moto.dms.models import (
    DatabaseMigrationServiceBackend,
    Endpoint,
    FakeReplicationInstance,
    FakeReplicationSubnetGroup,
    FakeReplicationTask,
)
from moto.dms.responses import DatabaseMigrationServiceResponse
from moto.ec2.models import ec2_backends

_Backend, _Response = DatabaseMigrationServiceBackend, DatabaseMigrationServiceResponse
_create_group, _create_instance = _Backend.create_replication_subnet_group, _Backend.create_replication_instance
_create_endpoint, _create_task = _Backend.create_endpoint, _Backend.create_replication_task
_group_told, _instance_told = FakeReplicationSubnetGroup.to_dict, FakeReplicationInstance.to_dict


def mend() -> None:
    """Let DMS tell subnets that there are, come to an end with what it creates, and change what moto can't."""
    _Backend.create_replication_subnet_group = _group
    _Backend.create_replication_instance = _instance
    _Backend.create_endpoint = lambda self, **asked: _ended(_create_endpoint(self, **asked), "active")
    _Backend.create_replication_task = lambda self, **asked: _ended(_create_task(self, **asked), "ready")
    FakeReplicationSubnetGroup.to_dict = lambda self: _group_told(self) | self._subnets
    FakeReplicationInstance.to_dict = _tell_instance
    _Response.modify_endpoint = _modify_endpoint
    _Response.modify_replication_task = _modify_task
    _Response.modify_replication_subnet_group = _modify_group
    _Response.add_tags_to_resource = _add_tags
    _Response.remove_tags_from_resource = _remove_tags


def _ended(made: Any, status: str) -> Any:
    made.status = status
    return made


def _group(self: DatabaseMigrationServiceBackend, **asked: Any) -> FakeReplicationSubnetGroup:
    told = _subnets(self, asked["subnet_ids"])
    group = _create_group(self, **asked)
    group._subnets = told
    return group


def _subnets(self: DatabaseMigrationServiceBackend, ids: list[str]) -> dict[str, Any]:
    """Return what a group tells of subnets, which moto makes up; a subnet that isn't there is refused."""
    found = [ec2_backends[self.account_id][self.region_name].get_subnet(each) for each in ids]
    told = [
        {
            "SubnetIdentifier": each.id,
            "SubnetAvailabilityZone": {"Name": each.availability_zone},
            "SubnetStatus": "Active",
        }
        for each in found
    ]
    return {"VpcId": found[0].vpc_id, "Subnets": told}


def _instance(self: DatabaseMigrationServiceBackend, **asked: Any) -> FakeReplicationInstance:
    named = asked.get("replication_subnet_group_identifier")
    if named and named not in self.replication_subnet_groups:
        raise ResourceNotFoundFault("Replication subnet group could not be found.")
    instance = _create_instance(self, **asked)
    instance._group = self.replication_subnet_groups[named] if named else None
    return instance


def _tell_instance(self: FakeReplicationInstance) -> dict[str, Any]:
    told: dict[str, Any] = _instance_told(self)
    return told | {"ReplicationSubnetGroup": self._group.to_dict() if self._group else None}


def _modify_endpoint(self: DatabaseMigrationServiceResponse) -> str:
    asked = json.loads(self.body)
    endpoints = {each.endpoint_arn: each for each in self.dms_backend.endpoints.values()}
    endpoint: Endpoint | None = endpoints.get(asked.pop("EndpointArn"))
    if endpoint is None:
        raise ResourceNotFoundFault("Endpoint could not be found.")
    former = endpoint.endpoint_identifier
    _change(endpoint, asked)
    self.dms_backend.endpoints[endpoint.endpoint_identifier] = self.dms_backend.endpoints.pop(former)
    return json.dumps({"Endpoint": {name: item for name, item in endpoint.to_dict().items() if item is not None}})


def _modify_task(self: DatabaseMigrationServiceResponse) -> str:
    asked = json.loads(self.body)
    task: FakeReplicationTask | None = self.dms_backend.replication_tasks.get(asked.pop("ReplicationTaskArn"))
    if task is None:
        raise ResourceNotFoundFault("Replication task could not be found.")
    task.id = asked.pop("ReplicationTaskIdentifier", task.id)
    _change(task, asked)
    return json.dumps({"ReplicationTask": task.to_dict()})


def _modify_group(self: DatabaseMigrationServiceResponse) -> str:
    asked = json.loads(self.body)
    group = self.dms_backend.replication_subnet_groups.get(asked["ReplicationSubnetGroupIdentifier"])
    if group is None:
        raise ResourceNotFoundFault("Replication subnet group could not be found.")
    group.description = asked.get("ReplicationSubnetGroupDescription", group.description)
    group._subnets = _subnets(self.dms_backend, asked["SubnetIds"])
    return json.dumps({"ReplicationSubnetGroup": group.to_dict()})


def _change(kept: Any, asked: dict[str, Any]) -> None:
    for name, value in asked.items():
        setattr(kept, xform_name(name), value)


def _add_tags(self: DatabaseMigrationServiceResponse) -> str:
    asked = json.loads(self.body)
    self.dms_backend.tagger.tag_resource(asked["ResourceArn"], asked["Tags"])
    return "{}"


def _remove_tags(self: DatabaseMigrationServiceResponse) -> str:
    asked = json.loads(self.body)
    self.dms_backend.tagger.untag_resource_using_names(asked["ResourceArn"], asked["TagKeys"])
    return "{}"
