"""Studio's domains, users, spaces and images, feature groups and MLflow: what SageMaker keeps and what it refuses."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from harness import Sandbox
from persons import Person, denial
from workbench import Workbench

ROLE = "arn:aws:iam::222222222222:role/DataScientist"


@pytest.fixture(scope="module")
def sagemaker(sandbox: Sandbox) -> Any:
    return sandbox.client("sagemaker")


@pytest.fixture
def name() -> str:
    return f"studio-{uuid.uuid4().hex[:8]}"


def domain(sagemaker: Any, name: str, **more: Any) -> str:
    """Create a domain; return its id."""
    given = {"AuthMode": "IAM", "DefaultUserSettings": {"ExecutionRole": ROLE}} | more
    return str(sagemaker.create_domain(DomainName=name, **given)["DomainId"])


def refusal(call: Any, **request: Any) -> tuple[str, str]:
    """Return code and message with which a call is refused."""
    with pytest.raises(ClientError) as error:
        call(**request)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def test_a_domain_with_somebody_in_it_is_not_deleted(sagemaker: Any, name: str) -> None:
    made = {"DomainId": domain(sagemaker, name)}
    sagemaker.create_user_profile(**made, UserProfileName="ann")
    private = {"OwnershipSettings": {"OwnerUserProfileName": "ann"}, "SpaceSharingSettings": {"SharingType": "Private"}}
    sagemaker.create_space(**made, SpaceName="lab", **private)
    code, message = refusal(sagemaker.delete_domain, **made)
    assert code == "ResourceInUse"
    assert "because UserProfile(s) are associated with it" in message
    assert refusal(sagemaker.delete_user_profile, **made, UserProfileName="ann")[0] == "ResourceInUse"
    sagemaker.delete_space(**made, SpaceName="lab")
    sagemaker.delete_user_profile(**made, UserProfileName="ann")
    sagemaker.delete_domain(**made)
    assert refusal(sagemaker.describe_domain, **made)[0] == "ResourceNotFound"


def test_a_domains_files_stay_unless_they_are_to_go(sandbox: Sandbox, sagemaker: Any, name: str) -> None:
    efs, left = sandbox.client("efs"), {}
    for policy in ("Retain", "Delete"):
        made = {"DomainId": domain(sagemaker, f"{name}-{policy}")}
        files = sagemaker.describe_domain(**made)["HomeEfsFileSystemId"]
        [system] = efs.describe_file_systems(FileSystemId=files)["FileSystems"]
        assert {"Key": "ManagedByAmazonSageMakerResource"}.items() <= system["Tags"][0].items()
        sagemaker.delete_domain(**made, RetentionPolicy={"HomeEfsFileSystem": policy})
        left[policy] = files in {found["FileSystemId"] for found in efs.describe_file_systems()["FileSystems"]}
    assert left == {"Retain": True, "Delete": False}


def test_a_domain_needs_subnets_of_its_network(sandbox: Sandbox, sagemaker: Any, name: str) -> None:
    ec2 = sandbox.client("ec2")
    network = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=network, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    create = {"DomainName": name, "AuthMode": "IAM", "DefaultUserSettings": {"ExecutionRole": ROLE}}
    absent = refusal(sagemaker.create_domain, **create, VpcId=network, SubnetIds=["subnet-0123456789abcdef0"])
    assert (absent[0], "subnet-0123456789abcdef0" in absent[1]) == ("ValidationException", True)
    wrong = refusal(sagemaker.create_domain, **create, VpcId="vpc-0123456789abcdef0", SubnetIds=[subnet])
    assert f"The subnet {subnet} is not in the VPC" in wrong[1]
    made = domain(sagemaker, name, VpcId=network, SubnetIds=[subnet], AppNetworkAccessType="VpcOnly")
    assert sagemaker.describe_domain(DomainId=made)["SubnetIds"] == [subnet]


def test_names_are_taken_once_and_only_within_the_account(sandbox: Sandbox, sagemaker: Any, name: str) -> None:
    made = {"DomainId": domain(sagemaker, name)}
    assert refusal(domain, sagemaker=sagemaker, name=name)[0] == "ResourceInUse"
    sagemaker.create_user_profile(**made, UserProfileName="ann")
    assert refusal(sagemaker.create_user_profile, **made, UserProfileName="ann")[0] == "ResourceInUse"
    staging = sandbox.client("sagemaker", "staging")
    assert refusal(staging.describe_user_profile, **made, UserProfileName="ann")[0] == "ResourceNotFound"
    own = {"ExecutionRole": "arn:aws:iam::333333333333:role/MLEngineer"}
    assert domain(staging, name, DefaultUserSettings=own) != made["DomainId"]


def test_users_are_listed_by_domain_in_order_and_pages(sagemaker: Any, name: str) -> None:
    made = domain(sagemaker, name)
    for user in ("ann", "bob", "cid"):
        sagemaker.create_user_profile(DomainId=made, UserProfileName=user)
    paginator = sagemaker.get_paginator("list_user_profiles")
    pages = paginator.paginate(DomainIdEquals=made, SortOrder="Descending", PaginationConfig={"PageSize": 2})
    assert [[user["UserProfileName"] for user in page["UserProfiles"]] for page in pages] == [["cid", "bob"], ["ann"]]
    named = sagemaker.list_user_profiles(DomainIdEquals=made, UserProfileNameContains="bo")["UserProfiles"]
    assert [user["UserProfileName"] for user in named] == ["bob"]


def test_a_feature_group_takes_no_records(sandbox: Sandbox, sagemaker: Any, name: str) -> None:
    features = [{"FeatureName": "id", "FeatureType": "String"}, {"FeatureName": "at", "FeatureType": "String"}]
    keys = {"RecordIdentifierFeatureName": "id", "EventTimeFeatureName": "at", "FeatureDefinitions": features}
    offline = {"RoleArn": ROLE, "OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": "s3://bucket/features/"}}}
    sagemaker.create_feature_group(FeatureGroupName=name, **keys, **offline)
    shown = sagemaker.describe_feature_group(FeatureGroupName=name)
    assert (shown["FeatureGroupStatus"], shown["OfflineStoreStatus"]["Status"]) == ("Created", "Blocked")
    place = shown["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"]
    assert place.startswith(f"s3://bucket/features/222222222222/sagemaker/us-east-1/offline-store/{name}-")
    runtime = sandbox.client("sagemaker-featurestore-runtime")
    record = [{"FeatureName": "id", "ValueAsString": "1"}]
    assert refusal(runtime.put_record, FeatureGroupName=name, Record=record)[0] == "NotImplemented"
    assert refusal(sagemaker.create_feature_group, FeatureGroupName=name, **keys, **offline)[0] == "ResourceInUse"
    sagemaker.delete_feature_group(FeatureGroupName=name)
    assert refusal(sagemaker.describe_feature_group, FeatureGroupName=name)[0] == "ResourceNotFound"


def test_a_tracking_server_has_no_address(sagemaker: Any, name: str) -> None:
    given = {"TrackingServerName": name, "ArtifactStoreUri": "s3://bucket/mlflow", "RoleArn": ROLE}
    sagemaker.create_mlflow_tracking_server(**given)
    shown = sagemaker.describe_mlflow_tracking_server(TrackingServerName=name)
    assert (shown["TrackingServerStatus"], shown["IsActive"]) == ("Created", "Inactive")
    assert "TrackingServerUrl" not in shown
    code, _ = refusal(sagemaker.create_presigned_mlflow_tracking_server_url, TrackingServerName=name)
    assert code == "NotImplemented"
    assert "already exists" in refusal(sagemaker.create_mlflow_tracking_server, **given)[1]


def test_an_images_versions_are_numbered_and_named(bench: Workbench, sagemaker: Any, name: str) -> None:
    sagemaker.create_image(ImageName=name, RoleArn=ROLE)
    for alias in ("one", "two"):
        sagemaker.create_image_version(ImageName=name, BaseImage=bench.image, Aliases=[alias])
    newest = sagemaker.describe_image_version(ImageName=name)
    assert (newest["Version"], "@sha256:" in newest["ContainerImage"]) == (2, True)
    assert sagemaker.describe_image_version(ImageName=name, Alias="one")["Version"] == 1
    taken = refusal(sagemaker.create_image_version, ImageName=name, BaseImage=bench.image, Aliases=["one"])
    assert taken[0] == "ResourceInUse"
    sagemaker.update_image_version(ImageName=name, Version=1, AliasesToAdd=["old"], AliasesToDelete=["one"])
    assert sagemaker.list_aliases(ImageName=name)["SageMakerImageVersionAliases"] == ["old", "two"]
    missing = refusal(sagemaker.create_image_version, ImageName=name, BaseImage=f"{bench.image}-absent")
    assert missing[0] == "ValidationException"
    sagemaker.delete_image(ImageName=name)
    assert refusal(sagemaker.list_image_versions, ImageName=name)[0] == "ResourceNotFound"


def test_an_address_is_given_for_who_and_what_there_is(sagemaker: Any, name: str) -> None:
    made = {"DomainId": domain(sagemaker, name)}
    known = {**made, "UserProfileName": "ann"}
    assert refusal(sagemaker.create_presigned_domain_url, **known)[0] == "ResourceNotFound"
    sagemaker.create_user_profile(**known)
    assert refusal(sagemaker.create_presigned_domain_url, **known, SpaceName="lab")[0] == "ResourceNotFound"
    first, second = (sagemaker.create_presigned_domain_url(**known)["AuthorizedUrl"] for _ in range(2))
    assert first.startswith(sagemaker.describe_domain(**made)["Url"])
    assert first != second
    start = {**made, "SpaceName": "lab", "AppName": "default", "AppType": "JupyterLab"}
    assert refusal(sagemaker.create_app, **start) == (
        "NotImplemented",
        "The sandbox runs no JupyterLab: run its code on your machine, with the sandbox's profiles.",
    )
    assert sagemaker.list_apps(DomainIdEquals=made["DomainId"])["Apps"] == []


def test_service_catalog_is_enabled_in_one_account_and_region(sandbox: Sandbox, sagemaker: Any) -> None:
    def status(client: Any) -> str:
        return str(client.get_sagemaker_servicecatalog_portfolio_status()["Status"])

    other = sandbox.client("sagemaker", "production")
    assert status(other) == "Disabled"
    sagemaker.enable_sagemaker_servicecatalog_portfolio()
    assert (status(sagemaker), status(other)) == ("Enabled", "Disabled")
    sagemaker.disable_sagemaker_servicecatalog_portfolio()
    assert status(sagemaker) == "Disabled"


def test_spaces_and_instances_of_applications_are_told_to_policies(sandbox: Sandbox, sagemaker: Any, name: str) -> None:
    made, person = domain(sagemaker, name), Person(sandbox, "development")
    anything = f"arn:aws:sagemaker:us-east-1:{person.account}:*"
    person.allow(
        "sagemaker:CreateSpace", anything, Condition={"StringEquals": {"sagemaker:SpaceSharingType": "Shared"}}
    )
    person.allow(
        "sagemaker:CreateApp", anything, Condition={"StringEquals": {"sagemaker:InstanceTypes": "ml.t3.medium"}}
    )
    person.allow("sagemaker:AddTags", anything, Condition={"StringEquals": {"sagemaker:TaggingAction": "CreateSpace"}})
    own = person.client("sagemaker")
    shared = {"OwnershipSettings": {"OwnerUserProfileName": "ann"}, "SpaceSharingSettings": {"SharingType": "Shared"}}
    sagemaker.create_user_profile(DomainId=made, UserProfileName="ann")
    own.create_space(DomainId=made, SpaceName="all", **shared, Tags=[{"Key": "team", "Value": "churn"}])
    shared["SpaceSharingSettings"] = {"SharingType": "Private"}
    denial(lambda: own.create_space(DomainId=made, SpaceName="own", **shared))
    denial(lambda: own.add_tags(ResourceArn=f"{anything[:-1]}space/{made}/all", Tags=[{"Key": "a", "Value": "b"}]))
    start = {"DomainId": made, "SpaceName": "all", "AppName": "default", "AppType": "CodeEditor"}
    denial(lambda: own.create_app(**start, ResourceSpec={"InstanceType": "ml.m5.large"}))
    assert refusal(own.create_app, **start, ResourceSpec={"InstanceType": "ml.t3.medium"})[0] == "NotImplemented"


def test_rules_and_tags_of_security_groups_are_asked_for_on_the_group(sandbox: Sandbox) -> None:
    ec2, person = sandbox.client("ec2"), Person(sandbox, "development")
    vpc = ec2.create_vpc(CidrBlock="10.11.0.0/16")["Vpc"]["VpcId"]
    mine, other = (ec2.create_security_group(GroupName=each, Description=each, VpcId=vpc)["GroupId"] for each in "ab")
    group = f"arn:aws:ec2:us-east-1:{person.account}:security-group/{mine}"
    person.allow("ec2:AuthorizeSecurityGroupIngress", group)
    person.allow("ec2:CreateTags", group)
    own, rule = person.client("ec2"), {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "10.0.0.0/8"}
    own.authorize_security_group_ingress(GroupId=mine, **rule)
    own.create_tags(Resources=[mine], Tags=[{"Key": "a", "Value": "b"}])
    for call in (
        lambda: own.authorize_security_group_ingress(GroupId=other, **rule),
        lambda: own.create_tags(Resources=[other], Tags=[{"Key": "a", "Value": "b"}]),
        lambda: own.create_security_group(GroupName="c", Description="c", VpcId=vpc),
    ):
        assert refusal(call)[0] == "UnauthorizedOperation"
