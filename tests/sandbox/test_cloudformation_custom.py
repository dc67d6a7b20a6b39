"""Custom resources and wait conditions: what providers receive, and what stacks make of their answers."""

from __future__ import annotations

import json
import textwrap
from typing import Any

import pytest
import urllib3
from functions import Functions
from harness import Sandbox, eventually
from stacks import Stacks

# Does as its resource's properties say, and keeps each request that it gets.
PROVIDER = """
import json, os, urllib.request, uuid
import boto3

def put(url, body):
    urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": ""}, method="PUT"))

def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=json.dumps(event))
    event = json.loads(event["Records"][0]["Sns"]["Message"]) if "Records" in event else event
    wanted = event["ResourceProperties"]
    said = wanted.get("Say" + event["RequestType"], wanted.get("Say", "SUCCESS"))
    answer = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"Status": said, "PhysicalResourceId": wanted.get("Id", "thing")}
    answer["Data"] = {"Size": wanted.get("Size", "")}
    if said == "FAILED":
        answer["Reason"] = "it is " + event["RequestType"]
    if said == "nothing":
        return
    if said == "stranger":
        put(event["ResponseURL"], json.dumps(answer | {"Status": "FAILED", "RequestId": "other"}).encode())
        answer["Status"] = "SUCCESS"
    answer |= json.loads(wanted.get("Answer", "{}"))
    put(event["ResponseURL"], b"{" if said == "garbage" else json.dumps(answer).encode())
"""
TEMPLATE = """
Parameters:
  Token: {Type: String}
  Size: {Type: String, Default: small}
  Id: {Type: String, Default: thing}
  Say: {Type: String, Default: SUCCESS}
  SayDelete: {Type: String, Default: SUCCESS}
  Answer: {Type: String, Default: "{}"}
  Timeout: {Type: Number, Default: 60}
Resources:
  Thing:
    Type: Custom::Thing
    Properties:
      ServiceToken: !Ref Token
      ServiceTimeout: !Ref Timeout
      Size: !Ref Size
      Id: !Ref Id
      Say: !Ref Say
      SayDelete: !Ref SayDelete
      Answer: !Ref Answer
Outputs: {Ref: {Value: !Ref Thing}, Size: {Value: !GetAtt Thing.Size}}
"""
INLINE = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}]
      ManagedPolicyArns: ["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"]
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      Role: !GetAtt Role.Arn
      Code:
        ZipFile: |
          import cfnresponse
          def handler(event, context):
              data = {"Type": event["ResourceType"], **event["ResourceProperties"]}
              cfnresponse.send(event, context, cfnresponse.SUCCESS, data, "inline-1")
  Thing:
    Type: AWS::CloudFormation::CustomResource
    Properties: {ServiceToken: !GetAtt Function.Arn, Count: 3, Deep: [{Why: true}]}
Outputs: {Ref: {Value: !Ref Thing}, Type: {Value: !GetAtt Thing.Type}, Count: {Value: !GetAtt Thing.Count}}
"""
WAITING = """
Parameters: {Count: {Type: Number, Default: 2}, Timeout: {Type: Number, Default: 30}}
Resources:
  Handle: {Type: AWS::CloudFormation::WaitConditionHandle}
  Wait:
    Type: AWS::CloudFormation::WaitCondition
    Properties: {Handle: !Ref Handle, Timeout: !Ref Timeout, Count: !Ref Count}
Outputs: {Data: {Value: !GetAtt Wait.Data}}
"""


class Provider:
    """A function that makes custom resources, and the requests that it has got."""

    def __init__(self, sandbox: Sandbox) -> None:
        functions, self._sqs = Functions(sandbox), sandbox.client("sqs")
        self._url = self._sqs.create_queue(QueueName="custom-resource-requests")["QueueUrl"]
        sandbox.client("iam").attach_role_policy(
            RoleName=functions.role.rpartition("/")[2], PolicyArn="arn:aws:iam::aws:policy/AmazonSQSFullAccess"
        )
        name = functions.create(PROVIDER, Environment={"Variables": {"QUEUE": self._url}})
        self.token = str(functions.api.get_function(FunctionName=name)["Configuration"]["FunctionArn"])

    def requests(self, stack: str) -> list[Any]:
        """Return what has been asked for a stack's resources, in order; it is forgotten here."""
        found = []
        while messages := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return [request for request in found if request.get("StackId", stack) == stack]


