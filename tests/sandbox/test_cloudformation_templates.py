"""Templates: what CloudFormation computes from them, and what it refuses before anything is made."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from harness import ACCOUNTS, Sandbox
from stacks import Stacks

RESOURCE = "Resources: {A: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: a}}}"
ROLE = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      %s
      AssumeRolePolicyDocument:
        Statement: {Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: sts:AssumeRole}
"""


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox)


FUNCTIONS = """
Parameters:
  Names: {Type: CommaDelimitedList, Default: "a, b"}
  Size: {Type: Number, Default: 2}
  Flag: {Type: String, Default: true, AllowedValues: [true, false]}
Conditions:
  Big: !Not [!Equals [!Ref Size, 1]]
  Small: !Not [!Condition Big]
  Both: !And [!Condition Big, !Equals [!Ref Flag, "true"]]
  One: !Or [!Condition Small, !Condition Both]
Resources:
  Made:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: made, Description: !If [Small, small, !Ref AWS::NoValue]}
  Never: {Type: AWS::SSM::Parameter, Condition: Small, Properties: {Type: String, Value: never}}
Outputs:
  Ref: {Value: !Ref Made}
  GetAtt: {Value: !GetAtt Made.Value}
  GetAttList: {Value: {"Fn::GetAtt": [Made, Type]}}
  Sub: {Value: !Sub "${AWS::AccountId}/${AWS::Region}/${AWS::Partition}/${AWS::URLSuffix}/${Made.Value}/${!Kept}"}
  SubMap: {Value: !Sub ["${Own}-${Size}", {Own: !Select [1, !Ref Names]}]}
  Stack: {Value: !Sub "${AWS::StackName} ${AWS::StackId}"}
  Join: {Value: !Join ["+", [!Ref Size, !Ref Flag, c]]}
  JoinList: {Value: !Join ["+", !Ref Names]}
  Split: {Value: !Select [1, !Split ["|", "x|y"]]}
  Base64: {Value: {"Fn::Base64": !Sub "${Made.Value}!"}}
  If: {Value: !If [Big, big, small]}
  Both: {Value: !If [Both, both, not both]}
  One: {Value: !If [One, one, none]}
  Shown: {Condition: Big, Value: shown, Description: told}
  Hidden: {Condition: Small, Value: hidden}
"""


def test_every_function_is_computed(stacks: Stacks) -> None:
    stack = stacks.create(FUNCTIONS)
    outputs, name = stacks.outputs(stack), stack["StackName"]
    made = outputs.pop("Ref")
    assert stacks.parameter(made) == "made"
    assert outputs.pop("Stack") == f"{name} {stack['StackId']}"
    assert outputs == {
        "GetAtt": "made",
        "GetAttList": "String",
        "Sub": f"{ACCOUNTS['development']}/us-east-1/aws/amazonaws.com/made/${{Kept}}",
        "SubMap": "b-2",
        "Join": "2+true+c",
        "JoinList": "a+b",
        "Split": "y",
        "Base64": "bWFkZSE=",
        "If": "big",
        "Both": "both",
        "One": "one",
        "Shown": "shown",
    }
    [described] = [output for output in stack["Outputs"] if output["OutputKey"] == "Shown"]
    assert described["Description"] == "told"
    [resource] = stacks.api.list_stack_resources(StackName=name)["StackResourceSummaries"]
    assert resource["LogicalResourceId"] == "Made"
    [parameter] = stacks.ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [made]}])["Parameters"]
    assert "Description" not in parameter  # AWS::NoValue leaves the property out


def test_a_list_leaves_out_what_has_no_value(stacks: Stacks) -> None:
    template = """
    Parameters: {Wanted: {Type: String, Default: "no"}}
    Conditions: {Wanted: !Equals [!Ref Wanted, "yes"]}
    Resources:
      Topic:
        Type: AWS::SNS::Topic
        Properties:
          Subscription:
            - {Protocol: email, Endpoint: always@example.com}
            - !If [Wanted, {Protocol: email, Endpoint: sometimes@example.com}, !Ref AWS::NoValue]
    Outputs:
      Topic: {Value: !Ref Topic}
      Listed: {Value: !Join ["+", [a, !If [Wanted, b, !Ref AWS::NoValue], c]]}
    """
    sns = stacks.sandbox.client("sns")
    for wanted, listed, subscribed in (("no", "a+c", 1), ("yes", "a+b+c", 2)):
        outputs = stacks.outputs(stacks.create(template, {"Wanted": wanted}))
        assert outputs["Listed"] == listed
        assert len(sns.list_subscriptions_by_topic(TopicArn=outputs["Topic"])["Subscriptions"]) == subscribed


