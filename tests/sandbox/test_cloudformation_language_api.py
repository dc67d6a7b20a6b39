"""What CloudFormation tells of templates: ValidateTemplate, GetTemplateSummary, GetTemplate."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from harness import Sandbox
from stacks import Stacks

TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Description: told
Metadata: {Owner: me}
Parameters:
  Kind: {Type: String, Default: one, AllowedValues: [one, two], Description: which}
  Count: {Type: Number}
Resources:
  A: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: a}}
  Group: {Type: AWS::IAM::Group, Properties: {GroupName: %s}}
"""
A = "{Type: AWS::SSM::Parameter, Properties: {Type: String, Value: a}}"


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox)


def told(stacks: Stacks, operation: str, **request: Any) -> str:
    with pytest.raises(ClientError) as refused:
        getattr(stacks.api, operation)(**request)
    return str(refused.value.response["Error"]["Message"])


def test_validate_template_tells_what_it_takes(stacks: Stacks) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ValidateTemplate.html."""
    found = stacks.api.validate_template(TemplateBody=TEMPLATE % "named")
    assert found["Description"] == "told"
    assert found["Parameters"] == [
        {"ParameterKey": "Kind", "DefaultValue": "one", "NoEcho": False, "Description": "which"},
        {"ParameterKey": "Count", "NoEcho": False},
    ]
    assert found["Capabilities"] == ["CAPABILITY_NAMED_IAM"]
    assert found["CapabilitiesReason"] == "The following resource(s) require capabilities: [AWS::IAM::Group]"
    extended = f"Transform: AWS::LanguageExtensions\nResources: {{A: {A}}}"
    found = stacks.api.validate_template(TemplateBody=extended)
    assert (found["DeclaredTransforms"], found["Capabilities"]) == (
        ["AWS::LanguageExtensions"],
        ["CAPABILITY_AUTO_EXPAND"],
    )


def test_a_role_reference_is_no_name(stacks: Stacks) -> None:
    key = "Resources: {Key: {Type: AWS::IAM::AccessKey, Properties: {UserName: somebody}}}"
    assert stacks.api.validate_template(TemplateBody=key)["Capabilities"] == ["CAPABILITY_IAM"]


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("Resources: {A: {Type: AWS::Other::Thing}}", "Unrecognized resource types: [AWS::Other::Thing]"),
        ("Resources: {A: {Type: AWS::SSM::Parameter, Properties: {Value: !Ref B}}}", "dependencies [B]"),
    ],
)
def test_validate_template_refuses_what_is_none(stacks: Stacks, template: str, message: str) -> None:
    assert message in told(stacks, "validate_template", TemplateBody=template)


def test_a_summary_tells_of_resources_too(stacks: Stacks) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_GetTemplateSummary.html."""
    found = stacks.api.get_template_summary(TemplateBody=TEMPLATE % "named")
    assert found["ResourceTypes"] == ["AWS::IAM::Group", "AWS::SSM::Parameter"]
    assert (found["Version"], json.loads(found["Metadata"])) == ("2010-09-09", {"Owner": "me"})
    kind, count = found["Parameters"]
    assert kind["ParameterConstraints"] == {"AllowedValues": ["one", "two"]}
    assert (count["ParameterType"], count["ParameterConstraints"]) == ("Number", {})
    assert {
        "ResourceType": "AWS::SSM::Parameter",
        "LogicalResourceIds": ["A"],
        "ResourceIdentifiers": ["Name"],
    } in found["ResourceIdentifierSummaries"]


def test_a_summary_may_pass_over_unknown_types(stacks: Stacks) -> None:
    template = "Resources: {A: {Type: AWS::Other::Thing}}"
    assert "Unrecognized resource types" in told(stacks, "get_template_summary", TemplateBody=template)
    tolerant = {"TreatUnrecognizedResourceTypesAsWarnings": True}
    found = stacks.api.get_template_summary(TemplateBody=template, TemplateSummaryConfig=tolerant)
    assert found["Warnings"] == {"UnrecognizedResourceTypes": ["AWS::Other::Thing"]}


def test_a_summary_of_a_stack(stacks: Stacks) -> None:
    stack = stacks.create(f"Description: of a stack\nResources: {{A: {A}}}")
    found = stacks.api.get_template_summary(StackName=stack["StackName"])
    assert (found["Description"], found["ResourceTypes"]) == ("of a stack", ["AWS::SSM::Parameter"])
    both = told(stacks, "get_template_summary", StackName=stack["StackName"], TemplateBody=f"Resources: {{A: {A}}}")
    assert "only one of" in both


def test_get_template_returns_what_was_given(stacks: Stacks) -> None:
    resource = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "a"}}
    given = {"Resources": {"A": resource}}
    stack = stacks.create(json.dumps(given))["StackId"]
    for stage in ("Original", "Processed"):
        found = stacks.api.get_template(StackName=stack, TemplateStage=stage)
        assert found["TemplateBody"] == given  # boto3 reads JSON
        assert found["StagesAvailable"] == ["Original", "Processed"]


def test_the_costs_of_a_template_are_not_estimated(stacks: Stacks) -> None:
    message = told(stacks, "estimate_template_cost", TemplateBody=f"Resources: {{A: {A}}}")
    assert "EstimateTemplateCost" in message


def test_a_template_is_given_once(stacks: Stacks) -> None:
    wanted = "Either Template URL or Template Body must be specified."
    assert told(stacks, "validate_template") == wanted
    both = {"TemplateBody": "a", "TemplateURL": "https://language.s3.amazonaws.com/a"}
    assert told(stacks, "validate_template", **both) == wanted