@pytest.fixture(scope="module")
def provider(sandbox: Sandbox) -> Provider:
    return Provider(sandbox)


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox)


def handle(stacks: Stacks, stack: str) -> str:
    """Return the URL of a stack's wait condition handle once it waits."""

    def look() -> str:
        found = {
            r["LogicalResourceId"]: r for r in stacks.api.describe_stack_resources(StackName=stack)["StackResources"]
        }
        return str(found["Handle"].get("PhysicalResourceId", "")) if "Wait" in found else ""

    return eventually(look)


def signal(url: str, **fields: str) -> None:
    """Send a signal as cfn-signal does."""
    assert urllib3.request("PUT", url, body=json.dumps(fields).encode(), headers={"Content-Type": ""}).status == 200


def test_a_request_holds_what_aws_documents_and_the_answer_becomes_attributes(
    stacks: Stacks, provider: Provider
) -> None:
    made = stacks.create(TEMPLATE, {"Token": provider.token, "Size": "large"})
    assert stacks.outputs(made) == {"Ref": "thing", "Size": "large"}
    [request] = provider.requests(made["StackId"])
    assert request.pop("ResponseURL").startswith("http")
    assert request.pop("RequestId")
    properties = request.pop("ResourceProperties")
    assert (properties["Size"], properties["ServiceToken"], properties["ServiceTimeout"]) == (
        "large",
        provider.token,
        "60",
    )
    assert request == {
        "RequestType": "Create",
        "StackId": made["StackId"],
        "LogicalResourceId": "Thing",
        "ResourceType": "Custom::Thing",
        "ServiceToken": provider.token,
    }
    assert stacks.delete(made["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    [request] = provider.requests(made["StackId"])
    assert (request["RequestType"], request["PhysicalResourceId"]) == ("Delete", "thing")
    assert request["ResourceProperties"]["Size"] == "large"


def test_inline_code_answers_with_cfnresponse_and_gets_every_value_as_text(stacks: Stacks) -> None:
    made = stacks.create(INLINE, Capabilities=["CAPABILITY_IAM"])
    kind = "AWS::CloudFormation::CustomResource"
    assert stacks.outputs(made) == {"Ref": "inline-1", "Type": kind, "Count": "3"}
    assert stacks.delete(made["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_an_update_tells_the_former_properties_and_keeps_the_resource(stacks: Stacks, provider: Provider) -> None:
    stack = stacks.create(TEMPLATE, {"Token": provider.token})["StackId"]
    updated = stacks.update(stack, parameters={"Token": provider.token, "Size": "large"})
    assert stacks.outputs(updated)["Size"] == "large"
    create, update = provider.requests(stack)
    assert (create["RequestType"], update["RequestType"], update["PhysicalResourceId"]) == ("Create", "Update", "thing")
    assert (update["OldResourceProperties"]["Size"], update["ResourceProperties"]["Size"]) == ("small", "large")


def test_a_new_physical_id_deletes_the_old_one_in_the_end(stacks: Stacks, provider: Provider) -> None:
    stack = stacks.create(TEMPLATE, {"Token": provider.token, "Id": "first"})["StackId"]
    assert stacks.outputs(stacks.update(stack, parameters={"Token": provider.token, "Id": "second"}))["Ref"] == "second"
    told = [
        (r["RequestType"], r.get("PhysicalResourceId"), r["ResourceProperties"]["Id"]) for r in provider.requests(stack)
    ]
    assert told == [("Create", None, "first"), ("Update", "first", "second"), ("Delete", "first", "first")]
    stacks.delete(stack)
    assert [r["PhysicalResourceId"] for r in provider.requests(stack)] == ["second"]


def test_a_failed_creation_tells_the_reason_and_asks_for_deletion(stacks: Stacks, provider: Provider) -> None:
    made = stacks.create(TEMPLATE, {"Token": provider.token, "Say": "FAILED", "Id": "half"})
    assert made["StackStatus"] == "ROLLBACK_COMPLETE"
    create, delete = provider.requests(made["StackId"])
    expected = "Received response status [FAILED] from custom resource. Message returned: it is Create"
    assert stacks.reason(made["StackId"]) == f"{expected} (RequestId: {create['RequestId']})"
    assert (delete["RequestType"], delete["PhysicalResourceId"]) == ("Delete", "half")


def test_a_failed_update_is_taken_back_by_the_provider(stacks: Stacks, provider: Provider) -> None:
    stack = stacks.create(TEMPLATE, {"Token": provider.token})["StackId"]
    ended = stacks.update(stack, parameters={"Token": provider.token, "Size": "large", "Say": "FAILED"})
    assert ended["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "Message returned: it is Update" in stacks.reason(stack)
    told = [(request["RequestType"], request["ResourceProperties"]["Size"]) for request in provider.requests(stack)]
    assert told == [("Create", "small"), ("Update", "large"), ("Update", "small")]


def test_a_failed_deletion_leaves_the_stack_failed(stacks: Stacks, provider: Provider) -> None:
    stack = stacks.create(TEMPLATE, {"Token": provider.token, "SayDelete": "FAILED"})["StackId"]
    assert stacks.delete(stack)["StackStatus"] == "DELETE_FAILED"
    assert "Message returned: it is Delete" in stacks.reason(stack)


def test_no_answer_in_time_fails(stacks: Stacks, provider: Provider) -> None:
    parameters = {"Token": provider.token, "Timeout": "1", "Say": "nothing", "SayDelete": "SUCCESS"}
    made = stacks.create(TEMPLATE, parameters)
    assert made["StackStatus"] == "ROLLBACK_COMPLETE"
    assert stacks.reason(made["StackId"]).startswith(
        "CloudFormation did not receive a response from your Custom Resource."
    )


def test_an_answer_to_another_request_is_ignored(stacks: Stacks, provider: Provider) -> None:
    made = stacks.create(TEMPLATE, {"Token": provider.token, "Say": "stranger"})
    assert made["StackStatus"] == "CREATE_COMPLETE"


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"Answer": json.dumps({"Data": {"Size": "x" * 4096}})}, "Response object is too long."),
        ({"Say": "garbage"}, "Response is not valid JSON."),
        ({"Answer": json.dumps({"PhysicalResourceId": ""})}, "Invalid PhysicalResourceId"),
        ({"Say": "MAYBE"}, "Invalid Response object: Status 'MAYBE' is not SUCCESS or FAILED."),
    ],
)
def test_an_unusable_answer_fails(stacks: Stacks, provider: Provider, parameters: dict[str, str], reason: str) -> None:
    if "Answer" in parameters and len(parameters["Answer"]) > 4000:  # more than a parameter holds
        template = TEMPLATE.replace("Answer: !Ref Answer", f"Answer: '{parameters['Answer']}'")
        made = stacks.create(template, {"Token": provider.token})
    else:
        made = stacks.create(TEMPLATE, {"Token": provider.token, **parameters})
    ended = "ROLLBACK_FAILED" if "Answer" in parameters else "ROLLBACK_COMPLETE"  # the deletion is answered so too
    assert made["StackStatus"] == ended
    assert stacks.reason(made["StackId"]) == reason


def test_a_token_that_is_no_provider_fails(stacks: Stacks) -> None:
    made = stacks.create(TEMPLATE, {"Token": "arn:aws:lambda:eu-west-1:222222222222:function:elsewhere"})
    assert "it must be the ARN of a Lambda function or an SNS topic in the stack's region" in stacks.reason(
        made["StackId"]
    )
    missing = stacks.create(TEMPLATE, {"Token": "arn:aws:lambda:us-east-1:222222222222:function:missing"})
    assert "Function not found" in stacks.reason(missing["StackId"])


def test_what_was_never_asked_for_is_not_asked_to_be_deleted(stacks: Stacks) -> None:
    made = stacks.create(TEMPLATE, {"Token": "arn:aws:sns:elsewhere:222222222222:topic"})
    assert made["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "Thing" not in {name for name, status, _ in stacks.events(made["StackId"]) if status.startswith("DELETE")}


def test_a_token_can_not_be_changed(stacks: Stacks, provider: Provider) -> None:
    stack = stacks.create(TEMPLATE, {"Token": provider.token})["StackId"]
    ended = stacks.update(stack, parameters={"Token": f"{provider.token}:$LATEST"})
    assert ended["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.reason(stack) == "Modifying service token is not allowed."


def test_data_that_a_provider_keeps_to_itself_is_shown_nowhere_but_used(stacks: Stacks, provider: Provider) -> None:
    head, _, _ = TEMPLATE.partition("Outputs:")
    template = f"""{head}
  User: {{Type: AWS::SSM::Parameter, Properties: {{Type: String, Value: !GetAtt Thing.Size}}}}
Outputs:
  Size: {{Value: !GetAtt Thing.Size}}
  Told: {{Value: !Sub "it is ${{Thing.Size}}", Export: {{Name: !Sub "${{AWS::StackName}}-told"}}}}
"""
    hidden = {"Token": provider.token, "Size": "s3cr3t", "Answer": '{"NoEcho": true}'}
    made = stacks.create(template, hidden)
    assert stacks.outputs(made) == {"Size": "****", "Told": "it is ****"}
    exports = stacks.api.list_exports()["Exports"]
    assert [each["Value"] for each in exports if each["ExportingStackId"] == made["StackId"]] == ["it is ****"]
    events = stacks.api.describe_stack_events(StackName=made["StackId"])["StackEvents"]
    asked = [e["ResourceProperties"] for e in events if e["LogicalResourceId"] == "User" and "ResourceProperties" in e]
    assert asked and not any("s3cr3t" in each for each in asked)
    assert stacks.parameter(stacks.physical(made["StackId"])["User"]) == "s3cr3t"


def test_a_custom_resource_may_state_its_version(stacks: Stacks, provider: Provider) -> None:
    made = stacks.create(
        TEMPLATE.replace("Type: Custom::Thing", 'Type: Custom::Thing\n    Version: "1.0"'), {"Token": provider.token}
    )
    assert made["StackStatus"] == "CREATE_COMPLETE"
    assert "Invalid template resource property 'Version'" in stacks.refusal(
        "Resources: {A: {Type: AWS::SSM::Parameter, Version: 1, Properties: {Type: String, Value: a}}}"
    )


def test_a_topic_hands_requests_to_a_function(sandbox: Sandbox, stacks: Stacks, provider: Provider) -> None:
    sns, functions = sandbox.client("sns"), Functions(sandbox)
    topic = sns.create_topic(Name="custom-resources")["TopicArn"]
    functions.api.add_permission(
        FunctionName=provider.token,
        StatementId="topic",
        Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com",
        SourceArn=topic,
    )
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=provider.token)
    made = stacks.create(TEMPLATE, {"Token": topic, "Size": "told"})
    assert stacks.outputs(made)["Size"] == "told"
    [notice] = [request for request in provider.requests(made["StackId"]) if "Records" in request]
    [record] = notice["Records"]
    assert (record["EventSource"], record["Sns"]["TopicArn"]) == ("aws:sns", topic)
    assert record["Sns"]["Subject"] == "AWS CloudFormation custom resource request"


def test_a_wait_condition_waits_for_its_signals(stacks: Stacks) -> None:
    stack = stacks.start(WAITING)
    url = handle(stacks, stack)
    signal(url, Status="SUCCESS", UniqueId="one", Data="first", Reason="")
    signal(url, Status="SUCCESS", UniqueId="one", Data="again", Reason="")
    assert stacks.api.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS"
    signal(url, Status="SUCCESS", UniqueId="two", Data="second", Reason="")
    made = stacks.ended(stack)
    assert json.loads(stacks.outputs(made)["Data"]) == {"one": "first", "two": "second"}
    assert stacks.delete(stack)["StackStatus"] == "DELETE_COMPLETE"


def test_a_signal_of_failure_fails_the_stack(stacks: Stacks) -> None:
    stack = stacks.start(WAITING)
    signal(handle(stacks, stack), Status="FAILURE", UniqueId="one", Reason="no disk")
    assert stacks.ended(stack)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert stacks.reason(stack) == "WaitCondition received failed message: 'no disk' for uniqueId: one"


def test_a_wait_condition_times_out(stacks: Stacks) -> None:
    made = stacks.create(WAITING, {"Timeout": "1"})
    assert stacks.reason(made["StackId"]) == "WaitCondition timed out. Received 0 conditions when expecting 2"


def test_a_wait_condition_is_not_updated(stacks: Stacks) -> None:
    template = textwrap.dedent(WAITING)
    stack = stacks.start(template, {"Count": "1"})
    signal(handle(stacks, stack), Status="SUCCESS", UniqueId="one", Reason="")
    stacks.ended(stack)
    assert stacks.update(stack, parameters={"Count": "2"})["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.reason(stack) == "Update to resource type AWS::CloudFormation::WaitCondition is not supported."
