"""Resources before and after an update in place, one case a type."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import update_looks as looks

ALLOW = "{Version: 2012-10-17, Statement: {Effect: Allow, Action: 'ACTION', Resource: '*'}}"


@dataclass(frozen=True)
class Case:
    """A resource whose properties change from `before` to `after`; `look` tells what the service then shows."""

    type: str
    before: str
    after: str
    look: Callable[[Callable[[str], Any], str], Any]
    shown: Any  # after the update
    others: str = ""  # further resources of the template


def template(case: Case, properties: str, name: str) -> str:
    """Return a template whose resource `It` is a case's, with these properties; NAME in it is the name."""
    return f"Resources:\n  It: {{Type: {case.type}, Properties: {properties}}}\n{case.others}".replace("NAME", name)


def trust(service: str) -> str:
    statement = f"{{Effect: Allow, Principal: {{Service: {service}.amazonaws.com}}, Action: 'sts:AssumeRole'}}"
    return f"{{Version: 2012-10-17, Statement: {statement}}}"


def key_policy(action: str) -> str:
    statement = f"{{Effect: Allow, Principal: {{AWS: '222222222222'}}, Action: '{action}', Resource: '*'}}"
    return f"{{Version: 2012-10-17, Statement: [{statement}]}}"


def lifecycle(told: str) -> str:
    selection = {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1}
    rule = {"rulePriority": 1, "description": told, "selection": selection, "action": {"type": "expire"}}
    return f"{{LifecyclePolicyText: '{json.dumps({'rules': [rule]})}'}}"


def project(spec: str, told: str, minutes: int, tag: str) -> str:
    environment = "{Type: LINUX_CONTAINER, ComputeType: BUILD_GENERAL1_SMALL, Image: 'aws/codebuild/standard:7.0'}"
    source = f"{{Type: NO_SOURCE, BuildSpec: '{spec}'}}"
    return (
        f"{{Name: NAME, ServiceRole: !GetAtt Role.Arn, Artifacts: {{Type: NO_ARTIFACTS}}, Environment: {environment}, "
        f"Source: {source}, Description: {told}, TimeoutInMinutes: {minutes}, Tags: {tag}}}"
    )


def stages(last: str) -> str:
    action = "{Category: CATEGORY, Owner: AWS, Provider: PROVIDER, Version: '1'}"
    source = action.replace("CATEGORY", "Source").replace("PROVIDER", "CodeCommit")
    approval = action.replace("CATEGORY", "Approval").replace("PROVIDER", "Manual")
    code = "{RepositoryName: NAME, BranchName: main, PollForSourceChanges: false}"
    return (
        "{Name: NAME, RoleArn: !GetAtt Role.Arn, ArtifactStore: {Type: S3, Location: NAME}, Stages: ["
        f"{{Name: Source, Actions: [{{Name: Source, ActionTypeId: {source}, Configuration: {code}, "
        "OutputArtifacts: [{Name: Source}]}]}, "
        f"{{Name: {last}, Actions: [{{Name: Ask, ActionTypeId: {approval}}}]}}]}}"
    )


def targets(**arns: str) -> str:
    listed = (f"{{Id: {key}, Arn: 'arn:aws:sqs:us-east-1:222222222222:{end}'}}" for key, end in arns.items())
    return f"[{', '.join(listed)}]"


ROLE = f"Role: {{Type: AWS::IAM::Role, Properties: {{AssumeRolePolicyDocument: {trust('SERVICE')}}}}}"
TWO_ROLES = "\n".join(
    f"  Role{n}: {{Type: AWS::IAM::Role, Properties: {{RoleName: NAME-{n}, AssumeRolePolicyDocument: {trust('ec2')}}}}}"
    for n in (1, 2)
)
SAID = (
    "{Version: 2012-10-17, Statement: {Sid: SID, Effect: Allow, Action: 'ACTION', "
    "Principal: {AWS: '333333333333'}, Resource: RESOURCE}}"
)


def said(sid: str, action: str, resource: str) -> str:
    return SAID.replace("SID", sid).replace("ACTION", action).replace("RESOURCE", resource)


