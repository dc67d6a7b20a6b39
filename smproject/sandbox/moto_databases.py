"""The seam to moto's RDS, which Neptune shares: what it forgets, and where it is wrong."""

from __future__ import annotations

import secrets
import string
from typing import Any

from moto.core.responses import ActionResult
from moto.rds.exceptions import DBParameterGroupNotFoundError, InvalidParameterCombination
from moto.rds.models import DBCluster, DBInstance, RDSBackend
from moto.rds.responses import RDSResponse

from smproject.sandbox import moto_kept

# Versions of engines that moto has no default of. https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
_VERSIONS = {
    "mariadb": "10.11.10",
    "mysql": "8.0.40",
    "postgres": "16.6",
    "aurora-mysql": "8.0.mysql_aurora.3.08.0",
    "aurora-postgresql": "16.6",
}
_instance_init, _cluster_init = DBInstance.__init__, DBCluster.__init__
_create_replica, _modify_subnets = RDSBackend.create_db_instance_read_replica, RDSBackend.modify_db_subnet_group
_modify_instance, _default_version = RDSBackend.modify_db_instance, DBCluster.default_engine_version


def mend() -> None:
    """Let RDS keep what it is asked for, and be right where moto is not."""
    DBInstance.default_engine_versions.update(_VERSIONS)
    DBInstance.__init__ = _instance
    DBCluster.__init__ = _cluster
    DBCluster.default_engine_version = staticmethod(_cluster_version)
    RDSBackend.create_db_instance_read_replica = _replica
    RDSBackend.modify_db_subnet_group = _subnets
    RDSBackend.modify_db_instance = _modify
    RDSResponse.reset_db_parameter_group = _reset("DBParameterGroupName", "db_parameter_groups")
    RDSResponse.reset_db_cluster_parameter_group = _reset("DBClusterParameterGroupName", "db_cluster_parameter_groups")
    made = ("create_db_instance", "create_db_instance_read_replica", "restore_db_instance_from_db_snapshot")
    moto_kept.remember(RDSResponse, "DBInstance", (*made, "modify_db_instance"), *_OF_INSTANCES)
    moto_kept.remember(RDSResponse, "DBInstance", ("modify_db_instance",), "DBPortNumber=port")
    clusters = ("create_db_cluster", "modify_db_cluster", "restore_db_cluster_from_snapshot")
    moto_kept.remember(RDSResponse, _kept_cluster, clusters, *_OF_CLUSTERS)
    moto_kept.after(RDSResponse, "modify_db_cluster", _export_logs)


def _kept_cluster(self: RDSResponse, result: Any) -> DBCluster:
    """Return the cluster that is kept, of which moto's answer is a copy."""
    return self.backend.clusters[result["DBCluster"].db_cluster_identifier]


def _export_logs(self: RDSResponse, answer: ActionResult) -> None:
    """Change which logs a cluster exports, which moto forgets."""
    asked = self._get_param("CloudwatchLogsExportConfiguration") or {}
    cluster, off = _kept_cluster(self, answer.result), asked.get("DisableLogTypes", [])
    left = [each for each in cluster.enabled_cloudwatch_logs_exports if each not in off]
    cluster.enabled_cloudwatch_logs_exports = left + asked.get("EnableLogTypes", [])


_INSIGHTS = (
    *("EnablePerformanceInsights=PerformanceInsightsEnabled", "PerformanceInsightsKMSKeyId"),
    *("PerformanceInsightsRetentionPeriod", "DatabaseInsightsMode", "EngineLifecycleSupport"),
)
_OF_INSTANCES = (
    *_INSIGHTS,
    *("BackupTarget", "CustomIamInstanceProfile", "DedicatedLogVolume", "MultiTenant", "NcharCharacterSetName"),
    *("NetworkType", "ProcessorFeatures", "PromotionTier", "TdeCredentialArn", "Timezone"),
)
_OF_CLUSTERS = (
    *_INSIGHTS,
    *("ClusterScalabilityType", "EnableHttpEndpoint=HttpEndpointEnabled", "MonitoringInterval", "MonitoringRoleArn"),
    "EnableIAMDatabaseAuthentication=iam_auth",
)


def _instance(self: DBInstance, *args: Any, **kwargs: Any) -> None:
    """Give each instance an id of its own, where moto gives all of them one."""
    _instance_init(self, *args, **kwargs)
    self.dbi_resource_id = "db-" + "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(26))


def _cluster(self: DBCluster, *args: Any, **kwargs: Any) -> None:
    """Let Neptune have IAM authentication, which moto grants Aurora only."""
    allows = kwargs.pop("enable_iam_database_authentication", False) if kwargs.get("engine") == "neptune" else None
    _cluster_init(self, *args, **kwargs)
    vars(self).setdefault("_master_user_password", "")  # which moto asks of any cluster that it restores
    if allows is not None:
        self.iam_auth = allows


def _cluster_version(engine: str) -> str:
    return _VERSIONS.get(engine) or _default_version(engine)


def _replica(self: RDSBackend, db_kwargs: dict[str, Any]) -> DBInstance:
    """Make a replica that has tags of its own, and not the secret of the instance that it follows."""
    replica = _create_replica(self, db_kwargs)
    replica.tags = db_kwargs.get("tags") or []
    replica.manage_master_user_password = False
    vars(replica).pop("master_user_secret", None)
    return replica


def _subnets(self: RDSBackend, subnet_name: str, description: str, subnets: list[Any]) -> Any:
    """Keep a group that is modified, which moto loses."""
    group = _modify_subnets(self, subnet_name, description, subnets)
    self.subnet_groups[subnet_name] = group
    return group


def _modify(self: RDSBackend, db_instance_identifier: str, db_kwargs: dict[str, Any]) -> DBInstance:
    """Refuse a new major version that is not allowed for, which moto takes.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html
    """
    wanted, [found] = db_kwargs.get("engine_version"), self.describe_db_instances(db_instance_identifier)
    is_major = wanted and _major(found.engine, wanted) != _major(found.engine, found.engine_version)
    if is_major and not db_kwargs.get("allow_major_version_upgrade"):
        raise InvalidParameterCombination(
            "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version."
        )
    return _modify_instance(self, db_instance_identifier, db_kwargs)


def _major(engine: str, version: str) -> list[str]:
    return version.split(".")[: 2 if engine in ("mysql", "mariadb") else 1]


def _reset(name: str, groups: str) -> Any:
    """Return the operation that takes settings of a parameter group back to what the engine brings, which moto lacks.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ResetDBParameterGroup.html
    """

    def operation(self: RDSResponse) -> ActionResult:
        group = getattr(self.backend, groups).get(self._get_param(name))
        if group is None:
            raise DBParameterGroupNotFoundError(self._get_param(name))
        wanted = [each["ParameterName"] for each in self._get_param("Parameters", [])]
        for each in list(group.parameters) if self._get_param("ResetAllParameters") else wanted:
            group.parameters.pop(each, None)
        return ActionResult({name: group.name})

    return operation
