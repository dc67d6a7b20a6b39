"""The seam to moto's EMR: what it forgets, and where it is wrong."""

from __future__ import annotations

from typing import Any

from moto.emr.models import Cluster, ElasticMapReduceBackend
from moto.emr.responses import ElasticMapReduceResponse

from smproject.sandbox import moto_kept

_KEPT = ("LogEncryptionKmsKeyId", "OSReleaseLabel", "PlacementGroupConfigs=PlacementGroups", "ScaleDownBehavior")
_terminate = ElasticMapReduceBackend.terminate_job_flows


def mend() -> None:
    """Let clusters keep what they are asked for, and take their instances with them when they go."""
    moto_kept.remember(ElasticMapReduceResponse, _cluster, ("run_job_flow",), *_KEPT)
    ElasticMapReduceBackend.terminate_job_flows = _terminate_all


def _cluster(self: ElasticMapReduceResponse, result: Any) -> Cluster:
    return self.backend.clusters[result["JobFlowId"]]


def _terminate_all(self: ElasticMapReduceBackend, job_flow_ids: list[str]) -> list[Cluster]:
    clusters: list[Cluster] = _terminate(self, job_flow_ids)
    instances = [each.ec2_instance.id for cluster in clusters for each in cluster.ec2_instances]
    if instances:
        self.ec2_backend.terminate_instances(instances)
    return clusters