ALARM = (
    "{AlarmName: NAME, MetricName: m, Namespace: n, Statistic: Sum, Period: 60, ComparisonOperator: "
    "GreaterThanThreshold, EvaluationPeriods: %s, Threshold: %s, TreatMissingData: %s}"
)
TARGET = (
    "{ServiceNamespace: sagemaker, ResourceId: endpoint/NAME/variant/all, ScalableDimension: "
    "'sagemaker:variant:DesiredInstanceCount', MinCapacity: %s, MaxCapacity: %s}"
)
TRACKING = (
    "  Policy: {Type: AWS::ApplicationAutoScaling::ScalingPolicy, Properties: {PolicyName: NAME, PolicyType: "
    "TargetTrackingScaling, ScalingTargetId: !Ref It, TargetTrackingScalingPolicyConfiguration: {TargetValue: VALUE, "
    "PredefinedMetricSpecification: {PredefinedMetricType: SageMakerVariantInvocationsPerInstance}}}}"
)
KEY = f"{{Type: AWS::KMS::Key, Properties: {{Description: WHICH, KeyPolicy: {key_policy('kms:*')}}}}}"
BUCKET_ARN = "!Sub 'arn:aws:s3:::${Bucket}/*'"
DESCRIBE = "sagemaker:DescribeModelPackageGroup"
GROUP_ARN = "!Sub 'arn:aws:sagemaker:${AWS::Region}:${AWS::AccountId}:model-package-group/NAME'"
TAG = "Tags: [{Key: k, Value: %s}]"

