"""Resource types of machine learning and of code services, as the services that own them show them."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from harness import Sandbox, eventually
from ml_cases import CASES
from stacks import Stacks
from update_cases import template


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox)


@pytest.fixture
def name() -> str:
    """A name that no other test uses, good for every service."""
    return f"ml-{uuid.uuid4().hex[:8]}"


DOMAIN = CASES["domain"]
WHOLE = """
Resources:
  In: {Type: AWS::SageMaker::Domain, Properties: DOMAIN}
  Ann: {Type: AWS::SageMaker::UserProfile, Properties: {DomainId: !Ref In, UserProfileName: ann}}
  Lab: {Type: AWS::SageMaker::Space, Properties: {DomainId: !Ref In, SpaceName: lab}}
Outputs:
  Id: {Value: !GetAtt In.DomainId}
  Arn: {Value: !GetAtt In.DomainArn}
  Url: {Value: !GetAtt In.Url}
  Files: {Value: !GetAtt In.HomeEfsFileSystemId}
  Profile: {Value: !Ref Ann}
  ProfileArn: {Value: !GetAtt Ann.UserProfileArn}
  Space: {Value: !Ref Lab}
  SpaceUrl: {Value: !GetAtt Lab.Url}
"""


def test_a_domain_tells_its_attributes_and_goes_after_what_is_in_it(
    stacks: Stacks, sandbox: Sandbox, name: str
) -> None:
    made = stacks.create(WHOLE.replace("DOMAIN", DOMAIN.before).replace("NAME", name))
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.reason(made["StackId"])
    told = stacks.outputs(made)
    shown = sandbox.client("sagemaker").describe_domain(DomainId=told["Id"])
    assert (told["Arn"], told["Url"]) == (shown["DomainArn"], shown["Url"])
    assert told["Files"] == shown["HomeEfsFileSystemId"]
    assert (told["Profile"], told["Space"]) == (f"{told['Id']}|ann", f"{told['Id']}|lab")
    assert told["ProfileArn"].endswith(f":user-profile/{told['Id']}/ann")
    assert told["SpaceUrl"].startswith(told["Url"])
    assert stacks.delete(made["StackId"])["StackStatus"] == "DELETE_COMPLETE"


FAILURES = {
    "AWS::SageMaker::Domain": (DOMAIN.before.replace("IAM", "SSO"), "AuthMode must be IAM"),
    "AWS::SageMaker::UserProfile": ("{DomainId: d-nobody, UserProfileName: ann}", "domain/d-nobody] does not exist"),
    "AWS::SageMaker::FeatureGroup": (
        CASES["feature group"].before.replace("EventTimeFeatureName: at", "EventTimeFeatureName: when"),
        "when is not among the FeatureDefinitions",
    ),
    "AWS::CodeBuild::ReportGroup": (
        "{Type: CODE_COVERAGE, ExportConfig: {ExportConfigType: NO_EXPORT}}",
        "report groups of type TEST",
    ),
    "AWS::CodeCommit::Repository": (
        "{RepositoryName: NAME, Triggers: [{Name: t, DestinationArn: 'arn:aws:sns:us-east-1:222222222222:t', "
        "Events: [all]}]}",
        "does not execute the property Triggers",
    ),
    "AWS::ServiceCatalog::CloudFormationProduct": (
        "{Name: NAME, Owner: o, SourceConnection: {Type: CODESTAR, ConnectionParameters: {CodeStar: {ConnectionArn: "
        "'arn:aws:codestar-connections:us-east-1:222222222222:connection/80e0f5cd-2f3b-4f0e-8c0e-6b7f3a1c9d55', "
        "Repository: a/b, Branch: main, ArtifactPath: t.yaml}}}}",
        "does not execute the property SourceConnection",
    ),
    "AWS::SageMaker::ImageVersion": ("{ImageName: none, BaseImage: a}", "No Image with the name none exists"),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_a_creation_that_is_refused_names_the_reason(stacks: Stacks, name: str, kind: str) -> None:
    properties, reason = FAILURES[kind]
    text = f"Resources: {{It: {{Type: {kind}, Properties: {properties}}}}}".replace("NAME", name)
    assert reason in stacks.reason(stacks.create(text)["StackId"])


def test_a_pipeline_from_s3_runs_and_its_version_decides(stacks: Stacks, sandbox: Sandbox, name: str) -> None:
    s3, sagemaker = sandbox.client("s3"), sandbox.client("sagemaker")
    role = sandbox.role("pipeline-from-s3", "sagemaker.amazonaws.com")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    step = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "first"}}
    body = json.dumps({"Version": "2020-12-01", "Steps": [step]})
    first = s3.put_object(Bucket=name, Key="p.json", Body=body.encode())
    s3.put_object(Bucket=name, Key="p.json", Body=body.replace("first", "second").encode())
    place = f"{{Bucket: {name}, Key: p.json, Version: '{first['VersionId']}', ETag: 'ETAG'}}"
    text = (
        f"Resources: {{It: {{Type: AWS::SageMaker::Pipeline, Properties: {{PipelineName: {name}, RoleArn: '{role}', "
        f"PipelineDefinition: {{PipelineDefinitionS3Location: {place}}}}}}}}}"
    )
    wrong = stacks.create(text.replace("ETAG", "other"))
    assert f"The ETag of s3://{name}/p.json is" in stacks.reason(wrong["StackId"])
    made = stacks.create(text.replace("ETAG", first["ETag"].strip('"')))
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.reason(made["StackId"])
    arn = sagemaker.start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"]
    ended = eventually(lambda: _ended(sagemaker, arn) or {})
    [ran] = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    assert (ended["PipelineExecutionStatus"], "first" in ran["FailureReason"]) == ("Failed", True)


def _ended(sagemaker: Any, arn: str) -> dict[str, Any] | None:
    shown: dict[str, Any] = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    return None if shown["PipelineExecutionStatus"] in ("Executing", "Stopping") else shown


def test_features_are_added_and_never_taken_away(stacks: Stacks, sandbox: Sandbox, name: str) -> None:
    case = CASES["feature group"]
    more = case.before.replace(
        "FeatureType: Fractional}", "FeatureType: Fractional}, {FeatureName: age, FeatureType: Integral}"
    )
    made = stacks.create(template(case, case.before, name), StackName=name)
    assert stacks.update(name, template(case, more, name))["StackStatus"] == "UPDATE_COMPLETE"
    shown = sandbox.client("sagemaker").describe_feature_group(FeatureGroupName=name)
    assert [feature["FeatureName"] for feature in shown["FeatureDefinitions"]] == ["id", "at", "age"]
    assert stacks.update(name, template(case, case.before, name))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "can't change or take away the feature age" in stacks.reason(made["StackId"])
