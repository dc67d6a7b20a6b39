"""Macros: functions of the account that process templates before they are executed.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros.html
"""

from __future__ import annotations

import json
import textwrap
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from functions import Functions, archive
from harness import Sandbox, eventually
from persons import Person
from stacks import Stacks

EXPAND: dict[str, Any] = {"Capabilities": ["CAPABILITY_AUTO_EXPAND"]}
HANDLE = "{Type: AWS::CloudFormation::WaitConditionHandle}"
# Writes what it was sent into the description of the template, or of the part.
TELLER = """
import json
def handler(event, context):
    told = {key: event[key] for key in ("region", "accountId", "transformId", "params", "templateParameterValues")}
    told["members"] = sorted(event["fragment"])
    fragment = event["fragment"] | {"Description": json.dumps(told)}
    return {"requestId": event["requestId"], "status": "success", "fragment": fragment}
"""
# Adds a line about itself to the note of whatever it is given.
ADDER = """
def handler(event, context):
    fragment = event["fragment"]
    at = fragment["Metadata"] if "Resources" in fragment else fragment
    at["Note"] = at.get("Note", "") + event["params"].get("Word", event["transformId"].split("::")[1]) + " "
    return {"requestId": event["requestId"], "status": "success", "fragment": fragment}
"""
UPPER = """
def handler(event, context):
    return {"requestId": event["requestId"], "status": "success", "fragment": event["params"]["Text"].upper()}
"""
ANSWER = """
def handler(event, context):
    return %s
"""


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox)


@pytest.fixture(scope="module")
def functions(sandbox: Sandbox) -> Functions:
    return Functions(sandbox)


def macro(stacks: Stacks, function: str, name: str = "", **properties: str) -> str:
    """Make a macro of a function; return its name."""
    name = name or f"Macro{uuid.uuid4().hex[:8]}"
    item = {"Type": "AWS::CloudFormation::Macro", "Properties": {"Name": name, "FunctionName": function, **properties}}
    ended = stacks.create(json.dumps({"Resources": {"It": item}, "Outputs": {"Name": {"Value": {"Ref": "It"}}}}))
    assert stacks.outputs(ended) == {"Name": name}
    return name


@pytest.fixture(scope="module")
def adder(stacks: Stacks, functions: Functions) -> str:
    return macro(stacks, functions.create(ADDER))


@pytest.fixture(scope="module")
def upper(stacks: Stacks, functions: Functions) -> str:
    return macro(stacks, functions.create(UPPER))


def processed(stacks: Stacks, **named: str) -> dict[str, Any]:
    """Return a processed template; boto3 reads JSON into a dictionary."""
    found = stacks.api.get_template(TemplateStage="Processed", **named)["TemplateBody"]
    return dict(json.loads(found) if isinstance(found, str) else found)


