"""Transforms: loops and the other extensions of the language, included snippets, serverless resources."""

from __future__ import annotations

import json
import textwrap
from typing import Any

import pytest
from harness import Sandbox
from stacks import Stacks

EXPAND: dict[str, Any] = {"Capabilities": ["CAPABILITY_AUTO_EXPAND"]}
PARAMETER = "{Type: AWS::SSM::Parameter, Properties: {Type: String, Value: %s}}"
HEAD = """
Transform: AWS::LanguageExtensions
Parameters:
  Names: {Type: CommaDelimitedList, Default: "a,b"}
  Env: {Type: String, Default: dev}
  Policy: {Type: String, Default: Retain}
Mappings:
  Sizes: {dev: {count: 1, places: [x, y]}}
"""


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    found = Stacks(sandbox)
    sandbox.client("s3").create_bucket(Bucket="language-snippets")
    return found


def processed(stacks: Stacks, stack: str) -> dict[str, Any]:
    """Return the template that a stack executes; boto3 reads JSON into a dictionary."""
    found = stacks.api.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
    return dict(json.loads(found) if isinstance(found, str) else found)


def test_a_loop_repeats_resources_and_outputs(stacks: Stacks) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach-example-resource.html."""
    template = (
        HEAD
        + """
Conditions:
  Fn::ForEach::Checks: [Name, [dev, prod], {"Is${Name}": !Equals [!Ref Env, !Ref Name]}]
Resources:
  Fn::ForEach::Parameters:
    - Name
    - !Ref Names
    - P${Name}:
        Type: AWS::SSM::Parameter
        DependsOn: First
        Properties: {Type: String, Value: !Sub "${Name}-${AWS::Region}-${Env}"}
  Fn::ForEach::Off: [Name, [one], {"Off${Name}": {Condition: Isprod, Type: AWS::SSM::Parameter, Properties: {}}}]
  First: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: first}}
Outputs:
  Fn::ForEach::Outer:
    - Name
    - !Ref Names
    - Fn::ForEach::Inner:
        - Attribute
        - [Type, Value]
        - "O${Name}${Attribute}": {Value: !GetAtt [!Sub "P${Name}", !Ref Attribute]}
  Checked: {Condition: Isdev, Value: "yes"}
"""
    )
    stack = stacks.create(template, {"Names": "c,d"}, **EXPAND)
    assert stacks.outputs(stack) == {
        "OcType": "String",
        "OcValue": "c-us-east-1-dev",
        "OdType": "String",
        "OdValue": "d-us-east-1-dev",
        "Checked": "yes",
    }
    assert set(stacks.physical(stack["StackId"])) == {"First", "Pc", "Pd"}
    executed = processed(stacks, stack["StackId"])
    assert set(executed["Resources"]) == {"First", "Pc", "Pd", "Offone"}
    assert "Transform" not in executed
    given = stacks.api.get_template(StackName=stack["StackId"])["TemplateBody"]
    assert given == textwrap.dedent(template)


def test_a_loop_repeats_properties_and_takes_plain_names(stacks: Stacks) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html."""
    template = (
        HEAD
        + """
Resources:
  Fn::ForEach::Places:
    - Place
    - [10.0.0.0, "10.0.0.1"]
    - "Place&{Place}":
        Type: AWS::SSM::Parameter
        Properties:
          Type: String
          Fn::ForEach::Texts: [Key, [Value, Description], {"${Key}": !Sub "${Key} of ${Place}"}]
  Fn::ForEach::Mapped: [Place, !FindInMap [Sizes, !Ref Env, places], {"M${Place}": !If_, }]
Outputs:
  O: {Value: !GetAtt Place10000.Value}
  D: {Value: !GetAtt Place10001.Description}
  M: {Value: !GetAtt My.Value}
""".replace("!If_, ", PARAMETER % "!Ref Place")
    )
    found = stacks.outputs(stacks.create(template, **EXPAND))
    assert found == {"O": "Value of 10.0.0.0", "D": "Description of 10.0.0.1", "M": "y"}


