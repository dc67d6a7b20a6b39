"""Parameters: their types, where their values come from, and what of them is refused."""

from __future__ import annotations

import pytest
from harness import Sandbox
from stacks import Stacks

RESOURCE = "Resources: {A: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: a}}}"


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    found = Stacks(sandbox)
    found.ssm.put_parameter(Name="/language/text", Value="first", Type="String")
    found.ssm.put_parameter(Name="/language/text", Value="second", Type="String", Overwrite=True)
    found.ssm.put_parameter(Name="/language/list", Value="a, b ,c", Type="StringList")
    found.ssm.put_parameter(Name="/language/secret", Value="hidden", Type="SecureString")
    return found


def with_parameter(declaration: str, value: str = "!Ref P") -> str:
    return f"Parameters: {{P: {{{declaration}}}}}\n{RESOURCE}\nOutputs: {{O: {{Value: {value}}}}}\n"


LIST = '!Join ["+", !Ref P]'
VALUES = [
    ("a number stays as written", "Type: Number", "!Ref P", "1.50", "1.50"),
    ("a list of numbers", "Type: List<Number>", LIST, "1, 2.5", "1+2.5"),
    ("a list of texts", "Type: List<String>", LIST, "a, b", "a+b"),
    ("an empty item", "Type: CommaDelimitedList", LIST, "a,,b", "a++b"),
    ("a stored text", "Type: AWS::SSM::Parameter::Value<String>", "!Ref P", "/language/text", "second"),
    ("an older version", "Type: AWS::SSM::Parameter::Value<String>", "!Ref P", "/language/text:1", "first"),
    ("a stored list", "Type: AWS::SSM::Parameter::Value<List<String>>", LIST, "/language/list", "a+b+c"),
    ("a stored list", "Type: AWS::SSM::Parameter::Value<CommaDelimitedList>", LIST, "/language/list", "a+b+c"),
    ("a stored parameter's name", "Type: AWS::SSM::Parameter::Name", "!Ref P", "/language/text", "/language/text"),
    ("a pattern holds for the name", "Type: AWS::SSM::Parameter::Value<String>, AllowedPattern: /language/.*",
     "!Ref P", "/language/text", "second"),
]  # fmt: skip


@pytest.mark.parametrize(("declaration", "shown", "given", "wanted"), [row[1:] for row in VALUES])
def test_a_parameter_has_its_types_value(stacks: Stacks, declaration: str, shown: str, given: str, wanted: str) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html."""
    made = stacks.create(with_parameter(declaration, shown), {"P": given})
    assert stacks.outputs(made) == {"O": wanted}


REFUSED = [
    ("Type: Text", "a", "Template format error: Unrecognized parameter type: Text"),
    ("Type: AWS::SSM::Parameter::Value<Text>", "a", "Unrecognized parameter type: AWS::SSM::Parameter::Value<Text>"),
    ("Type: String, Properties: a", "a", "Invalid template parameter property 'Properties'"),
    ("Type: String, Default: [a]", "a", "Template format error: Every Default member must be a string."),
    ("Type: String, Default: !Ref AWS::Region", "a", "Template format error: Every Default member must be a string."),
    ("Type: String, AllowedValues: a", "a", "Every AllowedValues member must be a list."),
    ("Type: String, MinValue: 1", "a", "Parameter 'P' MinValue must be on a parameter of type Number"),
    ("Type: Number, MinLength: 1", "1", "Parameter 'P' MinLength must be on a parameter of type String"),
    ("Type: String, MinLength: 3, MaxLength: 2", "a", "Parameter 'P' MinLength must be less than MaxLength."),
    ("Type: String, AllowedPattern: '['", "a", "Parameter 'P' AllowedPattern must be a valid regular expression."),
    ("Type: List<Number>", "1,x", "Parameter 'P' must be a number"),
    ("Type: String", "x" * 4097, "Parameter 'P' must contain at most 4096 bytes"),
    ("Type: String, AllowedPattern: '[0-9]+', ConstraintDescription: must be digits.", "a",
     "Parameter P failed to satisfy constraint: must be digits."),
    ("Type: AWS::SSM::Parameter::Value<String>", "/language/none",
     "Unable to fetch parameters [/language/none] from parameter store for this account."),
    ("Type: AWS::SSM::Parameter::Value<String>", "/language/text:9",
     "Unable to fetch parameters [/language/text:9] from parameter store for this account."),
    ("Type: AWS::SSM::Parameter::Value<String>", "/language/list",
     "Types for SSM parameters [/language/list] defined in CFN template and SSM are incompatible"),
    ("Type: AWS::SSM::Parameter::Value<List<String>>", "/language/text",
     "Types for SSM parameters [/language/text] defined in CFN template and SSM are incompatible"),
    ("Type: AWS::SSM::Parameter::Value<String>", "/language/secret",
     "Parameters [/language/secret] referenced by template have types not supported by CloudFormation."),
    ("Type: AWS::SSM::Parameter::Value<String>, AllowedValues: [second]", "/language/text",
     "Parameter 'P' must be one of AllowedValues"),
    ("Type: AWS::SSM::Parameter::Name", "/language/none",
     "Parameter validation failed: parameter value /language/none for parameter name P does not exist"),
    ("Type: AWS::EC2::KeyPair::KeyName", "nobody", "parameter value nobody for parameter name P does not exist"),
    ("Type: AWS::EC2::VPC::Id", "vpc-none", "parameter value vpc-none for parameter name P does not exist"),
    ("Type: AWS::EC2::Subnet::Id", "", "parameter value  for parameter name P does not exist"),
    ("Type: 'List<AWS::EC2::SecurityGroup::Id>'", "sg-1,sg-2", "parameter value sg-2 for parameter name P"),
    ("Type: AWS::EC2::AvailabilityZone::Name", "us-east-1z", "us-east-1z for parameter name P does not exist"),
    ("Type: AWS::Route53::HostedZone::Id", "Z0", "parameter value Z0 for parameter name P does not exist"),
]  # fmt: skip


@pytest.mark.parametrize(("declaration", "given", "told"), REFUSED)
def test_a_parameter_that_does_not_fit_is_refused(stacks: Stacks, declaration: str, given: str, told: str) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html."""
    assert told in stacks.refusal(with_parameter(declaration, "a"), {"P": given})


