"""Feature groups: kept and described; there is no feature store behind them, so nothing is ingested."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.sagemaker.records import Facts, Records, given, listing
from smproject.sandbox.sagemaker.tags import Tags
from smproject.sandbox.service import Caller, Request, ServiceError, now

_SUMMARY = ("FeatureGroupName", "FeatureGroupArn", "CreationTime", "FeatureGroupStatus", "OfflineStoreStatus")
_CREATED_WITH = (
    "FeatureGroupName",
    "RecordIdentifierFeatureName",
    "EventTimeFeatureName",
    "FeatureDefinitions",
    "OnlineStoreConfig",
    "OfflineStoreConfig",
    "ThroughputConfig",
    "RoleArn",
    "Description",
)
_BLOCKED = {"Status": "Blocked", "BlockedReason": "The sandbox has no feature store: nothing is ingested."}
_SORTS = {"Name": "FeatureGroupName"}


class FeatureGroups:
    """The operations on feature groups."""

    def __init__(self, tags: Tags) -> None:
        self.tags = tags
        self.groups = Records(
            "Resource Not Found: Amazon SageMaker can't find a FeatureGroup with name {name}",
            "Resource Already Exists: FeatureGroup with name {name} already exists. Choose a different name.",
        )

    def create_feature_group(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Create a feature group of features that are told apart."""
        _check(request)
        arn = _arn(caller, request)
        facts = given(request, *_CREATED_WITH) | {"FeatureGroupArn": arn, "FeatureGroupStatus": "Created"}
        if "OfflineStoreConfig" in request:
            facts |= {"OfflineStoreConfig": _offline(caller, request), "OfflineStoreStatus": dict(_BLOCKED)}
        self.groups.add(arn, facts)
        self.tags.set(arn, request.get("Tags", []))
        return {"FeatureGroupArn": arn}

    def describe_feature_group(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a feature group by name or ARN."""
        return {**self.groups.find(_arn(caller, request)), "NextToken": ""}

    def list_feature_groups(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the account's feature groups."""
        text, status = request.get("NameContains", ""), request.get("FeatureGroupStatusEquals")
        offline = request.get("OfflineStoreStatusEquals")
        found = [
            group
            for group in self.groups.below(caller.arn_of("sagemaker", "feature-group/"))
            if text in group["FeatureGroupName"]
            and status in (None, group["FeatureGroupStatus"])
            and offline in (None, group.get("OfflineStoreStatus", {}).get("Status"))
        ]
        if request.get("SortBy") == "OfflineStoreStatus":
            raise ServiceError("ValidationException", "The sandbox does not sort feature groups by OfflineStoreStatus.")
        return listing(found, request, "FeatureGroupSummaries", _SUMMARY, _SORTS)

    def update_feature_group(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Add features; change throughput and how long online records live."""
        arn = _arn(caller, request)
        group, added = self.groups.find(arn), request.get("FeatureAdditions", [])
        known = {feature["FeatureName"] for feature in group["FeatureDefinitions"]}
        if twice := [feature["FeatureName"] for feature in added if feature["FeatureName"] in known]:
            raise _invalid(f"FeatureAdditions: the feature {twice[0]} already exists in {group['FeatureGroupName']}.")
        if "OnlineStoreConfig" in request and "OnlineStoreConfig" not in group:
            raise _invalid(f"{group['FeatureGroupName']} has no online store.")
        online = {**group.get("OnlineStoreConfig", {}), **request.get("OnlineStoreConfig", {})}
        changed = given(request, "ThroughputConfig") | ({"OnlineStoreConfig": online} if online else {})
        features = [*group["FeatureDefinitions"], *added]
        self.groups.change(
            arn, {**changed, "FeatureDefinitions": features, "LastUpdateStatus": {"Status": "Successful"}}
        )
        return {"FeatureGroupArn": arn}

    def delete_feature_group(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete a feature group."""
        arn = _arn(caller, request)
        self.groups.remove(arn)
        self.tags.set(arn, [])
        return {}


def _arn(caller: Caller, request: Request) -> str:
    name = request["FeatureGroupName"]
    return str(name) if name.startswith("arn:") else caller.arn_of("sagemaker", f"feature-group/{name}")


def _check(request: Request) -> None:
    """Refuse what AWS refuses of a feature group's definition."""
    types = {feature["FeatureName"]: feature["FeatureType"] for feature in request["FeatureDefinitions"]}
    if len(types) < len(request["FeatureDefinitions"]):
        raise _invalid("FeatureDefinitions: each feature must have a name of its own.")
    for member in ("RecordIdentifierFeatureName", "EventTimeFeatureName"):
        if request[member] not in types:
            raise _invalid(f"{member}: {request[member]} is not among the FeatureDefinitions.")
    if types[request["EventTimeFeatureName"]] not in ("String", "Fractional"):
        raise _invalid("EventTimeFeatureName: the feature must be of type String or Fractional.")
    if not request.get("OnlineStoreConfig", {}).get("EnableOnlineStore") and "OfflineStoreConfig" not in request:
        raise _invalid("Either OnlineStoreConfig with EnableOnlineStore or OfflineStoreConfig must be given.")
    if "OfflineStoreConfig" in request and "RoleArn" not in request:
        raise _invalid("RoleArn is required when OfflineStoreConfig is given.")


def _offline(caller: Caller, request: Request) -> Facts:
    """Return the offline store's configuration with the place where SageMaker would write.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3StorageConfig.html
    """
    config, place = request["OfflineStoreConfig"], request["OfflineStoreConfig"]["S3StorageConfig"]
    name = f"{request['FeatureGroupName']}-{int(now().timestamp())}"
    below = f"{caller.account}/sagemaker/{caller.region}/offline-store/{name}/data"
    return {**config, "S3StorageConfig": {**place, "ResolvedOutputS3Uri": f"{place['S3Uri'].rstrip('/')}/{below}"}}


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)
