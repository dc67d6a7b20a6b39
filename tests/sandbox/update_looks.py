"""What the services that own resources show of them, for the tests of updates in place."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


def first(items: list[Any]) -> Any:
    [item] = items
    return item


def role(client: Callable[[str], Any], name: str) -> Any:
    iam = client("iam")
    found = iam.get_role(RoleName=name)["Role"]
    trusted = found["AssumeRolePolicyDocument"]["Statement"]
    return (
        (trusted if isinstance(trusted, dict) else trusted[0])["Principal"]["Service"],
        found.get("Description", ""),
        found["MaxSessionDuration"],
        iam.list_role_policies(RoleName=name)["PolicyNames"],
        iam.get_role_policy(RoleName=name, PolicyName="b")["PolicyDocument"]["Statement"]["Action"],
        [policy["PolicyName"] for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]],
        {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])},
    )


def key(client: Callable[[str], Any], name: str) -> Any:
    kms = client("kms")
    found = first([k for k in all_keys(kms) if k["Description"].startswith(name)])
    policy = json.loads(kms.get_key_policy(KeyId=found["KeyId"], PolicyName="default")["Policy"])
    rotated = kms.get_key_rotation_status(KeyId=found["KeyId"])["KeyRotationEnabled"]
    tags = {tag["TagKey"]: tag["TagValue"] for tag in kms.list_resource_tags(KeyId=found["KeyId"])["Tags"]}
    return found["Description"].partition(" ")[2], policy["Statement"][0]["Action"], rotated, tags


def all_keys(kms: Any) -> list[Any]:
    pages = kms.get_paginator("list_keys").paginate()
    return [kms.describe_key(KeyId=item["KeyId"])["KeyMetadata"] for page in pages for item in page["Keys"]]


def bucket(client: Callable[[str], Any], name: str) -> Any:
    s3 = client("s3")
    return (
        s3.get_bucket_versioning(Bucket=name)["Status"],
        s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]["BlockPublicAcls"],
        [rule["ID"] for rule in s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]],
        s3.get_bucket_tagging(Bucket=name)["TagSet"],
    )


def bucket_policy(client: Callable[[str], Any], name: str) -> Any:
    return json.loads(client("s3").get_bucket_policy(Bucket=name)["Policy"])["Statement"]["Sid"]


def managed_policy(client: Callable[[str], Any], name: str) -> Any:
    iam = client("iam")
    arn = first([p for p in iam.list_policies(Scope="Local")["Policies"] if p["PolicyName"] == name])["Arn"]
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=versions[0]["VersionId"])["PolicyVersion"]["Document"]
    roles = [r["RoleName"] for r in iam.list_entities_for_policy(PolicyArn=arn)["PolicyRoles"]]
    return len(versions), document["Statement"]["Action"], roles


def inline_policy(client: Callable[[str], Any], name: str) -> Any:
    return {role: client("iam").list_role_policies(RoleName=f"{name}-{role}")["PolicyNames"] for role in ("1", "2")}


def log_group(client: Callable[[str], Any], name: str) -> Any:
    logs = client("logs")
    found = first(logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"])
    return found["retentionInDays"], logs.list_tags_for_resource(resourceArn=found["logGroupArn"])["tags"]


def images(client: Callable[[str], Any], name: str) -> Any:
    ecr = client("ecr")
    found = first(ecr.describe_repositories(repositoryNames=[name])["repositories"])
    policy = json.loads(ecr.get_repository_policy(repositoryName=name)["policyText"])
    rules = json.loads(ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"])["rules"]
    scanned = found["imageScanningConfiguration"]["scanOnPush"]
    return scanned, found["imageTagMutability"], policy["Statement"]["Sid"], rules[0]["description"]


def build(client: Callable[[str], Any], name: str) -> Any:
    found = first(client("codebuild").batch_get_projects(names=[name])["projects"])
    return found["description"], found["source"]["buildspec"], found["timeoutInMinutes"], found["tags"]


def pipeline(client: Callable[[str], Any], name: str) -> Any:
    found = client("codepipeline").get_pipeline(name=name)["pipeline"]
    return found["version"], [stage["name"] for stage in found["stages"]]


def rule(client: Callable[[str], Any], name: str) -> Any:
    events = client("events")
    found = events.describe_rule(Name=name)
    targets = {target["Id"]: target["Arn"][-1] for target in events.list_targets_by_rule(Rule=name)["Targets"]}
    tags = {tag["Key"]: tag["Value"] for tag in events.list_tags_for_resource(ResourceARN=found["Arn"])["Tags"]}
    return json.loads(found["EventPattern"])["source"], found.get("Description", ""), targets, tags


def alias(client: Callable[[str], Any], name: str) -> Any:
    kms = client("kms")
    return kms.describe_key(KeyId=f"alias/{name}")["KeyMetadata"]["Description"]


def alarm(client: Callable[[str], Any], name: str) -> Any:
    found = first(client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"])
    return found["Threshold"], found["EvaluationPeriods"], found["TreatMissingData"]


def topic(client: Callable[[str], Any], name: str) -> Any:
    sns = client("sns")
    arn = f"arn:aws:sns:us-east-1:222222222222:{name}"
    policy = json.loads(sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"])
    subscribed = [s["Endpoint"] for s in sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]]
    return sns.get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"], subscribed, policy["Statement"]["Sid"]


def scaling(client: Callable[[str], Any], name: str) -> Any:
    api, named = client("application-autoscaling"), {"ServiceNamespace": "sagemaker"}
    resource = f"endpoint/{name}/variant/all"
    found = first(api.describe_scalable_targets(**named, ResourceIds=[resource])["ScalableTargets"])
    policy = first(api.describe_scaling_policies(**named, ResourceId=resource)["ScalingPolicies"])
    wanted = policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"]
    return found["MinCapacity"], found["MaxCapacity"], wanted


def repository(client: Callable[[str], Any], name: str) -> Any:
    codecommit = client("codecommit")
    found = codecommit.get_repository(repositoryName=name)["repositoryMetadata"]
    tags = codecommit.list_tags_for_resource(resourceArn=found["Arn"])["tags"]
    return found["repositoryDescription"], tags


def group(client: Callable[[str], Any], name: str) -> Any:
    sagemaker = client("sagemaker")
    policy = json.loads(sagemaker.get_model_package_group_policy(ModelPackageGroupName=name)["ResourcePolicy"])
    arn = sagemaker.describe_model_package_group(ModelPackageGroupName=name)["ModelPackageGroupArn"]
    return policy["Statement"]["Sid"], sagemaker.list_tags(ResourceArn=arn)["Tags"]


def studio(client: Callable[[str], Any], name: str) -> Any:
    found = client("sagemaker").describe_code_repository(CodeRepositoryName=name)
    return client("sagemaker").list_tags(ResourceArn=found["CodeRepositoryArn"])["Tags"]
