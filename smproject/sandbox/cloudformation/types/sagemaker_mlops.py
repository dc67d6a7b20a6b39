"""SageMaker's projects and pipelines, which are executed, and what is only kept: features and MLflow."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import jmespath

from smproject.sandbox.cloudformation.api import NotUpdatableError, call, updatable
from smproject.sandbox.cloudformation.changes import Properties, changed, same
from smproject.sandbox.cloudformation.provider import Context, Made, provides, undone_on_failure
from smproject.sandbox.cloudformation.types.sagemaker import Described

_POLL_SECONDS = 0.2


class ProjectError(ValueError):
    """A project whose product could not be provisioned or terminated."""


@provides
class Project(Described):
    """A SageMaker project: its product, or its template in S3, is really provisioned, and terminated with it."""

    type = "AWS::SageMaker::Project"
    creates, deletes, reads, arn_member = "CreateProject", "DeleteProject", "DescribeProject", "ProjectArn"
    name_property = delete_member = "ProjectName"
    ref = "ProjectArn"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the project and wait until what is behind it is made."""
        made = super().create(context, properties)
        with undone_on_failure(lambda: self.delete(context, made)):
            self._settled(context, made, "CreateCompleted")
        return self._read(context.client("sagemaker"), made)

    def delete(self, context: Context, made: Made) -> None:
        """Delete the project and wait until what is behind it is gone; one that is deleted already stays so."""
        described = context.client("sagemaker").describe_project(ProjectName=self.name(made))
        if described["ProjectArn"] == made.ref and described["ProjectStatus"] != "DeleteCompleted":
            super().delete(context, made)
            self._settled(context, made, "DeleteCompleted")

    def _settled(self, context: Context, made: Made, wanted: str) -> None:
        """Wait until the project has come to rest; raises ProjectError with SageMaker's reason."""
        client, found = context.client("sagemaker"), {"ProjectStatus": "Pending"}
        while found["ProjectStatus"] == "Pending" or found["ProjectStatus"].endswith("InProgress"):
            time.sleep(_POLL_SECONDS)
            found = client.describe_project(ProjectName=self.name(made))
        if found["ProjectStatus"] != wanted:
            raise ProjectError(f"The project {self.name(made)} is {found['ProjectStatus']}: {_reason(found)}")

    def translate(self, properties: Properties) -> Properties:
        """Name the template in S3 as the creation does, not as the description."""
        written = super().translate(properties)
        details = written.pop("TemplateProviderDetails", [])
        providers = [{"CfnTemplateProvider": each["CfnTemplateProviderDetail"]} for each in details]
        return written | ({"TemplateProviders": providers} if providers else {})


def _reason(project: Mapping[str, Any]) -> str:
    """Return why a described project is not as it should be."""
    paths = (
        "ServiceCatalogProvisionedProductDetails.ProvisionedProductStatusMessage",
        "TemplateProviderDetails[0].CfnTemplateProviderDetail.StackDetail.StatusMessage",
    )
    return next((str(told) for path in paths if (told := jmespath.search(path, project))), "no reason is given.")


@provides
class Pipeline(Described):
    """A SageMaker pipeline, whose executions run."""

    type = "AWS::SageMaker::Pipeline"
    creates, updates, deletes, arn_member = "CreatePipeline", "UpdatePipeline", "DeletePipeline", "PipelineArn"
    name_property = delete_member = "PipelineName"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the pipeline from its definition."""
        _check_etag(context, properties)
        return super().create(context, properties)

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Update the pipeline; the call leaves alone what it isn't told, but takes an empty description."""
        if gone := sorted(set(before) - set(after) - {"PipelineDescription", "Tags"}):
            raise NotUpdatableError(f"UpdatePipeline can't take away the property {gone[0]}.")
        _check_etag(context, after)
        undescribed = {"PipelineDescription": ""}
        return super().update(context, made, undescribed | before, undescribed | after)

    def translate(self, properties: Properties) -> Properties:
        """Name the definition, or the object that holds it, as the API does."""
        rest = super().translate({name: item for name, item in properties.items() if name != "PipelineDefinition"})
        definition = properties["PipelineDefinition"]
        if "PipelineDefinitionBody" in definition:
            return rest | {"PipelineDefinition": definition["PipelineDefinitionBody"]}
        return rest | {"PipelineDefinitionS3Location": _location(properties, Key="ObjectKey", Version="VersionId")}