def test_a_template_in_json_is_read(stacks: Stacks) -> None:
    value = {"Fn::Join": ["", ["a", {"Ref": "AWS::Region"}]]}
    resource = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value}}
    stack = stacks.create(json.dumps({"Resources": {"A": resource}, "Outputs": {"Name": {"Value": {"Ref": "A"}}}}))
    assert stacks.parameter(stacks.outputs(stack)["Name"]) == "aus-east-1"


PARAMETERS = f"""
Parameters:
  Name: {{Type: String, AllowedPattern: "[a-z]+", MinLength: 2, MaxLength: 4}}
  Kind: {{Type: String, Default: one, AllowedValues: [one, two]}}
  Size: {{Type: Number, Default: 2, MinValue: 1, MaxValue: 3}}
  Told: {{Type: String, Default: "yes", AllowedPattern: "y.*", ConstraintDescription: must begin with y.}}
  Secret: {{Type: String, Default: hidden, NoEcho: true}}
{RESOURCE}
Outputs: {{All: {{Value: !Sub "${{Name}} ${{Kind}} ${{Size}} ${{Secret}}"}}}}
"""


def test_parameters_take_what_is_given_or_their_default(stacks: Stacks) -> None:
    stack = stacks.create(PARAMETERS, {"Name": "ab", "Kind": "two"})
    assert stacks.outputs(stack) == {"All": "ab two 2 hidden"}
    shown = {item["ParameterKey"]: item["ParameterValue"] for item in stack["Parameters"]}
    assert shown == {"Name": "ab", "Kind": "two", "Size": "2", "Told": "yes", "Secret": "****"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "Parameters: [Name] must have values"),
        ({"Name": "ab", "Other": "x"}, "Parameters: [Other] do not exist in the template"),
        ({"Name": "AB"}, "Parameter 'Name' must match pattern [a-z]+"),
        ({"Name": "a"}, "Parameter 'Name' must contain at least 2 characters"),
        ({"Name": "abcde"}, "Parameter 'Name' must contain at most 4 characters"),
        ({"Name": "ab", "Kind": "six"}, "Parameter 'Kind' must be one of AllowedValues"),
        ({"Name": "ab", "Size": "4"}, "Parameter 'Size' must be a number not greater than 3"),
        ({"Name": "ab", "Size": "0"}, "Parameter 'Size' must be a number not less than 1"),
        ({"Name": "ab", "Size": "x"}, "Parameter 'Size' must be a number"),
        ({"Name": "ab", "Told": "no"}, "Parameter Told failed to satisfy constraint: must begin with y."),
    ],
)
def test_parameters_are_refused_in_aws_words(stacks: Stacks, given: dict[str, str], message: str) -> None:
    assert stacks.refusal(PARAMETERS, given) == message


LISTED = f"""
Parameters:
  Names: {{Type: CommaDelimitedList, Default: "a,b", AllowedValues: [a, b, c], AllowedPattern: "[a-z]"}}
{RESOURCE}
Outputs: {{Names: {{Value: !Join ["+", !Ref Names]}}}}
"""


def test_constraints_hold_for_each_item_of_a_list(stacks: Stacks) -> None:
    assert stacks.outputs(stacks.create(LISTED, {"Names": "c, a"})) == {"Names": "c+a"}
    broken = "Parameter 'Names' must be one of AllowedValues"
    assert stacks.refusal(LISTED, {"Names": "a,d"}) == broken


def test_parameters_come_from_systems_manager(stacks: Stacks) -> None:
    template = f"""
Parameters: {{Image: {{Type: "AWS::SSM::Parameter::Value<String>", Default: /templates/image}}}}
{RESOURCE}
Outputs: {{Image: {{Value: !Ref Image}}}}
"""
    assert "/templates/absent" in stacks.refusal(template, {"Image": "/templates/absent"})
    stacks.ssm.put_parameter(Name="/templates/image", Value="stored", Type="String")
    assert stacks.outputs(stacks.create(template)) == {"Image": "stored"}


def test_roles_need_a_capability(stacks: Stacks) -> None:
    assert stacks.refusal(ROLE % "") == "Requires capabilities : [CAPABILITY_IAM]"
    named = ROLE % "RoleName: templates-named"
    assert stacks.refusal(named, Capabilities=["CAPABILITY_IAM"]) == "Requires capabilities : [CAPABILITY_NAMED_IAM]"
    stack = stacks.create(named, Capabilities=["CAPABILITY_NAMED_IAM"])
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stack["Capabilities"] == ["CAPABILITY_NAMED_IAM"]


def one(value: str, rest: str = "") -> str:
    """Return a template with one resource A."""
    return f"Resources:\n  A: {{Type: AWS::SSM::Parameter, Properties: {{Type: String, Value: {value}}}}}\n{rest}"