def test_parameters_name_what_exists_in_the_account(stacks: Stacks) -> None:
    ec2 = stacks.sandbox.client("ec2")
    network = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=network, CidrBlock="10.7.1.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="language", Description="a", VpcId=network)["GroupId"]
    ec2.create_key_pair(KeyName="language")
    template = f"""
    Parameters:
      Network: {{Type: "AWS::EC2::VPC::Id"}}
      Subnets: {{Type: "List<AWS::EC2::Subnet::Id>"}}
      Group: {{Type: "AWS::EC2::SecurityGroup::Id"}}
      Key: {{Type: "AWS::EC2::KeyPair::KeyName"}}
      Zone: {{Type: "AWS::EC2::AvailabilityZone::Name"}}
    {RESOURCE}
    """
    given = {"Network": network, "Subnets": subnet, "Group": group, "Key": "language", "Zone": "us-east-1a"}
    assert stacks.create(template, given)["StackStatus"] == "CREATE_COMPLETE"
    stacks.ssm.put_parameter(Name="/language/network", Value="vpc-none", Type="String")
    stored = with_parameter("Type: 'AWS::SSM::Parameter::Value<AWS::EC2::VPC::Id>'")
    assert "parameter value vpc-none for parameter name P does not exist" in stacks.refusal(
        stored, {"P": "/language/network"}
    )


def test_a_parameter_given_twice_is_refused(stacks: Stacks) -> None:
    twice = [{"ParameterKey": "P", "ParameterValue": value} for value in ("a", "b")]
    with pytest.raises(stacks.api.exceptions.ClientError, match=r"Parameters: \[P\] are given more than once"):
        stacks.api.create_stack(StackName="twice", TemplateBody=with_parameter("Type: String"), Parameters=twice)


def test_a_stored_value_is_read_again_at_each_update(stacks: Stacks) -> None:
    stacks.ssm.put_parameter(Name="/language/changing", Value="one", Type="String")
    template = with_parameter("Type: AWS::SSM::Parameter::Value<String>, Default: /language/changing")
    stack = stacks.create(template)
    stacks.ssm.put_parameter(Name="/language/changing", Value="two", Type="String", Overwrite=True)
    updated = stacks.update(stack["StackId"])
    assert stacks.outputs(updated) == {"O": "two"}
    shown = {"ParameterKey": "P", "ParameterValue": "/language/changing", "ResolvedValue": "two"}
    assert updated["Parameters"] == [shown]


def test_no_echo_of_a_secret(stacks: Stacks) -> None:
    secret = with_parameter('Type: String, NoEcho: "true", Default: hidden', "a")
    open_ = with_parameter('Type: String, NoEcho: "false", Default: shown', "a")
    for template, wanted in ((secret, "****"), (open_, "shown")):
        [told] = stacks.create(template)["Parameters"]
        assert told["ParameterValue"] == wanted
        [summed] = stacks.api.get_template_summary(TemplateBody=template)["Parameters"]
        assert (summed["DefaultValue"], summed["NoEcho"]) == (wanted, wanted == "****")


def test_the_stacks_role_reads_stored_values(stacks: Stacks) -> None:
    role = stacks.sandbox.role("language-reader", "cloudformation.amazonaws.com")
    stack = stacks.create(
        with_parameter("Type: AWS::SSM::Parameter::Value<String>, Default: /language/text", "a"), RoleARN=role
    )
    assert stack["RoleARN"] == role
    calls = (stacks.sandbox.home / "calls.jsonl").read_text().splitlines()
    assert any("GetParameters" in call and "language-reader" in call for call in calls)
