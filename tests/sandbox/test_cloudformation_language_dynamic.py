"""Dynamic references: values of Systems Manager and Secrets Manager, filled in when a resource is made."""

from __future__ import annotations

import json

import pytest
from harness import Sandbox
from stacks import Stacks


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    found = Stacks(sandbox)
    for value in ("first", "second"):
        found.ssm.put_parameter(Name="/dynamic/text", Value=value, Type="String", Overwrite=True)
    found.ssm.put_parameter(Name="/dynamic/secret", Value="hidden", Type="SecureString")
    found.ssm.put_parameter(Name="/dynamic/list", Value="a, b", Type="StringList")
    secrets = sandbox.client("secretsmanager")
    secrets.create_secret(Name="dynamic/json", SecretString=json.dumps({"user": "u1", "password": "p1"}))
    secrets.put_secret_value(SecretId="dynamic/json", SecretString=json.dumps({"user": "u2", "password": "p2"}))
    secrets.create_secret(Name="dynamic/plain", SecretString="plain")
    return found


def one(value: str, rest: str = "") -> str:
    return f"Resources: {{A: {{Type: AWS::SSM::Parameter, Properties: {{Type: String, Value: {value}}}}}}}\n{rest}"


VALUES = [
    ("'{{resolve:ssm:/dynamic/text}}'", "second"),
    ("'{{resolve:ssm:/dynamic/text:1}}'", "first"),
    ("'before-{{resolve:ssm:/dynamic/text:1}}-{{resolve:ssm:/dynamic/text}}-after'", "before-first-second-after"),
    ("!Sub '{{resolve:ssm:/${AWS::StackName}/own}}'", "own"),
    ("!Join ['', ['{{resolve:ssm:', /dynamic/text, ':1}}']]", "first"),
    ("'{{resolve:ssm:/dynamic/list}}'", "a, b"),
    ("'{{resolve:secretsmanager:dynamic/plain}}'", "plain"),
    ("'{{resolve:secretsmanager:dynamic/plain:SecretString}}'", "plain"),
    ("'{{resolve:secretsmanager:dynamic/json:SecretString:password}}'", "p2"),
    ("'{{resolve:secretsmanager:dynamic/json:SecretString:password:AWSPREVIOUS}}'", "p1"),
    ("'{{resolve:secretsmanager:dynamic/json}}'", '{"user": "u2", "password": "p2"}'),
    ("'{{resolve:secretsmanager:${ARN}:SecretString:user}}'", "u2"),
]


@pytest.mark.parametrize(("value", "wanted"), VALUES)
def test_a_reference_becomes_its_value(stacks: Stacks, value: str, wanted: str) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html."""
    arn = stacks.sandbox.client("secretsmanager").describe_secret(SecretId="dynamic/json")["ARN"]
    name = f"dynamic-{VALUES.index((value, wanted))}"
    stacks.ssm.put_parameter(Name=f"/{name}/own", Value="own", Type="String", Overwrite=True)
    stack = stacks.create(one(value.replace("${ARN}", arn)), StackName=name)
    assert stacks.parameter(stacks.physical(stack["StackId"])["A"]) == wanted


REFUSED = [
    ("'{{resolve:ssm:/dynamic/text:label}}'", "Incorrect format is used in the following SSM reference: "
     "[{{resolve:ssm:/dynamic/text:label}}]"),
    ("'{{resolve:ssm-secure:/dynamic/secret:1}}'",
     "SSM Secure reference is not supported in: [AWS::SSM::Parameter/Properties/Value]"),
    ("'{{resolve:ssm:/dynamic/secret:1}}'", "Non-secure ssm prefix was used for secure parameter /dynamic/secret"),
    ("'{{resolve:ssm:/dynamic/none}}'", "Unable to fetch parameters [/dynamic/none] from parameter store"),
    ("'{{resolve:vault:x}}'", "the dynamic reference {{resolve:vault:x}} names an unknown service vault"),
    ("'{{resolve:secretsmanager:dynamic/json:SecretString:colour}}'",
     "Could not find a value associated with JSONKey in SecretString"),
    ("'{{resolve:secretsmanager:dynamic/plain:SecretString:colour}}'", "Could not parse SecretString JSON"),
    ("'{{resolve:secretsmanager:dynamic/none}}'", "Secrets Manager can't find the specified secret."),
    ("'{{resolve:secretsmanager:dynamic/json:SecretBinary}}'",
     "Incorrect format is used in the following Secrets Manager reference"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "told"), REFUSED)
def test_a_reference_to_nothing_is_an_error(stacks: Stacks, value: str, told: str) -> None:
    try:
        stack = stacks.create(one(value))
    except stacks.api.exceptions.ClientError as refused:
        assert told in refused.response["Error"]["Message"]
    else:
        assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
        assert told in stacks.reason(stack["StackId"])


def test_a_parameters_default_names_a_version(stacks: Stacks) -> None:
    template = f"Parameters: {{P: {{Type: String, Default: '{{{{resolve:ssm:/dynamic/text}}}}'}}}}\n{one('!Ref P')}"
    assert "parameter P should not contain ssm versionless resolver" in stacks.refusal(template)
    shown = template.replace("text}}", "text:1}}") + "\nOutputs: {O: {Value: !Ref P}}"
    stack = stacks.create(shown)
    assert stacks.outputs(stack) == {"O": "first"}
    assert stacks.parameter(stacks.physical(stack["StackId"])["A"]) == "first"


def test_a_secure_value_reaches_a_property_that_takes_it(stacks: Stacks) -> None:
    template = """
    Resources:
      User:
        Type: AWS::IAM::User
        Properties: {LoginProfile: {Password: "{{resolve:ssm-secure:/dynamic/secret}}"}}
    """
    stack = stacks.create(template, Capabilities=["CAPABILITY_IAM"])
    assert stack["StackStatus"] == "CREATE_COMPLETE"


def test_an_output_keeps_the_reference(stacks: Stacks) -> None:
    reference = "{{resolve:secretsmanager:dynamic/plain}}"
    stack = stacks.create(one("a", f"Outputs: {{O: {{Value: '{reference}'}}}}"))
    assert stacks.outputs(stack) == {"O": reference}
