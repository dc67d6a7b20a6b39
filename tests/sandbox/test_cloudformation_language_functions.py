"""Intrinsic functions: what each comes out as, and how a malformed or misplaced one is refused."""

from __future__ import annotations

import json

import pytest
from harness import ACCOUNTS, Sandbox
from stacks import Stacks

MADE = "{Type: AWS::SSM::Parameter, Properties: {Type: String, Value: made}}"
HEAD = f"""
Parameters:
  Names: {{Type: CommaDelimitedList, Default: "a, b"}}
  Empty: {{Type: CommaDelimitedList, Default: ""}}
  Env: {{Type: String, Default: dev}}
Mappings:
  Sizes:
    dev: {{count: 1, zones: [x, y]}}
    us-east-1: {{count: 2, zones: [z]}}
Conditions:
  IsDev: !Equals [!Ref Env, dev]
  IsMapped: !Equals [!FindInMap [Sizes, !Ref Env, count], "1"]
  IsJoined: !Equals [!Join ["-", [!Ref Env, x]], !Sub "${{Env}}-x"]
  IsChosen: !Equals [!Select [1, !Split [",", "p,q"]], q]
  IsElse: !Not [!Condition IsDev]
  IsBoth: !And [!Condition IsDev, !Condition IsMapped, !Not [!Condition IsElse]]
Resources:
  Made: {MADE}
  Unmade: {MADE[:-1]}, Condition: IsElse}}
"""


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox)


VALUES = [
    ("a mapping's value", '!FindInMap [Sizes, !Ref "AWS::Region", count]', "2"),
    ("a mapping's list", '!Join ["+", !FindInMap [Sizes, dev, zones]]', "x+y"),
    ("a mapping by a mapping", "!FindInMap [Sizes, !Ref Env, count]", "1"),
    ("blocks of IPv4", '!Join [" ", !Cidr ["192.168.0.0/24", 6, 5]]',
     "192.168.0.0/27 192.168.0.32/27 192.168.0.64/27 192.168.0.96/27 192.168.0.128/27 192.168.0.160/27"),
    ("blocks of IPv6", '!Join [" ", !Cidr ["2001:db8::/56", 2, 64]]', "2001:db8::/64 2001:db8:0:1::/64"),
    ("a block of many", '!Select [255, !Cidr [10.0.0.0/8, 256, 16]]', "10.255.0.0/16"),
    ("empty pieces stay", '!Join ["+", !Split ["|", "a||c|"]]', "a++c+"),
    ("an empty list", '!Join ["+", !Ref Empty]', ""),
    ("a literal variable", "!Sub '${!Literal} ${Made.Value} ${ Env }'", "${Literal} made dev"),
    ("a map for a text", "!Sub ['${A}${B}', {A: !Ref Env, B: !GetAtt Made.Value}]", "devmade"),
    ("an attribute by reference", "{'Fn::GetAtt': [Made, !Ref Attribute]}", "String"),
    ("text encoded", "{'Fn::Base64': !Sub '${Env}!'}", "ZGV2IQ=="),
    ("a zone", '!Select [0, !GetAZs ""]', "us-east-1a"),
    ("the region's zones", '!Select [1, {"Fn::GetAZs": !Ref "AWS::Region"}]', "us-east-1b"),
    ("a branch", "!If [IsBoth, yes it is, !Ref Unmade]", "yes it is"),
    ("a branch in a branch", "!If [IsElse, x, !If [IsJoined, !If [IsChosen, deep, y], z]]", "deep"),
    ("a number stays one", '!Join ["", [1, "-", 2.5, "-", true]]', "1-2.5-true"),
    ("the partition", '!Sub "${AWS::Partition} ${AWS::URLSuffix} ${AWS::AccountId}"',
     f"aws amazonaws.com {ACCOUNTS['development']}"),
]  # fmt: skip


