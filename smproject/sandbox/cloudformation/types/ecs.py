"""Clusters, task definitions and services of ECS: kept and described, but no container runs here."""

from __future__ import annotations

from typing import ClassVar

from smproject.sandbox.cloudformation.api import call
from smproject.sandbox.cloudformation.changes import Properties, same
from smproject.sandbox.cloudformation.kept import Kept
from smproject.sandbox.cloudformation.provider import Context, Made, provides
from smproject.sandbox.cloudformation.tags import Tagging


class _Ecs(Kept):
    """A resource of ECS."""

    service, patches, state, done, gone = "ecs", True, "status", ("ACTIVE",), ("INACTIVE",)
    tagging: ClassVar[Tagging | None] = Tagging("resourceArn", keys="tagKeys", spelling=("key", "value"))
    untold: ClassVar[tuple[str, ...]] = ("tags",)

    def name(self, made: Made) -> str:
        """Return what `Ref` returns."""
        return made.ref


@provides
class Cluster(_Ecs):
    """A cluster, on which nothing runs."""

    type, name_property, name_limit = "AWS::ECS::Cluster", "ClusterName", 255
    creates, updates, deletes, delete_member = "CreateCluster", "UpdateCluster", "DeleteCluster", "cluster"
    reads, read_member, at, update_keys = "DescribeClusters", "clusters[]", "clusters[0]", ("cluster",)
    members: ClassVar[dict[str, str]] = {"ClusterSettings": "Settings"}
    fallbacks: ClassVar[Properties] = {"ClusterSettings": [{"Name": "containerInsights", "Value": "disabled"}]}
    tells: ClassVar[dict[str, str]] = {"_Arn": "clusterArn", "Arn": "clusterArn"}

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change its providers of capacity, which are put together, then the rest."""
        together = ("CapacityProviders", "DefaultCapacityProviderStrategy")
        old, new = ({name: side.get(name) or [] for name in together} for side in (before, after))
        if not same(old, new):
            call(context.client("ecs"), "PutClusterCapacityProviders", self.target(made) | new)
        left = ({name: item for name, item in side.items() if name not in together} for side in (before, after))
        return super().update(context, made, *left)


@provides
class TaskDefinition(_Ecs):
    """What tasks would run; a change is a new revision."""

    type, name_property, name_limit, ref = "AWS::ECS::TaskDefinition", "Family", 255, "taskDefinitionArn"
    creates, deletes, delete_member = "RegisterTaskDefinition", "DeregisterTaskDefinition", "taskDefinition"
    reads, at = "DescribeTaskDefinition", "taskDefinition"
    tells: ClassVar[dict[str, str]] = {"TaskDefinitionArn": "taskDefinitionArn", "_Arn": "taskDefinitionArn"}


@provides
class Service(_Ecs):
    """A service that wants tasks, of which none ever runs."""

    type, name_property, name_limit, ref = "AWS::ECS::Service", "ServiceName", 255, "serviceArn"
    creates, updates, deletes, delete_member = "CreateService", "UpdateService", "DeleteService", "service"
    reads, read_member, at, update_keys = "DescribeServices", "services[]", "services[0]", ("service",)
    place, delete_members = ("Cluster",), {"force": True}
    members: ClassVar[dict[str, str]] = {"PlacementStrategies": "PlacementStrategy"}
    untold = ("tags", "role", "taskDefinition")  # the last two are told by their ARNs, however they were named
    tells: ClassVar[dict[str, str]] = {"Name": "serviceName", "ServiceArn": "serviceArn", "_Arn": "serviceArn"}

    def translate(self, properties: Properties) -> Properties:
        """Ask for one task where the template doesn't say how many."""
        is_daemon = properties.get("SchedulingStrategy") == "DAEMON"
        return super().translate(properties if is_daemon else {"DesiredCount": 1, **properties})