B = "  B: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref A}}"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("Resources: {A: {Type: AWS::Other::Thing}}", "Unrecognized resource types: [AWS::Other::Thing]"),
        ("Resources: {A: {Properties: {}}}", "[/Resources/A] Every Resources object must contain a Type member."),
        ("Resources: {A: {Type: AWS::SSM::Parameter, Conditon: B}}", "Invalid template resource property 'Conditon'"),
        (
            "Resources: {A: {Type: AWS::SSM::Parameter, DeletionPolicy: Snapshot}}",
            "resource type AWS::SSM::Parameter does not support deletion policy Snapshot",
        ),
        (
            "Resources: {A: {Type: AWS::SSM::Parameter, Condition: B}}",
            "Unresolved condition dependency B in the Resources block of the template",
        ),
        ("Resources: {A: {Type: AWS::SSM::Parameter, DependsOn: B}}", "Unresolved resource dependencies [B]"),
        (one("!Ref B"), "Unresolved resource dependencies [B] in the Resources block of the template"),
        (one("!GetAtt B.Value"), "instance of Fn::GetAtt references undefined resource B"),
        (one("!Sub '${B}'"), "Unresolved resource dependencies [B] in the Resources block of the template"),
        (one("a", "Outputs: {O: {Value: !Ref B}}"), "dependencies [B] in the Outputs block of the template"),
        (one("!Ref B", B), "Circular dependency between resources: [A, B]"),
        (one("a", "  A: {Type: AWS::SSM::Parameter}"), "duplicate key A"),
        (one("a", "Resorces: {}"), "Invalid template property or properties [Resorces]"),
        (one("a", "Hooks: {}"), "does not execute the template section Hooks"),
        (one("a", "Outputs: {O: {}}"), "[/Outputs/O] Every Outputs object must contain a Value member."),
        (one("a", "Parameters: {P: {}}"), "[/Parameters/P] Every Parameters object must contain a Type member."),
        (one('{"Fn::GetAtt": 5}'), "every Fn::GetAtt object requires two non-empty parameters"),
        (
            "Resources: {A: {Type: AWS::SSM::Parameter, Condition: C}}\nConditions: {C: !Equals [a]}",
            "Fn::Equals requires a list argument with two elements",
        ),
        (one("a", "Rules: {R: {Assertions: yes}}"), "[/Rules/R] Every Rules object must contain a list of Assertions"),
        (one("a", "Rules: {R: {Assertions: [{AssertDescription: told}]}}"), "each with an Assert"),
        (
            one("a", "Rules: {R: {Assertions: [{Assert: {'Fn::Sub': a}}]}}"),
            "Cannot use Fn::Sub in Rules",
        ),
        (
            one("a", "Rules: {R: {Assertions: [{Assert: {'Fn::Contains': 5}}]}}"),
            "every Fn::Contains object requires two parameters",
        ),
        ("Resources: [", "YAML not well-formed"),
        ("just text", "unsupported structure"),
        ("Resources: {}", "At least one Resources member must be defined."),
    ],
)
def test_a_malformed_template_is_refused(stacks: Stacks, template: str, message: str) -> None:
    assert message in stacks.refusal(template)


def test_a_large_template_must_come_from_s3(stacks: Stacks, sandbox: Sandbox) -> None:
    template = f"{'#' * 51200}\n{RESOURCE}\nOutputs: {{Region: {{Value: !Ref AWS::Region}}}}"
    assert "at 'templateBody' failed to satisfy constraint: Member must have length" in stacks.refusal(template)
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket="templates")
    s3.put_object(Bucket="templates", Key="a/large.yaml", Body=template.encode())
    for address in ("https://templates.s3.amazonaws.com/a/large.yaml", f"{sandbox.endpoint}/templates/a/large.yaml"):
        assert stacks.outputs(stacks.create("", TemplateURL=address)) == {"Region": "us-east-1"}
    absent = "https://templates.s3.amazonaws.com/absent.yaml"
    assert stacks.refusal("", TemplateURL=absent) == f"S3 error: The specified key does not exist. ({absent})"


def test_validate_template_tells_parameters_and_capabilities(stacks: Stacks) -> None:
    found = stacks.api.validate_template(TemplateBody="Description: told\nParameters: {P: {Type: String}}" + ROLE % "")
    assert found["Description"] == "told"
    assert [item["ParameterKey"] for item in found["Parameters"]] == ["P"]
    assert found["Capabilities"] == ["CAPABILITY_IAM"]
    with pytest.raises(ClientError, match="At least one Resources member"):
        stacks.api.validate_template(TemplateBody="Description: told")
