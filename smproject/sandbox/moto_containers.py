"""The seam to moto's ECS and EKS: what they forget, and where they are wrong."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models import ec2_backends
from moto.ecs.models import Service
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.eks.models import Cluster, EKSBackend
from moto.eks.responses import EKSResponse

from smproject.sandbox import moto_kept

_SERVICE = (
    *("availabilityZoneRebalancing", "capacityProviderStrategy", "deploymentConfiguration", "enableECSManagedTags"),
    *("enableExecuteCommand", "healthCheckGracePeriodSeconds", "placementConstraints", "placementStrategy"),
)
_CLUSTER = ("accessConfig", "computeConfig", "deletionProtection", "storageConfig", "upgradePolicy", "zonalShiftConfig")
_validate, _create_cluster = Service._validate_network, EKSBackend.create_cluster
_update_cluster, _delete_cluster = EKSBackend.update_cluster_config, EKSBackend.delete_cluster


def mend() -> None:
    """Let clusters and services keep what they are asked for, and be right where moto is not."""
    Service._validate_network = _network
    kept = ("create_service", "update_service")
    moto_kept.remember(EC2ContainerServiceResponse, "service", kept, *_SERVICE)
    moto_kept.after(EC2ContainerServiceResponse, "update_service", _wait_for_tasks)
    registers = ("register_task_definition",)
    moto_kept.remember(EC2ContainerServiceResponse, "taskDefinition", registers, "enableFaultInjection")
    EKSBackend.create_cluster, EKSBackend.delete_cluster = _create, _delete
    EKSBackend.update_cluster_config = _update
    moto_kept.remember(EKSResponse, "cluster", ("create_cluster", "update_cluster_config"), *_CLUSTER)
    moto_kept.remember(EKSResponse, "nodegroup", ("create_nodegroup",), "updateConfig", "nodeRepairConfig")


def _network(self: Service, nc: dict[str, Any]) -> dict[str, Any]:
    """Take a network without security groups, which means the default one, and moto does not expect."""
    whole = {"awsvpcConfiguration": {"securityGroups": [], **nc["awsvpcConfiguration"]}}
    network: dict[str, Any] = _validate(self, whole)
    return network


def _wait_for_tasks(self: EC2ContainerServiceResponse, answer: ActionResult) -> None:
    """Take back that tasks run, which moto says of a service that is updated: they wait for ever."""
    result: Any = answer.result
    service = result["service"]
    cluster = self.ecs_backend._get_cluster(service.cluster_arn)
    self.ecs_backend.update_cluster_resources(cluster, -service.running_count, task_state="RUNNING")
    self.ecs_backend.update_cluster_resources(cluster, service.desired_count - service.pending_count, "PENDING")
    service.running_count, service.pending_count = 0, service.desired_count
    for deployment in service.deployments[:1]:
        told = {"desiredCount": service.desired_count, "pendingCount": service.desired_count, "runningCount": 0}
        deployment.update(told | {"taskDefinition": service.task_definition})


def _create(self: EKSBackend, name: str, role_arn: str, resources_vpc_config: dict[str, Any], **rest: Any) -> Cluster:
    """Give a cluster the security group that EKS makes for it, in its subnets' network, which moto does not look at.

    https://docs.aws.amazon.com/eks/latest/userguide/sec-group-reqs.html
    """
    ec2 = ec2_backends[self.account_id][self.region_name]
    network = ec2.get_subnet(resources_vpc_config["subnetIds"][0]).vpc_id
    cluster = _create_cluster(self, name, role_arn, resources_vpc_config, **rest)
    told = f"EKS created security group applied to ENI that is attached to EKS Control Plane master nodes of {name}"
    group = ec2.create_security_group(f"eks-cluster-sg-{name}", told, network)
    cluster.resources_vpc_config |= {"clusterSecurityGroupId": group.id, "vpcId": network}
    return cluster


def _update(self: EKSBackend, name: str, resources_vpc_config: dict[str, Any] | None, **rest: Any) -> Cluster:
    """Keep of a network what a change does not name, which moto forgets."""
    former = self.clusters[name].resources_vpc_config if name in self.clusters else {}
    merged = former | resources_vpc_config if resources_vpc_config else None
    return _update_cluster(self, name=name, resources_vpc_config=merged, **rest)


def _delete(self: EKSBackend, name: str) -> Cluster:
    cluster = _delete_cluster(self, name)
    if group := cluster.resources_vpc_config.get("clusterSecurityGroupId"):
        ec2_backends[self.account_id][self.region_name].delete_security_group(group_id=group)
    return cluster