def test_extensions_of_functions(stacks: Stacks) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-languageextensions.html."""
    values = [
        ("!Length_ !Ref Names", "2"),
        ("!Length_ [1, 2, 3]", "3"),
        ("!Json_ {env: !Ref Env, names: !Ref Names, none: !Ref AWS::NoValue}", '{"env":"dev","names":["a","b"]}'),
        ("!Json_ [1, true, !GetAtt A.Value]", '[1,true,"value"]'),
        ("!FindInMap [Sizes, prod, count, {DefaultValue: 7}]", "7"),
        ("!FindInMap [Sizes, dev, count, {DefaultValue: 7}]", "1"),
        ("!FindInMap [!Sub 'Siz${E}', !Select [0, [dev]], !Join ['', [co, unt]]]".replace("${E}", "es"), "1"),
        ("!FindInMap [None, a, b, {DefaultValue: !GetAtt A.Value}]", "value"),
        ("{Ref: !Join ['', [E, nv]]}", "dev"),
        ("{'Fn::GetAtt': [!Sub 'A', !Join ['', [Val, ue]]]}", "value"),
    ]
    lines = [f"  O{index}: {{Value: {value}}}" for index, (value, _) in enumerate(values)]
    outputs = (
        "\n".join(lines)
        .replace("!Length_ ", "!Length ")
        .replace("!Json_", "!ToJsonString")
        .replace("!Length !Ref Names", '{"Fn::Length": !Ref Names}')
    )
    resource = f"Resources: {{A: {(PARAMETER % 'value')[:-1]}, DeletionPolicy: !Ref Policy}}}}\n"
    stack = stacks.create(f"{HEAD}{resource}Outputs:\n{outputs}", **EXPAND)
    assert stacks.outputs(stack) == {f"O{index}": wanted for index, (_, wanted) in enumerate(values)}
    name = stacks.physical(stack["StackId"])["A"]
    stacks.delete(stack["StackId"])
    assert stacks.parameter(name) == "value"  # its policy came from a parameter


REFUSED = [
    ("Resources: {Fn::ForEach::L: [N, !Ref Env, {'A${N}': %s}]}" % (PARAMETER % "a"),
     "Transform AWS::LanguageExtensions failed with: The collection of Fn::ForEach::L must be a list"),
    ("Resources: {Fn::ForEach::L: [N, !Ref Names, {Same: %s}]}" % (PARAMETER % "a"),
     "Duplicate key 'Same' when merging keys to parent object in Fn::ForEach"),
    ("Resources: {Fn::ForEach::L: [N, !Ref Names]}", "Fn::ForEach::L must be a list of an identifier"),
    ("Resources: {Fn::ForEach::L: [N, !Ref Names, {'A-${N}': %s}]}" % (PARAMETER % "a"),
     "Template format error: Resource name A-a is non alphanumeric."),
    ("Resources: {A: {Type: X}, Fn::ForEach::L: [N, [A], {'${N}': {Type: X}}]}",
     "Duplicate key 'A' when merging keys to parent object in Fn::ForEach"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "told"), REFUSED)
def test_a_loop_that_is_none_is_refused(stacks: Stacks, body: str, told: str) -> None:
    assert told in stacks.refusal(HEAD + body, **EXPAND)


def test_limits_hold_for_what_a_loop_makes(stacks: Stacks) -> None:
    names = ",".join(f"n{index}" for index in range(501))
    body = f"{HEAD}Resources: {{Fn::ForEach::L: [N, !Ref Names, {{'A${{N}}': {PARAMETER % 'a'}}}]}}"
    told = stacks.refusal(body, {"Names": names}, **EXPAND)
    assert told == "Template format error: Number of resources, 501, is greater than maximum allowed, 500"


def test_transforms_need_a_capability(stacks: Stacks) -> None:
    template = f"{HEAD}Resources: {{A: {PARAMETER % 'a'}}}"
    assert stacks.refusal(template) == "Requires capabilities : [CAPABILITY_AUTO_EXPAND]"


@pytest.mark.parametrize(
    ("transform", "told"),
    [
        ("Mine", "No transform named 222222222222::Mine found."),
        ("AWS::CodeDeployBlueGreen", "The sandbox does not execute the transform AWS::CodeDeployBlueGreen."),
        ("{Nam: Mine}", "Transform must be a name, or a map of Name and Parameters."),
    ],
)
def test_other_macros_are_refused_by_name(stacks: Stacks, transform: str, told: str) -> None:
    assert told in stacks.refusal(f"Transform: {transform}\nResources: {{A: {PARAMETER % 'a'}}}", **EXPAND)


def test_snippets_are_included_from_s3(stacks: Stacks) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-include.html."""
    s3 = stacks.sandbox.client("s3")
    s3.put_object(Bucket="language-snippets", Key="properties.yaml", Body=b"Type: String\nValue: {Ref: Given}\n")
    s3.put_object(Bucket="language-snippets", Key="outputs.json", Body=b'{"Outputs": {"O": {"Value": "included"}}}')
    template = """
    Transform: {Name: AWS::Include, Parameters: {Location: !Sub "s3://${Bucket}/outputs.json"}}
    Parameters: {Bucket: {Type: String, Default: language-snippets}, Given: {Type: String, Default: given}}
    Resources:
      A:
        Type: AWS::SSM::Parameter
        Properties:
          Description: beside
          Fn::Transform: {Name: AWS::Include, Parameters: {Location: !Sub "s3://${Bucket}/properties.yaml"}}
    """
    stack = stacks.create(template, **EXPAND)
    assert stacks.outputs(stack) == {"O": "included"}
    assert stacks.parameter(stacks.physical(stack["StackId"])["A"]) == "given"
    assert "S3 error" in stacks.refusal(template.replace("outputs.json", "none.json"), **EXPAND)
    assert "is not a valid S3 uri" in stacks.refusal(template.replace("s3://", "https://"), **EXPAND)


def test_serverless_resources_become_cloudformations(stacks: Stacks) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-serverless.html."""
    template = """
    Transform: AWS::Serverless-2016-10-31
    Parameters: {Name: {Type: String, Default: language}}
    Resources:
      Table: {Type: AWS::Serverless::SimpleTable, Properties: {TableName: !Ref Name}}
    Outputs: {Table: {Value: !Ref Table}}
    """
    stack = stacks.create(template, **EXPAND)
    assert processed(stacks, stack["StackId"])["Resources"]["Table"]["Type"] == "AWS::DynamoDB::Table"
    assert stacks.outputs(stack) == {"Table": "language"}
    described = stacks.sandbox.client("dynamodb").describe_table(TableName="language")["Table"]
    assert described["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
    bad = template.replace("SimpleTable", "Nothing")
    assert "Unrecognized resource types: [AWS::Serverless::Nothing]" in stacks.refusal(bad, **EXPAND)
