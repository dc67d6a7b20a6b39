"""SageMaker's and the code services' resources before and after an update in place, one case a type."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from update_cases import ROLE as A_ROLE
from update_cases import TAG, Case, project
from update_looks import first

Client = Callable[[str], Any]
ROLE = "arn:aws:iam::222222222222:role/DataScientist"
SETTINGS = f"{{ExecutionRole: '{ROLE}', StudioWebPortal: %s}}"
DOMAIN = f"{{DomainName: NAME, AuthMode: IAM, DefaultUserSettings: {SETTINGS}, TagPropagation: %s, {TAG}}}"
IN = f"  In: {{Type: AWS::SageMaker::Domain, Properties: {DOMAIN % ('ENABLED', 'ENABLED', 1)}}}"
FEATURES = "[{FeatureName: id, FeatureType: String}, {FeatureName: at, FeatureType: Fractional}]"
GROUP = (
    "{FeatureGroupName: NAME, RecordIdentifierFeatureName: id, EventTimeFeatureName: at, "
    f"FeatureDefinitions: {FEATURES}, OnlineStoreConfig: {{EnableOnlineStore: true, TtlDuration: "
    "{Unit: Days, Value: %s}}}"
)
SERVER = (
    "{TrackingServerName: NAME, ArtifactStoreUri: 's3://NAME/%s', RoleArn: '" + ROLE + "', "
    f"TrackingServerSize: %s, {TAG}}}"
)
APP = "{Name: NAME, ArtifactStoreUri: 's3://NAME/%s', RoleArn: '" + ROLE + "', ModelRegistrationMode: %s, " + TAG + "}"
IMAGE = "{ImageName: NAME, ImageRoleArn: '" + ROLE + "', ImageDescription: %s, " + TAG + "}"
PACKAGE = (
    "{ModelPackageGroupName: !Ref Group, ModelApprovalStatus: %s, CustomerMetadataProperties: {%s: v}, " + TAG + "}"
)
CONNECTION = "{ConnectionName: NAME, ProviderType: GitHub, " + TAG + "}"
REPORTS = "{Name: NAME, Type: TEST, ExportConfig: {ExportConfigType: NO_EXPORT}, " + TAG + "}"


def definition(message: str) -> str:
    """Return a pipeline's properties; its only step fails with a message."""
    step = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": message}}
    body = json.dumps({"Version": "2020-12-01", "Parameters": [], "Steps": [step]})
    return (
        f"{{PipelineName: NAME, RoleArn: '{ROLE}', PipelineDescription: {message}, "
        f"PipelineDefinition: {{PipelineDefinitionBody: '{body}'}}, {TAG % message}}}"
    )


def tags(client: Client, arn: str) -> dict[str, str]:
    """Return a SageMaker resource's tags but CloudFormation's own."""
    listed = client("sagemaker").list_tags(ResourceArn=arn)["Tags"]
    return {tag["Key"]: tag["Value"] for tag in listed if not tag["Key"].startswith("aws:")}


def domain(client: Client, name: str) -> Any:
    sagemaker = client("sagemaker")
    [found] = [d for d in sagemaker.list_domains(MaxResults=100)["Domains"] if d["DomainName"] == name]
    shown = sagemaker.describe_domain(DomainId=found["DomainId"])
    settings = shown["DefaultUserSettings"]["StudioWebPortal"]
    return shown["Status"], settings, shown["TagPropagation"], tags(client, shown["DomainArn"])


def _in_domain(client: Client, name: str) -> str:
    listed = client("sagemaker").list_domains(MaxResults=100)["Domains"]
    return str(first([d for d in listed if d["DomainName"] == name])["DomainId"])


def profile(client: Client, name: str) -> Any:
    sagemaker = client("sagemaker")
    shown = sagemaker.describe_user_profile(DomainId=_in_domain(client, name), UserProfileName="ann")
    return shown["Status"], shown["UserSettings"]["StudioWebPortal"], tags(client, shown["UserProfileArn"])


def space(client: Client, name: str) -> Any:
    shown = client("sagemaker").describe_space(DomainId=_in_domain(client, name), SpaceName="lab")
    return shown["Status"], shown["SpaceDisplayName"], tags(client, shown["SpaceArn"])