def test_functions_come_out_as_documented(stacks: Stacks) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html."""
    head = HEAD.replace("Parameters:", "Parameters:\n  Attribute: {Type: String, Default: Type}", 1)
    outputs = "".join(f"  O{index}: {{Value: {value}}}\n" for index, (_, value, _) in enumerate(VALUES))
    found = stacks.outputs(stacks.create(f"{head}Outputs:\n{outputs}"))
    assert {what: found[f"O{index}"] for index, (what, _, _) in enumerate(VALUES)} == {
        what: wanted for what, _, wanted in VALUES
    }


REFUSED = [
    ("!Ref [Made]", "Template error: All References must be of type string"),
    ("!Ref Nothing", "Unresolved resource dependencies [Nothing] in the Resources block of the template"),
    ("!Ref Unmade", "Unresolved resource dependencies [Unmade] in the Resources block of the template"),
    ("!If [IsDev, !Ref Unmade, a]", "Unresolved resource dependencies [Unmade] in the Resources block of the template"),
    ("!GetAtt Made", "every Fn::GetAtt object requires two non-empty parameters"),
    ("!GetAtt Nothing.Value", "Template error: instance of Fn::GetAtt references undefined resource Nothing"),
    ("!GetAtt Made.Colour", "Template error: resource Made does not support attribute type Colour in Fn::GetAtt"),
    ("!Sub '${Made.Colour}'", "Template error: resource Made does not support attribute type Colour in Fn::Sub"),
    ("!Sub '${Nothing.Value}'", "instance of Fn::Sub references invalid resource attribute Nothing.Value"),
    ("!Sub [a]", "One or more Fn::Sub intrinsic functions don't specify expected arguments"),
    ("!Sub ['${a-b}', {}]", "variable names in Fn::Sub syntax must contain only alphanumeric characters"),
    ("!Sub ['${a}', {a: [1]}]", "every value of the context object of every Fn::Sub object must be a string"),
    ("!Sub ['${a}', {a-b: c}]", "every key of the context object of every Fn::Sub object must contain only"),
    ("!Sub '${Names}'", "every variable in an Fn::Sub object must reference a string"),
    ("!Join [',']", "every Fn::Join object requires two parameters"),
    ("!Join [',', a]", "every Fn::Join object requires two parameters"),
    ("!Join [',', !Ref Env]", "every Fn::Join object requires two parameters"),
    ("!Select [5, !Ref Names]", "Template error: Fn::Select cannot select nonexistent value at index 5"),
    ("!Select [x, [a, b]]", "Fn::Select requires a list argument with two elements: an integer index and a list"),
    ("!Select [1]", "Fn::Select requires a list argument with two elements: an integer index and a list"),
    ("!Split [',']", "every Fn::Split object requires two parameters"),
    ("!FindInMap [Sizes, dev]", "every Fn::FindInMap object requires three parameters"),
    ("!FindInMap [Sizes, dev, count, {DefaultValue: 1}]", "every Fn::FindInMap object requires three parameters"),
    ("!FindInMap [Sizes, dev, colour]", "Template error: Unable to get mapping for Sizes::dev::colour"),
    ("!FindInMap [None, a, b]", "Mapping named 'None' is not present in the 'Mappings' section of template."),
    ("!If [IsDev, a]", "Template error: Fn::If requires a list argument with three elements"),
    ("!If [Nothing, a, b]", "Template error: unresolved condition dependency Nothing in Fn::If"),
    ("!Equals [a, b]", "Template error: Fn::Equals cannot be partially collapsed"),
    ("!Base64 [a]", "every Fn::Base64 object must have a String-typed value"),
    ("!Cidr [10.0.0.0/24, 9, 5]", "Fn::Cidr can't divide 10.0.0.0/24 into 9 blocks of 5 bits"),
    ("!Cidr [10.0.0/24, 1, 5]", "Fn::Cidr can't divide 10.0.0/24"),
    ("!Length [a]", "Template Error: Encountered unsupported function: Fn::Length Supported functions are:"),
    ("!Wrong a", "Template Error: Encountered unsupported function: Fn::Wrong"),
    ("{'Fn::Sub': a, Other: b}", "the function Fn::Sub in the Resources block has other members beside it"),
    ("!ImportValue nothing-exports-this", "No export named nothing-exports-this found"),
    ("!ImportValue {'Fn::Sub': '${Made}'}", "the attribute in Fn::ImportValue must not depend on any resources"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "told"), REFUSED)
def test_a_malformed_function_is_refused(stacks: Stacks, value: str, told: str) -> None:
    bad = f"  Bad: {{Type: AWS::SSM::Parameter, Properties: {{Type: String, Value: {value}}}}}\n"
    assert told in _refusal_or_failure(stacks, HEAD + bad)


def _refusal_or_failure(stacks: Stacks, template: str) -> str:
    """Return why a template is refused; what is known only when a resource is made, is its failure's reason."""
    try:
        stack = stacks.create(template)
    except stacks.api.exceptions.ClientError as refused:
        return str(refused.response["Error"]["Message"])
    assert stack["StackStatus"].endswith(("ROLLBACK_COMPLETE", "FAILED"))
    return " ".join(reason for _, _, reason in stacks.events(stack["StackId"]))