def _location(properties: Properties, **words: str) -> Properties:
    """Return where a definition lies, its members but the ETag under other names."""
    place = properties["PipelineDefinition"].get("PipelineDefinitionS3Location", {})
    return {words.get(name, name): item for name, item in place.items() if name != "ETag"}


def _check_etag(context: Context, properties: Properties) -> None:
    """Raise ValueError when the object that holds a definition isn't the one that the template means."""
    place = properties["PipelineDefinition"].get("PipelineDefinitionS3Location", {})
    if "ETag" not in place:
        return
    found = context.client("s3").head_object(**_location(properties, Version="VersionId"))["ETag"].strip('"')
    if found != place["ETag"].strip('"'):
        raise ValueError(f"The ETag of s3://{place['Bucket']}/{place['Key']} is {found}, not {place['ETag']}.")


@provides
class FeatureGroup(Described):
    """A feature group; features can be added to it, but nothing is ingested."""

    type, state_only = "AWS::SageMaker::FeatureGroup", True
    creates, deletes, reads = "CreateFeatureGroup", "DeleteFeatureGroup", "DescribeFeatureGroup"
    name_property = delete_member = "FeatureGroupName"
    arn_member = "FeatureGroupArn"

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Add features; change throughput and how long online records live."""
        updatable(before, after, "FeatureDefinitions", "OnlineStoreConfig", "ThroughputConfig")
        told: Properties = {"FeatureAdditions": added} if (added := _added(before, after)) else {}
        for name in {"OnlineStoreConfig", "ThroughputConfig"} & set(changed(before, after)):
            if name not in after:
                raise NotUpdatableError(f"UpdateFeatureGroup can't take away the property {name}.")
            told[name] = after[name]
        if "OnlineStoreConfig" in told:
            told["OnlineStoreConfig"] = _lifetime(after["OnlineStoreConfig"])
        if told:
            call(context.client("sagemaker"), "UpdateFeatureGroup", self.target(made) | told)
        return made


def _added(before: Properties, after: Properties) -> list[Properties]:
    """Return the features to add; raises NotUpdatableError when one is gone or differs."""
    had, wanted = ({item["FeatureName"]: item for item in each["FeatureDefinitions"]} for each in (before, after))
    for name, feature in had.items():
        if not same(feature, wanted.get(name)):
            raise NotUpdatableError(f"UpdateFeatureGroup can't change or take away the feature {name}.")
    return [feature for name, feature in wanted.items() if name not in had]


def _lifetime(online: Properties) -> Properties:
    if "TtlDuration" not in online:
        raise NotUpdatableError("UpdateFeatureGroup can't take away the property OnlineStoreConfig.TtlDuration.")
    return {"TtlDuration": online["TtlDuration"]}


@provides
class MlflowTrackingServer(Described):
    """An MLflow tracking server, inactive and without an address."""

    type, state_only, patches = "AWS::SageMaker::MlflowTrackingServer", True, True
    creates, deletes = "CreateMlflowTrackingServer", "DeleteMlflowTrackingServer"
    updates, arn_member = "UpdateMlflowTrackingServer", "TrackingServerArn"
    name_property = delete_member = "TrackingServerName"


@provides
class MlflowApp(Described):
    """An MLflow app, without an address."""

    type, state_only, patches = "AWS::SageMaker::MlflowApp", True, True
    creates, updates, deletes, reads = "CreateMlflowApp", "UpdateMlflowApp", "DeleteMlflowApp", "DescribeMlflowApp"
    ref = arn_member = delete_member = "Arn"
    update_keys = ("Arn",)

    def _read(self, client: Any, made: Made) -> Made:
        """Read the attributes; the id is the end of the ARN."""
        made = super()._read(client, made)
        return Made(made.ref, made.attributes | {"MlflowAppId": made.ref.rpartition("/")[2]})