def test_a_macro_is_told_the_template_and_its_parameters(stacks: Stacks, functions: Functions) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-author.html."""
    arn = functions.api.get_function(FunctionName=functions.create(TELLER))["Configuration"]["FunctionArn"]
    name = macro(stacks, arn)
    template = f"""
    Transform:
      - {{Name: {name}, Parameters: {{Number: 1, Text: !Sub "${{Given}}-${{AWS::Region}}", List: !Ref Several}}}}
    Parameters:
      Given: {{Type: String}}
      Several: {{Type: CommaDelimitedList, Default: "a,b"}}
    Resources: {{It: {HANDLE}}}
    """
    stack = stacks.create(template, {"Given": "one"}, **EXPAND)
    assert json.loads(stack["Description"]) == {
        "region": "us-east-1",
        "accountId": "222222222222",
        "transformId": f"222222222222::{name}",
        "params": {"Number": 1, "Text": "one-us-east-1", "List": ["a", "b"]},
        "templateParameterValues": {"Given": "one", "Several": ["a", "b"]},
        "members": ["Parameters", "Resources"],
    }
    assert "Transform" not in processed(stacks, StackName=stack["StackId"])
    given = stacks.api.get_template(StackName=stack["StackId"])["TemplateBody"]
    assert given == textwrap.dedent(template)


def test_a_macro_of_a_part_is_given_what_stands_beside_it(stacks: Stacks, functions: Functions, upper: str) -> None:
    name = macro(stacks, functions.create(TELLER))
    template = f"""
    Parameters: {{Word: {{Type: String, Default: said}}}}
    Resources:
      It:
        Type: AWS::SSM::Parameter
        Properties:
          Type: String
          Value: {{"Fn::Transform": {{Name: {upper}, Parameters: {{Text: !Ref Word}}}}}}
          Fn::Transform: {{Name: {name}, Parameters: {{Key: value}}}}
    Outputs: {{It: {{Value: !GetAtt It.Value}}, Told: {{Value: !Ref It}}}}
    """
    stack = stacks.create(template, **EXPAND)
    assert stacks.outputs(stack)["It"] == "SAID"
    properties = processed(stacks, StackName=stack["StackId"])["Resources"]["It"]["Properties"]
    told = json.loads(properties["Description"])
    assert (told["members"], told["params"]) == (["Type", "Value"], {"Key": "value"})


def test_inner_macros_come_first_and_those_of_a_place_in_their_order(
    stacks: Stacks, functions: Functions, adder: str
) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-overview.html."""
    second = macro(stacks, functions.create(ADDER))
    template = f"""
    Transform: [{adder}, {{Name: {second}, Parameters: {{Word: last}}}}]
    Metadata:
      Fn::Transform: [{{Name: {second}, Parameters: {{Word: outer1}}}}, {{Name: {adder}, Parameters: {{Word: outer2}}}}]
      Inner: {{Note: "", "Fn::Transform": {{Name: {second}, Parameters: {{Word: inner}}}}}}
    Resources: {{It: {HANDLE}}}
    """
    stack = stacks.create(template, **EXPAND)
    metadata = processed(stacks, StackName=stack["StackId"])["Metadata"]
    assert metadata == {"Inner": {"Note": "inner "}, "Note": f"outer1 outer2 {adder} last "}


def test_macros_and_the_transforms_of_aws_work_together(stacks: Stacks, functions: Functions) -> None:
    code = """
    def handler(event, context):
        fragment = event["fragment"]
        fragment["Mappings"] = {"Of": {"macro": {"names": ["One", "Two"]}}}
        fragment["Resources"]["Table"] = {"Type": "AWS::Serverless::SimpleTable"}
        return {"requestId": event["requestId"], "status": "success", "fragment": fragment}
    """
    name = macro(stacks, functions.create(textwrap.dedent(code)))
    s3 = stacks.sandbox.client("s3")
    s3.create_bucket(Bucket="macro-snippets")
    s3.put_object(Bucket="macro-snippets", Key="all.yaml", Body=b"Outputs: {Included: {Value: {Ref: HandleOne}}}")
    template = f"""
    Transform:
      - {name}
      - {{Name: AWS::Include, Parameters: {{Location: s3://macro-snippets/all.yaml}}}}
      - AWS::LanguageExtensions
      - AWS::Serverless-2016-10-31
    Resources:
      Fn::ForEach::Handles: [Name, !FindInMap [Of, macro, names], {{"Handle${{Name}}": {HANDLE}}}]
    """
    stack = stacks.create(template, **EXPAND)
    assert set(stacks.physical(stack["StackId"])) == {"HandleOne", "HandleTwo", "Table"}
    assert set(stacks.outputs(stack)) == {"Included"}