def feature_group(client: Client, name: str) -> Any:
    shown = client("sagemaker").describe_feature_group(FeatureGroupName=name)
    return shown["FeatureGroupStatus"], shown["OnlineStoreConfig"]["TtlDuration"]["Value"]


def tracking_server(client: Client, name: str) -> Any:
    shown = client("sagemaker").describe_mlflow_tracking_server(TrackingServerName=name)
    found = tags(client, shown["TrackingServerArn"])
    return shown["ArtifactStoreUri"][-1], shown["TrackingServerSize"], shown["IsActive"], found


def app(client: Client, name: str) -> Any:
    sagemaker = client("sagemaker")
    found = first([a for a in sagemaker.list_mlflow_apps(MaxResults=100)["Summaries"] if a["Name"] == name])
    shown = sagemaker.describe_mlflow_app(Arn=found["Arn"])
    return shown["ArtifactStoreUri"][-1], shown["ModelRegistrationMode"][-7:], tags(client, shown["Arn"])


def image(client: Client, name: str) -> Any:
    shown = client("sagemaker").describe_image(ImageName=name)
    return shown["ImageStatus"], shown["Description"], tags(client, shown["ImageArn"])


def package(client: Client, name: str) -> Any:
    sagemaker = client("sagemaker")
    listed = sagemaker.list_model_packages(ModelPackageGroupName=name)["ModelPackageSummaryList"]
    shown = sagemaker.describe_model_package(ModelPackageName=first(listed)["ModelPackageArn"])
    found = tags(client, shown["ModelPackageArn"])
    return shown["ModelApprovalStatus"], shown["CustomerMetadataProperties"], found


def pipeline(client: Client, name: str) -> Any:
    shown = client("sagemaker").describe_pipeline(PipelineName=name)
    [step] = json.loads(shown["PipelineDefinition"])["Steps"]
    return step["Arguments"]["ErrorMessage"], shown["PipelineDescription"], tags(client, shown["PipelineArn"])


def connection(service: str) -> Callable[[Client, str], Any]:
    def look(client: Client, name: str) -> Any:
        api = client(service)
        found = first([c for c in api.list_connections(MaxResults=100)["Connections"] if c["ConnectionName"] == name])
        arn = found["ConnectionArn"]
        status = api.get_connection(ConnectionArn=arn)["Connection"]["ConnectionStatus"]
        kept = {t["Key"]: t["Value"] for t in api.list_tags_for_resource(ResourceArn=arn)["Tags"]}
        return status, arn.split(":")[2], kept["k"]

    return look


def reports(client: Client, name: str) -> Any:
    codebuild = client("codebuild")
    arn = f"arn:aws:codebuild:us-east-1:222222222222:report-group/{name}"
    found = first(codebuild.batch_get_report_groups(reportGroupArns=[arn])["reportGroups"])
    return found["status"], {tag["key"]: tag["value"] for tag in found["tags"]}["k"]


def build(client: Client, name: str) -> Any:
    found = first(client("codebuild").batch_get_projects(names=[name])["projects"])
    kept = ("description", "timeoutInMinutes", "concurrentBuildLimit", "cache")
    return {key: found[key] for key in kept if key in found}


def schedule(client: Client, name: str) -> Any:
    scaling, resource = client("application-autoscaling"), f"endpoint/{name}/variant/all"
    named = {"ServiceNamespace": "sagemaker"}
    target = first(scaling.describe_scalable_targets(**named, ResourceIds=[resource])["ScalableTargets"])
    actions = scaling.describe_scheduled_actions(**named, ResourceId=resource)["ScheduledActions"]
    found = {a["ScheduledActionName"]: a["ScalableTargetAction"]["MaxCapacity"] for a in actions}
    return target["SuspendedState"]["DynamicScalingInSuspended"], found


def scheduled(suspended: str, **most: int) -> str:
    actions = (
        f"{{ScheduledActionName: {key}, Schedule: 'rate(1 day)', ScalableTargetAction: {{MaxCapacity: {value}}}}}"
        for key, value in most.items()
    )
    return (
        "{ServiceNamespace: sagemaker, ResourceId: endpoint/NAME/variant/all, ScalableDimension: "
        "'sagemaker:variant:DesiredInstanceCount', MinCapacity: 1, MaxCapacity: 2, "
        f"{suspended}ScheduledActions: [{', '.join(actions)}]}}"
    )


