"""Drift detection: what was changed behind a stack's back is found, by property, and nothing else is."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from harness import Sandbox, eventually
from persons import Person
from stacks import FOLLOWED, Item, Stacks


class Drifting(Stacks):
    """Stacks whose drift is detected."""

    def detect(self, stack: str, api: Any = None, **more: Any) -> Item:
        """Detect a stack's drift; return the detection once it has ended."""
        started = (api or self.api).detect_stack_drift(StackName=stack, **more)["StackDriftDetectionId"]
        return eventually(lambda: self._ended(started))

    def _ended(self, detection: str) -> Item | None:
        found: Item = self.api.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        return None if found["DetectionStatus"] == "DETECTION_IN_PROGRESS" else found

    def drifts(self, stack: str, *statuses: str) -> dict[str, Item]:
        """Return what was found of each resource."""
        chosen = {"StackResourceDriftStatusFilters": list(statuses)} if statuses else {}
        found = self.api.describe_stack_resource_drifts(StackName=stack, **chosen)["StackResourceDrifts"]
        return {each["LogicalResourceId"]: each for each in found}


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Drifting:
    return Drifting(sandbox)


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"drift-{uuid.uuid4().hex[:8]}"


def test_an_untouched_stack_is_in_sync(stacks: Drifting, name: str) -> None:
    stacks.create(FOLLOWED, {"Name": name}, StackName=name, Tags=[{"Key": "team", "Value": "ml"}])
    [stack] = stacks.api.describe_stacks(StackName=name)["Stacks"]
    assert stack["DriftInformation"] == {"StackDriftStatus": "NOT_CHECKED"}
    found = stacks.detect(name)
    assert (found["DetectionStatus"], found["StackDriftStatus"]) == ("DETECTION_COMPLETE", "IN_SYNC")
    assert found["DriftedStackResourceCount"] == 0
    assert {each["StackResourceDriftStatus"] for each in stacks.drifts(name).values()} == {"IN_SYNC"}
    [stack] = stacks.api.describe_stacks(StackName=name)["Stacks"]
    assert stack["DriftInformation"]["StackDriftStatus"] == "IN_SYNC"
    listed = stacks.api.list_stack_resources(StackName=name)["StackResourceSummaries"]
    assert {each["DriftInformation"]["StackResourceDriftStatus"] for each in listed} == {"IN_SYNC"}


def test_a_changed_value_and_a_deleted_resource_are_found(stacks: Drifting, name: str) -> None:
    stacks.create(FOLLOWED, {"Name": name}, StackName=name)
    stacks.ssm.put_parameter(Name=name, Value="elsewhere", Overwrite=True)
    stacks.ssm.delete_parameter(Name=f"{name}-3")
    found = stacks.detect(name)
    assert (found["StackDriftStatus"], found["DriftedStackResourceCount"]) == ("DRIFTED", 2)
    drifts = stacks.drifts(name, "MODIFIED", "DELETED")
    assert {key: each["StackResourceDriftStatus"] for key, each in drifts.items()} == {
        "First": "MODIFIED",
        "Third": "DELETED",
    }
    assert drifts["First"]["PropertyDifferences"] == [
        {
            "PropertyPath": "/Value",
            "ExpectedValue": "one",
            "ActualValue": "elsewhere",
            "DifferenceType": "NOT_EQUAL",
        }
    ]
    assert json.loads(drifts["First"]["ActualProperties"])["Value"] == "elsewhere"
    assert json.loads(drifts["First"]["ExpectedProperties"])["Value"] == "one"


def test_one_resource_is_checked_on_its_own(stacks: Drifting, name: str) -> None:
    stacks.create(FOLLOWED, {"Name": name}, StackName=name)
    stacks.ssm.put_parameter(Name=name, Value="elsewhere", Overwrite=True)
    found = stacks.api.detect_stack_resource_drift(StackName=name, LogicalResourceId="First")["StackResourceDrift"]
    assert found["StackResourceDriftStatus"] == "MODIFIED"
    assert set(stacks.drifts(name)) == {"First"}
    stacks.detect(name, LogicalResourceIds=["Second"])
    assert set(stacks.drifts(name)) == {"First", "Second"}