CONDITIONS = [
    ("yes please", "Conditions can only be boolean operations on parameters and other conditions"),
    ("!Ref Env", "Conditions can only be boolean operations on parameters and other conditions"),
    ("!Equals [!Ref Made, x]", "Template format error: Unresolved dependencies [Made]. Cannot reference resources in "
     "the Conditions block of the template"),
    ("!Equals [!GetAtt Made.Value, x]", "Template error: Cannot use Fn::GetAtt in Conditions."),
    ("!Equals [!ImportValue x, x]", "Template error: Cannot use Fn::ImportValue in Conditions."),
    ("!Equals [a]", "Template error: Fn::Equals requires a list argument with two elements"),
    ("!And [!Equals [a, a]]", "every Fn::And object requires a list of at least 2 and at most 10 boolean parameters."),
    ("!Or [a, b]", "every Fn::Or object requires a list of at least 2 and at most 10 boolean parameters."),
    ("!Not [!Equals [a, a], !Equals [a, a]]", "Template error: Fn::Not requires a list argument"),
    ("!Not [!Condition Nothing]", "Template error: unresolved condition dependency Nothing in Condition"),
    ("!Not [!Condition Wrong]", "Circular dependency between conditions: [Wrong]"),
    ("!Or [!Condition Other, !Condition IsDev]", "Circular dependency between conditions: [Other, Wrong]"),
    ("!Equals [!FindInMap [Sizes, dev, colour], x]", "Unable to get mapping for Sizes::dev::colour"),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "told"), CONDITIONS)
def test_a_condition_that_cannot_be_decided_is_refused(stacks: Stacks, condition: str, told: str) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/conditions-section-structure.html."""
    more = (
        f"  Wrong: {condition}\n  Other: !Not [!Condition Wrong]\nResources:\n  Used: {MADE[:-1]}, Condition: Wrong}}"
    )
    assert told in stacks.refusal(HEAD.replace("Resources:", more, 1))


def test_a_reference_in_a_branch_that_is_not_taken_is_no_dependency(stacks: Stacks) -> None:
    template = """
    Parameters: {First: {Type: String, Default: A}}
    Conditions: {IsFirst: !Equals [!Ref First, A]}
    Resources:
      A: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !If [IsFirst, one, !Ref B]}}
      B: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !If [IsFirst, !GetAtt A.Value, two]}}
    Outputs: {A: {Value: !GetAtt A.Value}, B: {Value: !GetAtt B.Value}}
    """
    assert stacks.outputs(stacks.create(template)) == {"A": "one", "B": "one"}


def test_a_dependency_on_a_resource_that_is_off_is_none(stacks: Stacks) -> None:
    depending = f"  Last: {MADE[:-1]}, DependsOn: [Unmade, Made]}}"
    stack = stacks.create(HEAD + depending)
    assert set(stacks.physical(stack["StackId"])) == {"Made", "Last"}


def test_json_knows_the_same_functions(stacks: Stacks) -> None:
    resource = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": {"Fn::Sub": "${AWS::Region}"}}}
    long = {"Fn::Join": ["", [{"Fn::GetAtt": ["A", "Value"]}, {"Fn::GetAtt": "A.Type"}]]}
    template = json.dumps({"Resources": {"A": resource}, "Outputs": {"O": {"Value": long}}})
    assert stacks.outputs(stacks.create(template)) == {"O": "us-east-1String"}