BUILD = project("version: 0.2", "told", 5, "[]")
SUSPENDED = (
    "SuspendedState: {DynamicScalingInSuspended: true, DynamicScalingOutSuspended: false, "
    "ScheduledScalingSuspended: false}, "
)

CASES = {
    "domain": Case(
        "AWS::SageMaker::Domain",
        DOMAIN % ("ENABLED", "ENABLED", 1),
        DOMAIN % ("DISABLED", "DISABLED", 2),
        domain,
        ("InService", "DISABLED", "DISABLED", {"k": "2"}),
    ),
    "user profile": Case(
        "AWS::SageMaker::UserProfile",
        f"{{DomainId: !Ref In, UserProfileName: ann, UserSettings: {SETTINGS % 'ENABLED'}, {TAG % 1}}}",
        f"{{DomainId: !Ref In, UserProfileName: ann, UserSettings: {SETTINGS % 'DISABLED'}, {TAG % 2}}}",
        profile,
        ("InService", "DISABLED", {"k": "2"}),
        IN,
    ),
    "space": Case(
        "AWS::SageMaker::Space",
        f"{{DomainId: !Ref In, SpaceName: lab, SpaceDisplayName: old, {TAG % 1}}}",
        f"{{DomainId: !Ref In, SpaceName: lab, SpaceDisplayName: new, {TAG % 2}}}",
        space,
        ("InService", "new", {"k": "2"}),
        IN,
    ),
    "feature group": Case("AWS::SageMaker::FeatureGroup", GROUP % 1, GROUP % 2, feature_group, ("Created", 2)),
    "tracking server": Case(
        "AWS::SageMaker::MlflowTrackingServer",
        SERVER % ("a", "Small", 1),
        SERVER % ("b", "Medium", 2),
        tracking_server,
        ("b", "Medium", "Inactive", {"k": "2"}),
    ),
    "mlflow app": Case(
        "AWS::SageMaker::MlflowApp",
        APP % ("a", "AutoModelRegistrationDisabled", 1),
        APP % ("b", "AutoModelRegistrationEnabled", 2),
        app,
        ("b", "Enabled", {"k": "2"}),
    ),
    "image": Case(
        "AWS::SageMaker::Image", IMAGE % ("old", 1), IMAGE % ("new", 2), image, ("CREATED", "new", {"k": "2"})
    ),
    "model package": Case(
        "AWS::SageMaker::ModelPackage",
        PACKAGE % ("PendingManualApproval", "a", 1),
        PACKAGE % ("Approved", "b", 2),
        package,
        ("Approved", {"b": "v"}, {"k": "2"}),
        "  Group: {Type: AWS::SageMaker::ModelPackageGroup, Properties: {ModelPackageGroupName: NAME}}",
    ),
    "pipeline": Case(
        "AWS::SageMaker::Pipeline",
        definition("old"),
        definition("new"),
        pipeline,
        ("new", "new", {"k": "new"}),
    ),
    "connection": Case(
        "AWS::CodeConnections::Connection",
        CONNECTION % 1,
        CONNECTION % 2,
        connection("codeconnections"),
        ("PENDING", "codeconnections", "2"),
    ),
    "connection by its former name": Case(
        "AWS::CodeStarConnections::Connection",
        CONNECTION % 1,
        CONNECTION % 2,
        connection("codestar-connections"),
        ("PENDING", "codestar-connections", "2"),
    ),
    "build": Case(
        "AWS::CodeBuild::Project",
        BUILD.replace("Description: told", "Description: told, ConcurrentBuildLimit: 2, Cache: {Type: LOCAL}"),
        BUILD.replace("Description: told, TimeoutInMinutes: 5, ", ""),
        build,
        {"description": "", "timeoutInMinutes": 60, "cache": {"type": "NO_CACHE"}},
        f"  {A_ROLE.replace('SERVICE', 'codebuild')}",
    ),
    "schedule": Case(
        "AWS::ApplicationAutoScaling::ScalableTarget",
        scheduled(SUSPENDED, a=1, b=1),
        scheduled("", b=2, c=2),
        schedule,
        (False, {"b": 2, "c": 2}),
    ),
    "report group": Case("AWS::CodeBuild::ReportGroup", REPORTS % 1, REPORTS % 2, reports, ("ACTIVE", "2")),
}