# A template of each type with a reader, and how someone changes what it made behind the stack's back; `physical` are
# the resources' ids. The paths are those at which the changes are to be found.
EVERY = """
Parameters: {Name: {Type: String}}
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: !Ref Name
      VersioningConfiguration: {Status: Enabled}
      PublicAccessBlockConfiguration: {BlockPublicAcls: true, BlockPublicPolicy: true}
      BucketEncryption:
        ServerSideEncryptionConfiguration: [{ServerSideEncryptionByDefault: {SSEAlgorithm: AES256}}]
      Tags: [{Key: team, Value: ml}, {Key: stage, Value: test}]
  Policy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Bucket
      PolicyDocument:
        Version: "2012-10-17"
        Statement: [{Sid: Read, Effect: Allow, Principal: {AWS: !Sub "arn:aws:iam::${AWS::AccountId}:root"},
          Action: "s3:GetObject", Resource: !Sub "${Bucket.Arn}/*"}]
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: !Ref Name
      AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow,
        Principal: {Service: codebuild.amazonaws.com}, Action: ["sts:AssumeRole"]}]}
      ManagedPolicyArns: [!Ref Managed]
      Policies: [{PolicyName: own, PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow,
        Action: "s3:ListBucket", Resource: !GetAtt Bucket.Arn}]}}]
  Managed:
    Type: AWS::IAM::ManagedPolicy
    Properties: {ManagedPolicyName: !Ref Name, PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow,
      Action: "s3:GetObject", Resource: !Sub "${Bucket.Arn}/*"}]}}
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: !Ref Name, DisplayName: before}}
  Group: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Ref Name, RetentionInDays: 7}}
  Key:
    Type: AWS::KMS::Key
    Properties:
      Description: before
      EnableKeyRotation: true
      KeyPolicy: {Version: "2012-10-17", Statement: [{Sid: Own, Effect: Allow,
        Principal: {AWS: !Sub "arn:aws:iam::${AWS::AccountId}:root"}, Action: "kms:*", Resource: "*"}]}
  Images:
    Type: AWS::ECR::Repository
    Properties:
      RepositoryName: !Ref Name
      ImageTagMutability: IMMUTABLE
      ImageScanningConfiguration: {ScanOnPush: true}
  Rule:
    Type: AWS::Events::Rule
    Properties:
      Name: !Ref Name
      State: ENABLED
      EventPattern: {source: [one]}
      Targets: [{Id: topic, Arn: !Ref Topic}]
  Build:
    Type: AWS::CodeBuild::Project
    Properties:
      Name: !Ref Name
      ServiceRole: !GetAtt Role.Arn
      Artifacts: {Type: NO_ARTIFACTS}
      Source: {Type: NO_SOURCE, BuildSpec: "version: 0.2"}
      Environment: {Type: LINUX_CONTAINER, ComputeType: BUILD_GENERAL1_SMALL, Image: "aws/codebuild/standard:7.0",
        EnvironmentVariables: [{Name: A, Value: "1"}]}
  Models:
    Type: AWS::SageMaker::ModelPackageGroup
    Properties: {ModelPackageGroupName: !Ref Name, ModelPackageGroupDescription: models,
      Tags: [{Key: team, Value: ml}]}
"""
Change = Callable[[Any, str], None]


def _client(service: str, act: Callable[[Any, str], Any]) -> tuple[str, Callable[[Any, str], Any]]:
    return service, act


TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"},
            {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"},
        ],
    }
)
CHANGES: dict[str, tuple[str, Callable[[Any, str], Any], list[tuple[str, str]]]] = {
    "Bucket": (
        "s3",
        lambda s3, id_: [
            s3.put_bucket_versioning(Bucket=id_, VersioningConfiguration={"Status": "Suspended"}),
            s3.delete_public_access_block(Bucket=id_),
            s3.put_bucket_tagging(
                Bucket=id_, Tagging={"TagSet": [{"Key": "team", "Value": "us"}, {"Key": "new", "Value": "x"}]}
            ),
        ],
        [
            ("/PublicAccessBlockConfiguration", "REMOVE"),
            ("/Tags/*/Value", "NOT_EQUAL"),
            ("/Tags/*", "ADD"),
            ("/Tags/*", "REMOVE"),
            ("/VersioningConfiguration/Status", "NOT_EQUAL"),
        ],
    ),
    "Role": (
        "iam",
        lambda iam, id_: [
            iam.update_assume_role_policy(RoleName=id_, PolicyDocument=TRUST),
            iam.attach_role_policy(RoleName=id_, PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess"),
            iam.delete_role_policy(RoleName=id_, PolicyName="own"),
        ],
        [
            ("/AssumeRolePolicyDocument/Statement/*", "ADD"),
            ("/ManagedPolicyArns/*", "ADD"),
            ("/Policies/*", "REMOVE"),
        ],
    ),
    "Topic": (
        "sns",
        lambda sns, id_: sns.set_topic_attributes(TopicArn=id_, AttributeName="DisplayName", AttributeValue="after"),
        [("/DisplayName", "NOT_EQUAL")],
    ),
    "Group": (
        "logs",
        lambda logs, id_: logs.put_retention_policy(logGroupName=id_, retentionInDays=30),
        [("/RetentionInDays", "NOT_EQUAL")],
    ),
    "Key": (
        "kms",
        lambda kms, id_: [
            kms.update_key_description(KeyId=id_, Description="after"),
            kms.disable_key_rotation(KeyId=id_),
        ],
        [("/Description", "NOT_EQUAL"), ("/EnableKeyRotation", "NOT_EQUAL")],
    ),
    "Images": (
        "ecr",
        lambda ecr, id_: ecr.put_image_tag_mutability(repositoryName=id_, imageTagMutability="MUTABLE"),
        [("/ImageTagMutability", "NOT_EQUAL")],
    ),
    "Rule": (
        "events",
        lambda events, id_: [
            events.disable_rule(Name=id_),
            events.remove_targets(Rule=id_, Ids=["topic"]),
        ],
        [("/State", "NOT_EQUAL"), ("/Targets/*", "REMOVE")],
    ),
    "Build": (
        "codebuild",
        lambda build, id_: build.update_project(
            name=id_, source={"type": "NO_SOURCE", "buildspec": "version: 0.1"}, timeoutInMinutes=30
        ),
        [("/Source/BuildSpec", "NOT_EQUAL")],
    ),
    "Models": (
        "sagemaker",
        lambda sagemaker, id_: sagemaker.add_tags(ResourceArn=id_, Tags=[{"Key": "new", "Value": "x"}]),
        [("/Tags/*", "ADD")],
    ),
}


def _placeless(path: str) -> str:
    """Return a path without the places in lists: services return lists in an order of their own."""
    return re.sub(r"/\d+", "/*", path)


def test_each_read_type_is_in_sync_until_it_is_changed(sandbox: Sandbox, stacks: Drifting, name: str) -> None:
    made = stacks.create(EVERY, {"Name": name}, StackName=name, Capabilities=["CAPABILITY_NAMED_IAM"])
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.events(made["StackId"])
    stacks.detect(name)
    found = stacks.drifts(name)
    assert {key: each["PropertyDifferences"] for key, each in found.items()} == {key: [] for key in found}
    assert {each["StackResourceDriftStatus"] for each in found.values()} == {"IN_SYNC"}
    for logical, (service, act, _) in CHANGES.items():
        act(sandbox.client(service), stacks.physical(name)[logical])
    sandbox.client("s3").delete_bucket_policy(Bucket=name)
    stacks.detect(name)
    found = stacks.drifts(name)
    differences = {
        key: sorted(
            (_placeless(each["PropertyPath"]), each["DifferenceType"]) for each in found[key]["PropertyDifferences"]
        )
        for key in CHANGES
    }
    assert differences == {key: sorted(expected) for key, (_, _, expected) in CHANGES.items()}
    assert found["Policy"]["StackResourceDriftStatus"] == "DELETED"
    assert found["Managed"]["StackResourceDriftStatus"] == "IN_SYNC"


QUEUE = """
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 60, Tags: [{Key: team, Value: ml}]}}
"""


def test_a_queue_is_compared(sandbox: Sandbox, stacks: Drifting, name: str) -> None:
    made = stacks.create(QUEUE, StackName=name)
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.events(made["StackId"])
    assert stacks.detect(name)["StackDriftStatus"] == "IN_SYNC"
    url = stacks.physical(name)["Queue"]
    sandbox.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "90"})
    assert stacks.detect(name)["StackDriftStatus"] == "DRIFTED"
    [difference] = stacks.drifts(name)["Queue"]["PropertyDifferences"]
    assert (difference["PropertyPath"], difference["ActualValue"]) == ("/VisibilityTimeout", "90")


def test_a_type_that_cannot_be_read_is_not_checked(stacks: Drifting, name: str) -> None:
    template = """
    Resources:
      Topic: {Type: AWS::SNS::Topic}
      Alias: {Type: AWS::KMS::Alias, Properties: {AliasName: !Sub "alias/${AWS::StackName}", TargetKeyId: !Ref Key}}
      Key: {Type: AWS::KMS::Key, Properties: {KeyPolicy: {Statement: [{Effect: Allow, Action: "kms:*", Resource: "*",
        Principal: {AWS: !Sub "arn:aws:iam::${AWS::AccountId}:root"}}]}}}
    """
    stacks.create(template, StackName=name)
    assert stacks.detect(name)["StackDriftStatus"] == "IN_SYNC"
    assert stacks.drifts(name)["Alias"]["StackResourceDriftStatus"] == "NOT_CHECKED"


def test_what_cannot_be_checked_is_refused(stacks: Drifting, name: str) -> None:
    stacks.create(FOLLOWED, {"Name": name}, StackName=name)
    with pytest.raises(ClientError, match="Resource Nothing does not exist"):
        stacks.api.detect_stack_resource_drift(StackName=name, LogicalResourceId="Nothing")
    with pytest.raises(ClientError, match="does not exist"):
        stacks.api.describe_stack_drift_detection_status(StackDriftDetectionId=str(uuid.uuid4()))
    made = stacks.create(FOLLOWED, {"Name": "aws/no"}, StackName=f"{name}-failed")
    assert made["StackStatus"] == "ROLLBACK_COMPLETE"
    with pytest.raises(ClientError, match="ROLLBACK_COMPLETE"):
        stacks.api.detect_stack_drift(StackName=made["StackId"])


def test_the_caller_reads_the_resources(sandbox: Sandbox, stacks: Drifting, name: str) -> None:
    stacks.create(FOLLOWED, {"Name": name}, StackName=name)
    person = Person(sandbox, "development")
    person.allow("cloudformation:*", "*")
    found = stacks.detect(name, api=person.client("cloudformation"))
    assert found["DetectionStatus"] == "DETECTION_FAILED"
    drift = stacks.drifts(name)["First"]
    assert drift["StackResourceDriftStatus"] == "UNKNOWN"
    assert "ssm:GetParameter" in drift["DriftStatusReason"]
