"""Clusters and node groups of EKS: kept and described, but no Kubernetes runs here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from smproject.sandbox.cloudformation.changes import Properties, same
from smproject.sandbox.cloudformation.kept import Kept
from smproject.sandbox.cloudformation.provider import Made, provides
from smproject.sandbox.cloudformation.simple import Answer
from smproject.sandbox.cloudformation.tags import Tagging

_LOGS = ("api", "audit", "authenticator", "controllerManager", "scheduler")


class _Eks(Kept):
    """A resource of EKS."""

    service, patches, state, done = "eks", True, "status", ("ACTIVE",)
    tagging: ClassVar[Tagging | None] = Tagging("resourceArn", keys="tagKeys", spelling=None)
    untold: ClassVar[tuple[str, ...]] = ("tags",)


@provides
class Cluster(_Eks):
    """A cluster, behind whose endpoint nothing answers."""

    type, name_property, name_limit = "AWS::EKS::Cluster", "Name", 100
    creates, updates, deletes, delete_member = "CreateCluster", "UpdateClusterConfig", "DeleteCluster", "name"
    reads, at = "DescribeCluster", "cluster"
    fallbacks: ClassVar[Properties] = {"Logging": {"ClusterLogging": {"EnabledTypes": []}}}
    tells: ClassVar[dict[str, str]] = {
        "_Arn": "arn",
        "Arn": "arn",
        "CertificateAuthorityData": "certificateAuthority.data",
        "ClusterSecurityGroupId": "resourcesVpcConfig.clusterSecurityGroupId",
        "EncryptionConfigKeyArn": "encryptionConfig[0].provider.keyArn",
        "Endpoint": "endpoint",
        "OpenIdConnectIssuerUrl": "identity.oidc.issuer",
    }

    def translate(self, properties: Properties) -> Properties:
        """Write the kinds of logs as the API nests them."""
        logs = (properties.get("Logging") or {}).get("ClusterLogging", {}).get("EnabledTypes")
        written = {} if logs is None else {"Logging": {"ClusterLogging": _logs([each["Type"] for each in logs])}}
        return super().translate(properties | written)


def _logs(kinds: list[str]) -> list[dict[str, Any]]:
    return [{"types": kinds or list(_LOGS), "enabled": bool(kinds)}]


@provides
class Nodegroup(_Eks):
    """The nodes of a cluster, of which none runs."""

    type, name_property, name_limit = "AWS::EKS::Nodegroup", "NodegroupName", 63
    creates, updates, deletes = "CreateNodegroup", "UpdateNodegroupConfig", "DeleteNodegroup"
    reads, delete_member, at, place = "DescribeNodegroup", "nodegroupName", "nodegroup", ("ClusterName",)
    update_keys = ("nodegroupName",)
    fallbacks: ClassVar[Properties] = {"Labels": {}, "Taints": []}
    tells: ClassVar[dict[str, str]] = {
        "_Arn": "nodegroupArn",
        "Arn": "nodegroupArn",
        "Id": "join('/', [clusterName, nodegroupName])",
        "NodegroupName": "nodegroupName",
        "ClusterName": "clusterName",
    }

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the cluster's name and the group's."""
        return Made(f"{sent['ClusterName']}/{sent['NodegroupName']}", {"nodegroupName": sent["NodegroupName"]})

    def name(self, made: Made) -> str:
        """Return the group's name."""
        return made.ref.partition("/")[2]

    def _update_request(
        self, client: Any, made: Made, before: Properties, after: Properties, separate: Iterable[str]
    ) -> Properties:
        """Write labels and taints as differences; all else is told whole."""
        found = super()._update_request(client, made, before, after, separate)
        differences = {"Labels": _labels(before, after), "Taints": _taints(before, after)}
        rest = {name: item for name, item in found.items() if name not in differences}
        return rest | {name: item for name, item in differences.items() if item}


def _labels(before: Properties, after: Properties) -> Properties:
    old, new = before.get("Labels") or {}, after.get("Labels") or {}
    gone = sorted(set(old) - set(new))
    return {"addOrUpdateLabels": new, "removeLabels": gone} if not same(old, new) else {}


def _taints(before: Properties, after: Properties) -> Properties:
    old, new = before.get("Taints") or [], after.get("Taints") or []
    gone = [each for each in old if not any(same(each, other) for other in new)]
    return {"addOrUpdateTaints": new, "removeTaints": gone} if not same(old, new) else {}