def test_an_update_is_processed_anew(stacks: Stacks, functions: Functions) -> None:
    code = """
    def handler(event, context):
        value = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "%s"}}
        fragment = event["fragment"] | {"Resources": {"It": value}}
        return {"requestId": event["requestId"], "status": "success", "fragment": fragment}
    """
    first, second = (functions.create(textwrap.dedent(code % value)) for value in ("one", "two"))
    name = f"Macro{uuid.uuid4().hex[:8]}"
    item = "Resources: {It: {Type: AWS::CloudFormation::Macro, Properties: {Name: %s, FunctionName: %s}}}"
    made = stacks.create(item % (name, first))
    stack = stacks.create(f"Transform: {name}\nOutputs: {{O: {{Value: !GetAtt It.Value}}}}", **EXPAND)
    assert stacks.outputs(stack) == {"O": "one"}
    physical = stacks.physical(stack["StackId"])
    assert stacks.update(made["StackId"], item % (name, second))["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.outputs(stacks.update(stack["StackId"], **EXPAND)) == {"O": "two"}
    assert stacks.physical(stack["StackId"]) == physical
    with pytest.raises(ClientError, match="No updates are to be performed"):
        stacks.start_update(stack["StackId"], **EXPAND)


def test_a_change_set_shows_the_processed_template(stacks: Stacks, functions: Functions) -> None:
    code = """
    def handler(event, context):
        made = {name + "2": item for name, item in event["fragment"]["Resources"].items()}
        event["fragment"]["Resources"] |= made
        return {"requestId": event["requestId"], "status": "success", "fragment": event["fragment"]}
    """
    name, stack = macro(stacks, functions.create(textwrap.dedent(code))), f"stack-{uuid.uuid4().hex[:8]}"
    body = f"Transform: {name}\nResources: {{It: {HANDLE}}}"
    asked = {"ChangeSetName": "first", "ChangeSetType": "CREATE", "TemplateBody": body}
    made = stacks.api.create_change_set(StackName=stack, **asked)  # who reviews it needs no capability
    described = {"ChangeSetName": made["Id"]}
    eventually(lambda: stacks.api.describe_change_set(**described)["Status"] == "CREATE_COMPLETE")
    changes = stacks.api.describe_change_set(**described)["Changes"]
    assert {change["ResourceChange"]["LogicalResourceId"] for change in changes} == {"It", "It2"}
    assert set(processed(stacks, **described)["Resources"]) == {"It", "It2"}
    assert stacks.api.get_template(**described)["TemplateBody"] == body
    stacks.api.execute_change_set(**described)
    stacks.ended(stack)
    assert set(stacks.physical(stack)) == {"It", "It2"}


FAILED = [
    ('{"requestId": event["requestId"], "status": "failure", "errorMessage": "no such word"}',
     "Transform 222222222222::NAME failed with: no such word. Rollback requested by user."),
    ('{"requestId": event["requestId"], "status": "SUCCESS", "fragment": event["fragment"]}',
     "Transform 222222222222::NAME failed without an error message. Rollback requested by user."),
    ('1 / 0', "Transform 222222222222::NAME failed without an error message. Rollback requested by user."),
    ('"text"', "Received malformed response from transform 222222222222::NAME. Rollback requested by user."),
    ('{"requestId": "another", "status": "success", "fragment": {}}', "Received malformed response from transform"),
    ('{"requestId": event["requestId"], "status": "success"}', "Received malformed response from transform"),
    ('{"requestId": event["requestId"], "status": "success", "fragment": {"Resources": {}}}',
     "Template format error: At least one Resources member must be defined."),
    ('{"requestId": event["requestId"], "status": "success", "fragment": {"Resources": {"A": {"Type": "A::B::C"}}}}',
     "Template format error: Unrecognized resource types: [A::B::C]"),
    ('{"requestId": event["requestId"], "status": "success", "fragment": []}', "is not an object"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "told"), FAILED)
def test_a_macro_that_fails_is_told(stacks: Stacks, functions: Functions, answer: str, told: str) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-author.html (response format)."""
    name = macro(stacks, functions.create(ANSWER % answer))
    body = f"Transform: {name}\nResources: {{It: {HANDLE}}}"
    assert told.replace("NAME", name) in stacks.refusal(body, **EXPAND)


def test_a_macro_needs_a_capability(stacks: Stacks, adder: str) -> None:
    body = f"Metadata: {{'Fn::Transform': {{Name: {adder}}}}}\nResources: {{It: {HANDLE}}}"
    assert stacks.refusal(body) == "Requires capabilities : [CAPABILITY_AUTO_EXPAND]"
    summary = stacks.api.get_template_summary(TemplateBody=body)
    assert (summary["Capabilities"], summary["DeclaredTransforms"]) == (["CAPABILITY_AUTO_EXPAND"], [adder])


@pytest.mark.parametrize(
    ("use", "told"),
    [
        ("Name: !Ref X", "Key Name of transform definition must be a string."),
        ("Name: NoSuchMacro", "No transform named 222222222222::NoSuchMacro found."),
        ("Name: UPPER, Parameters: {Text: !Ref It}", "The value of parameter Text under transform UPPER must resolve"),
        ("Name: UPPER, Parameters: {Text: {a: b}}", "must resolve to a string, number, boolean or a list"),
        ("Name: AWS::Serverless-2016-10-31", "can't be used in Fn::Transform"),
    ],
)
def test_what_can_not_be_invoked_is_refused(stacks: Stacks, upper: str, use: str, told: str) -> None:
    body = f"Metadata: {{Text: {{'Fn::Transform': {{{use}}}}}}}\nResources: {{It: {HANDLE}}}"
    assert told.replace("UPPER", upper) in stacks.refusal(body.replace("UPPER", upper), **EXPAND)


def test_a_macro_is_not_there_before_its_stack_nor_after_it(stacks: Stacks, functions: Functions) -> None:
    name, function = f"Macro{uuid.uuid4().hex[:8]}", functions.create(ADDER)
    item = f"{{Type: AWS::CloudFormation::Macro, Properties: {{Name: {name}, FunctionName: {function}}}}}"
    told = f"No transform named 222222222222::{name} found."
    assert told in stacks.refusal(f"Transform: {name}\nResources: {{It: {item}}}", **EXPAND)
    made = stacks.create(f"Resources: {{It: {item}}}")
    twice = stacks.create(f"Resources: {{It: {item}}}")
    assert twice["StackStatus"] == "ROLLBACK_COMPLETE"
    assert f"{name} already exists in stack {made['StackId']}" in stacks.reason(twice["StackId"])
    elsewhere = Stacks(stacks.sandbox, "staging")
    use = f"Transform: {name}\nMetadata: {{}}\nResources: {{It: {HANDLE}}}"
    assert f"No transform named 333333333333::{name} found." in elsewhere.refusal(use, **EXPAND)
    assert stacks.create(use, **EXPAND)["StackStatus"] == "CREATE_COMPLETE"
    stacks.delete(made["StackId"])
    assert told in stacks.refusal(use, **EXPAND)


def test_a_nested_stack_may_use_macros(stacks: Stacks, adder: str) -> None:
    s3 = stacks.sandbox.client("s3")
    s3.create_bucket(Bucket="macro-nested")
    body = f"Transform: {adder}\nMetadata: {{}}\nResources: {{It: {HANDLE}}}"
    s3.put_object(Bucket="macro-nested", Key="child.yaml", Body=body.encode())
    url = "https://macro-nested.s3.amazonaws.com/child.yaml"
    parent = f"Resources: {{Child: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: '{url}'}}}}}}"
    stack = stacks.create(parent, **EXPAND)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    child = stacks.physical(stack["StackId"])["Child"]
    assert processed(stacks, StackName=child)["Metadata"] == {"Note": f"{adder} "}
    bare = stacks.create(parent)
    assert bare["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "Requires capabilities : [CAPABILITY_AUTO_EXPAND]" in stacks.reason(bare["StackId"])


def test_failures_are_logged_by_the_role_of_the_macro(stacks: Stacks, functions: Functions) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-macro.html."""
    logs, group = stacks.sandbox.client("logs"), f"macros-{uuid.uuid4().hex[:8]}"
    logs.create_log_group(logGroupName=group)
    role = stacks.sandbox.role(group, "cloudformation.amazonaws.com")
    allowed = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    stacks.sandbox.client("iam").put_role_policy(RoleName=group, PolicyName="logs", PolicyDocument=policy)
    function = functions.create(ANSWER % '{"requestId": event["requestId"], "status": "no", "errorMessage": "why"}')
    name = macro(stacks, function, LogGroupName=group, LogRoleARN=role)
    stacks.refusal(f"Transform: {name}\nResources: {{It: {HANDLE}}}", **EXPAND)
    found = logs.filter_log_events(logGroupName=group)["events"]
    assert [json.loads(event["message"])["errorMessage"] for event in found] == [
        f"Transform 222222222222::{name} failed with: why. Rollback requested by user."
    ]


def test_the_function_of_another_account_serves_a_macro(stacks: Stacks, functions: Functions) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-author.html (permissions)."""
    other = Functions(stacks.sandbox, "staging")
    function = other.create(ADDER)
    arn = other.api.get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    name, use = macro(stacks, arn), f"Metadata: {{}}\nResources: {{It: {HANDLE}}}"
    assert "not authorized" in stacks.refusal(f"Transform: {name}\n{use}", **EXPAND)
    other.api.add_permission(
        FunctionName=function, StatementId="macro", Action="lambda:InvokeFunction", Principal="222222222222"
    )
    assert stacks.create(f"Transform: {name}\n{use}", **EXPAND)["StackStatus"] == "CREATE_COMPLETE"


def test_the_permissions_of_who_makes_the_stack_count(stacks: Stacks, adder: str) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-author.html (permissions)."""
    person, name = Person(stacks.sandbox, "development"), f"stack-{uuid.uuid4().hex[:8]}"
    person.allow("cloudformation:*", "*")
    body = f"Transform: {adder}\nMetadata: {{}}\nResources: {{It: {HANDLE}}}"
    asked = {"StackName": name, "TemplateBody": body, **EXPAND}
    with pytest.raises(ClientError, match=f"Transform 222222222222::{adder} failed with: .*lambda:InvokeFunction"):
        person.client("cloudformation").create_stack(**asked)
    person.allow("lambda:InvokeFunction", "*")
    person.client("cloudformation").create_stack(**asked)
    assert stacks.ended(name)["StackStatus"] == "CREATE_COMPLETE"


def test_the_role_of_the_stack_invokes_the_macro(stacks: Stacks, adder: str) -> None:
    role = f"macro-{uuid.uuid4().hex[:8]}"
    arn = stacks.sandbox.role(role, "cloudformation.amazonaws.com", policies=[])
    body = f"Transform: {adder}\nMetadata: {{}}\nResources: {{It: {HANDLE}}}"
    assert "lambda:InvokeFunction" in stacks.refusal(body, RoleARN=arn, **EXPAND)
    allowed = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    stacks.sandbox.client("iam").put_role_policy(RoleName=role, PolicyName="invoke", PolicyDocument=policy)
    assert stacks.create(body, RoleARN=arn, **EXPAND)["StackStatus"] == "CREATE_COMPLETE"


def test_a_module_may_be_called_like_one_that_the_sandbox_uses(stacks: Stacks, functions: Functions) -> None:
    code = {"ZipFile": archive(resource__py=ADDER)}
    name = macro(stacks, functions.create("", Handler="resource.handler", Code=code))
    stack = stacks.create(f"Transform: {name}\nMetadata: {{}}\nResources: {{It: {HANDLE}}}", **EXPAND)
    assert processed(stacks, StackName=stack["StackId"])["Metadata"] == {"Note": f"{name} "}