CASES = {
    "role": Case(
        "AWS::IAM::Role",
        f"{{RoleName: NAME, AssumeRolePolicyDocument: {trust('ec2')}, Description: old, {TAG % 1}, "
        f"Policies: [{{PolicyName: a, PolicyDocument: {ALLOW.replace('ACTION', 's3:*')}}}, "
        f"{{PolicyName: b, PolicyDocument: {ALLOW.replace('ACTION', 's3:*')}}}], "
        "ManagedPolicyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess']}",
        f"{{RoleName: NAME, AssumeRolePolicyDocument: {trust('sagemaker')}, MaxSessionDuration: 7200, {TAG % 2}, "
        f"Policies: [{{PolicyName: b, PolicyDocument: {ALLOW.replace('ACTION', 'kms:*')}}}], "
        "ManagedPolicyArns: ['arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess']}",
        looks.role,
        ("sagemaker.amazonaws.com", "", 7200, ["b"], "kms:*", ["AmazonS3ReadOnlyAccess"], {"k": "2"}),
    ),
    "managed policy": Case(
        "AWS::IAM::ManagedPolicy",
        f"{{ManagedPolicyName: NAME, Roles: [!Ref Role1], PolicyDocument: {ALLOW.replace('ACTION', 's3:*')}}}",
        f"{{ManagedPolicyName: NAME, Roles: [!Ref Role2], PolicyDocument: {ALLOW.replace('ACTION', 'kms:*')}}}",
        lambda client, name: looks.managed_policy(client, name)[:2],
        (1, "kms:*"),
        TWO_ROLES,
    ),
    "inline policy": Case(
        "AWS::IAM::Policy",
        f"{{PolicyName: one, Roles: [!Ref Role1], PolicyDocument: {ALLOW.replace('ACTION', 's3:*')}}}",
        f"{{PolicyName: two, Roles: [!Ref Role2], PolicyDocument: {ALLOW.replace('ACTION', 's3:*')}}}",
        looks.inline_policy,
        {"1": [], "2": ["two"]},
        TWO_ROLES,
    ),
    "key": Case(
        "AWS::KMS::Key",
        f"{{Description: NAME old, EnableKeyRotation: true, {TAG % 1}, KeyPolicy: {key_policy('kms:*')}}}",
        f"{{Description: NAME new, {TAG % 2}, KeyPolicy: {key_policy('kms:?*')}}}",
        looks.key,
        ("new", "kms:?*", False, {"k": "2"}),
    ),
    "alias": Case(
        "AWS::KMS::Alias",
        "{AliasName: alias/NAME, TargetKeyId: !Ref One}",
        "{AliasName: alias/NAME, TargetKeyId: !Ref Two}",
        looks.alias,
        "two",
        f"  One: {KEY.replace('WHICH', 'one')}\n  Two: {KEY.replace('WHICH', 'two')}",
    ),
    "bucket": Case(
        "AWS::S3::Bucket",
        "{BucketName: NAME, VersioningConfiguration: {Status: Enabled}, LifecycleConfiguration: "
        "{Rules: [{Id: a, Status: Enabled, ExpirationInDays: 1}]}}",
        "{BucketName: NAME, PublicAccessBlockConfiguration: {BlockPublicAcls: true}, LifecycleConfiguration: "
        f"{{Rules: [{{Id: b, Status: Enabled, ExpirationInDays: 1}}]}}, {TAG % 'v'}}}",
        looks.bucket,
        ("Suspended", True, ["b"], [{"Key": "k", "Value": "v"}]),
    ),
    "bucket policy": Case(
        "AWS::S3::BucketPolicy",
        f"{{Bucket: !Ref Bucket, PolicyDocument: {said('Old', 's3:GetObject', BUCKET_ARN)}}}",
        f"{{Bucket: !Ref Bucket, PolicyDocument: {said('New', 's3:GetObject', BUCKET_ARN)}}}",
        looks.bucket_policy,
        "New",
        "  Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: NAME}}",
    ),
    "log group": Case(
        "AWS::Logs::LogGroup",
        f"{{LogGroupName: NAME, RetentionInDays: 3, {TAG % 1}}}",
        f"{{LogGroupName: NAME, RetentionInDays: 7, {TAG % 2}}}",
        looks.log_group,
        (7, {"k": "2"}),
    ),
    "images": Case(
        "AWS::ECR::Repository",
        f"{{RepositoryName: NAME, LifecyclePolicy: {lifecycle('old')}}}",
        "{RepositoryName: NAME, ImageScanningConfiguration: {ScanOnPush: true}, ImageTagMutability: IMMUTABLE, "
        f"RepositoryPolicyText: {said('New', 'ecr:BatchGetImage', chr(34) + '*' + chr(34))}, "
        f"LifecyclePolicy: {lifecycle('new')}}}",
        looks.images,
        (True, "IMMUTABLE", "New", "new"),
    ),
    "build": Case(
        "AWS::CodeBuild::Project",
        project("version: 0.2", "old", 5, "[{Key: k, Value: v}]"),
        project("version: 0.1", "new", 6, "[]"),
        looks.build,
        ("new", "version: 0.1", 6, []),
        f"  {ROLE.replace('SERVICE', 'codebuild')}",
    ),
    "pipeline": Case(
        "AWS::CodePipeline::Pipeline",
        stages("Old"),
        stages("New"),
        looks.pipeline,
        (2, ["Source", "New"]),
        f"  {ROLE.replace('SERVICE', 'codepipeline')}",
    ),
    "repository": Case(
        "AWS::CodeCommit::Repository",
        f"{{RepositoryName: NAME, RepositoryDescription: old, {TAG % 1}}}",
        f"{{RepositoryName: NAME, RepositoryDescription: new, {TAG % 2}}}",
        looks.repository,
        ("new", {"k": "2"}),
    ),
    "rule": Case(
        "AWS::Events::Rule",
        f"{{Name: NAME, Description: old, EventPattern: {{source: [a]}}, Targets: {targets(a='1', b='1')}, {TAG % 1}}}",
        f"{{Name: NAME, EventPattern: {{source: [b]}}, Targets: {targets(b='2', c='2')}, {TAG % 2}}}",
        looks.rule,
        (["b"], "", {"b": "2", "c": "2"}, {"k": "2"}),
    ),
    "alarm": Case(
        "AWS::CloudWatch::Alarm",
        ALARM % (1, 5, "ignore"),
        ALARM % (2, 7.5, "breaching"),
        looks.alarm,
        (7.5, 2, "breaching"),
    ),
    "scalable target": Case(
        "AWS::ApplicationAutoScaling::ScalableTarget",
        TARGET % (1, 2),
        TARGET % (2, 4),
        looks.scaling,
        (2, 4, 70.0),
        TRACKING.replace("VALUE", "70"),
    ),
    "topic": Case(
        "AWS::SNS::Topic",
        "{TopicName: NAME, DisplayName: old, Subscription: [{Protocol: email, Endpoint: a@example.com}]}",
        "{TopicName: NAME, DisplayName: new, Subscription: [{Protocol: email, Endpoint: b@example.com}]}",
        looks.topic,
        ("new", ["b@example.com"], "Said"),
        "  Policy: {Type: AWS::SNS::TopicPolicy, Properties: {Topics: [!Ref It], PolicyDocument: "
        f"{said('Said', 'sns:Publish', '!Ref It')}}}}}",
    ),
    "model group": Case(
        "AWS::SageMaker::ModelPackageGroup",
        f"{{ModelPackageGroupName: NAME, ModelPackageGroupPolicy: {said('Old', DESCRIBE, GROUP_ARN)}}}",
        f"{{ModelPackageGroupName: NAME, {TAG % 2}, ModelPackageGroupPolicy: {said('New', DESCRIBE, GROUP_ARN)}}}",
        looks.group,
        ("New", [{"Key": "k", "Value": "2"}]),
    ),
    "repository in Studio": Case(
        "AWS::SageMaker::CodeRepository",
        f"{{CodeRepositoryName: NAME, GitConfig: {{RepositoryUrl: 'https://example.com/a.git'}}, {TAG % 1}}}",
        f"{{CodeRepositoryName: NAME, GitConfig: {{RepositoryUrl: 'https://example.com/a.git'}}, {TAG % 2}}}",
        looks.studio,
        [{"Key": "k", "Value": "2"}],
    ),
}
