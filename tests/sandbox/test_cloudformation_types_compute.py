"""Types of Lambda, Scheduler, Step Functions and API Gateway in stacks: made, changed in place, deleted."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from functions import Functions, archive
from harness import Sandbox
from stacks import Stacks

ROLE = """
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}]
"""
FUNCTION = f"""
Parameters: {{Say: {{Type: String, Default: one}}, Seconds: {{Type: Number, Default: 5}}}}
Resources:
{ROLE}
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      Role: !GetAtt Role.Arn
      Timeout: !Ref Seconds
      Environment: {{Variables: {{SAY: !Ref Say}}}}
      ReservedConcurrentExecutions: 3
      Tags: [{{Key: say, Value: !Ref Say}}]
      Code:
        ZipFile: !Sub |
          import os
          def handler(event, context):
              return ["${{Say}}", os.environ["SAY"]]
  Version: {{Type: AWS::Lambda::Version, Properties: {{FunctionName: !Ref Function, Description: !Ref Say}}}}
  Alias:
    Type: AWS::Lambda::Alias
    Properties: {{FunctionName: !Ref Function, FunctionVersion: !GetAtt Version.Version, Name: live}}
  Permission:
    Type: AWS::Lambda::Permission
    Properties: {{FunctionName: !Ref Alias, Action: "lambda:InvokeFunction", Principal: events.amazonaws.com}}
  Retries:
    Type: AWS::Lambda::EventInvokeConfig
    Properties: {{FunctionName: !Ref Function, Qualifier: $LATEST, MaximumRetryAttempts: 1}}
Outputs:
  Name: {{Value: !Ref Function}}
  Arn: {{Value: !GetAtt Function.Arn}}
  Alias: {{Value: !Ref Alias}}
  Version: {{Value: !GetAtt Version.Version}}
  VersionArn: {{Value: !Ref Version}}
"""
LAYER = f"""
Parameters: {{Bucket: {{Type: String}}}}
Resources:
{ROLE}
  Layer:
    Type: AWS::Lambda::LayerVersion
    Properties: {{Content: {{S3Bucket: !Ref Bucket, S3Key: layer.zip}}, CompatibleRuntimes: [python3.12]}}
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.12
      Handler: main.handler
      Role: !GetAtt Role.Arn
      Layers: [!Ref Layer]
      Code: {{S3Bucket: !Ref Bucket, S3Key: code.zip}}
Outputs: {{Name: {{Value: !Ref Function}}, Layer: {{Value: !Ref Layer}}}}
"""
SCHEDULE = """
Parameters: {Rate: {Type: String, Default: rate(1 hour)}, State: {Type: String, Default: ENABLED}}
Resources:
  Group: {Type: AWS::Scheduler::ScheduleGroup, Properties: {Tags: [{Key: rate, Value: !Ref Rate}]}}
  Schedule:
    Type: AWS::Scheduler::Schedule
    Properties:
      GroupName: !Ref Group
      ScheduleExpression: !Ref Rate
      State: !Ref State
      FlexibleTimeWindow: {Mode: "OFF"}
      Target: {Arn: "arn:aws:sqs:us-east-1:222222222222:queue", RoleArn: "arn:aws:iam::222222222222:role/Scheduler"}
Outputs: {Group: {Value: !Ref Group}, Name: {Value: !Ref Schedule}, Arn: {Value: !GetAtt Schedule.Arn}}
"""
MACHINE = """
Parameters: {Result: {Type: String, Default: one}}
Resources:
  Machine:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      RoleArn: arn:aws:iam::222222222222:role/Machine
      DefinitionString: '{"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": "${Result}", "End": true}}}'
      DefinitionSubstitutions: {Result: !Ref Result}
      Tags: [{Key: result, Value: !Ref Result}]
Outputs: {Arn: {Value: !Ref Machine}, Name: {Value: !GetAtt Machine.Name}}
"""
HTTP = """
Parameters: {Description: {Type: String, Default: one}}
Resources:
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: !Ref AWS::StackName, ProtocolType: HTTP, Description: !Ref Description}
  Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: HTTP_PROXY
      IntegrationMethod: GET
      IntegrationUri: https://example.com
      Description: !Ref Description
      PayloadFormatVersion: "1.0"
  Route:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: GET /, Target: !Sub "integrations/${Integration}"}
  Authorizer:
    Type: AWS::ApiGatewayV2::Authorizer
    Properties:
      ApiId: !Ref Api
      AuthorizerType: JWT
      Name: !Ref Description
      IdentitySource: [$request.header.Authorization]
      JwtConfiguration: {Audience: [me], Issuer: "https://example.com"}
  Stage: {Type: AWS::ApiGatewayV2::Stage, Properties: {ApiId: !Ref Api, StageName: live, AutoDeploy: true}}
Outputs:
  Api: {Value: !Ref Api}
  Endpoint: {Value: !GetAtt Api.ApiEndpoint}
  Integration: {Value: !Ref Integration}
  Route: {Value: !Ref Route}
  Stage: {Value: !Ref Stage}
"""
REST = """
Parameters: {Description: {Type: String, Default: one}}
Resources:
  Api: {Type: AWS::ApiGateway::RestApi, Properties: {Name: !Ref AWS::StackName, Description: !Ref Description}}
  Path:
    Type: AWS::ApiGateway::Resource
    Properties: {RestApiId: !Ref Api, ParentId: !GetAtt Api.RootResourceId, PathPart: things}
  Method:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Api
      ResourceId: !Ref Path
      HttpMethod: GET
      AuthorizationType: NONE
      OperationName: !Ref Description
      MethodResponses: [{StatusCode: 200}]
      Integration: {Type: MOCK, IntegrationResponses: [{StatusCode: 200}]}
  Deployment: {Type: AWS::ApiGateway::Deployment, DependsOn: Method, Properties: {RestApiId: !Ref Api}}
  Stage:
    Type: AWS::ApiGateway::Stage
    Properties:
      RestApiId: !Ref Api
      DeploymentId: !Ref Deployment
      StageName: live
      Description: !Ref Description
      Variables: {say: !Ref Description}
Outputs: {Api: {Value: !Ref Api}, Path: {Value: !Ref Path}, Stage: {Value: !Ref Stage}}
"""
IAM: Any = {"Capabilities": ["CAPABILITY_IAM"]}


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox)


@pytest.fixture(scope="module")
def functions(sandbox: Sandbox) -> Functions:
    return Functions(sandbox)


def made(stacks: Stacks, template: str, **options: Any) -> tuple[str, dict[str, str]]:
    """Make a stack; return its id and outputs."""
    stack = stacks.create(template, **options)
    assert stack["StackStatus"] == "CREATE_COMPLETE", stacks.reason(stack["StackId"])
    return stack["StackId"], stacks.outputs(stack)


def changed(stacks: Stacks, stack: str, **parameters: str) -> dict[str, str]:
    """Update a stack's parameters; return its outputs."""
    ended = stacks.update(stack, parameters=parameters, **IAM)
    assert ended["StackStatus"] == "UPDATE_COMPLETE", stacks.reason(stack)
    return stacks.outputs(ended)


def deleted(stacks: Stacks, stack: str) -> None:
    assert stacks.delete(stack)["StackStatus"] == "DELETE_COMPLETE"


def test_a_function_with_version_alias_and_permission(stacks: Stacks, functions: Functions) -> None:
    stack, found = made(stacks, FUNCTION, **IAM)
    api, name = functions.api, found["Name"]
    assert functions.call(found["Alias"]) == functions.call(name) == ["one", "one"]
    assert found["VersionArn"] == f"{found['Arn']}:{found['Version']}"
    policy = json.loads(api.get_policy(FunctionName=name, Qualifier="live")["Policy"])
    assert [s["Principal"] for s in policy["Statement"]] == [{"Service": "events.amazonaws.com"}]
    assert api.get_function_event_invoke_config(FunctionName=name, Qualifier="$LATEST")["MaximumRetryAttempts"] == 1
    after = changed(stacks, stack, Say="two", Seconds="9")
    assert after["Name"] == name
    assert functions.call(found["Alias"]) == functions.call(name) == ["two", "two"]
    described = api.get_function(FunctionName=name)
    assert (described["Configuration"]["Timeout"], described["Tags"]["say"]) == (9, "two")
    assert described["Concurrency"] == {"ReservedConcurrentExecutions": 3}
    deleted(stacks, stack)
    with pytest.raises(ClientError, match="Function not found"):
        api.get_function(FunctionName=name)


def test_a_function_with_a_layer_and_code_in_s3(sandbox: Sandbox, stacks: Stacks, functions: Functions) -> None:
    s3, bucket = sandbox.client("s3"), f"code-{uuid.uuid4()}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="layer.zip", Body=archive(python___shared__py="VALUE = 'layer'"))
    code = archive(main__py="import shared\ndef handler(e, c):\n    return shared.VALUE")
    s3.put_object(Bucket=bucket, Key="code.zip", Body=code)
    stack, found = made(stacks, LAYER, parameters={"Bucket": bucket}, **IAM)
    assert functions.call(found["Name"]) == "layer"
    deleted(stacks, stack)
    with pytest.raises(ClientError, match="does not exist"):
        functions.api.get_layer_version_by_arn(Arn=found["Layer"])


def test_a_property_that_is_not_executed_fails(stacks: Stacks) -> None:
    template = FUNCTION.replace("      Timeout: !Ref Seconds", "      RecursiveLoop: Allow")
    ended = stacks.create(template, **IAM)
    assert stacks.reason(ended["StackId"]) == "The sandbox does not execute the property RecursiveLoop."


def test_schedules_are_kept(sandbox: Sandbox, stacks: Stacks) -> None:
    stack, found = made(stacks, SCHEDULE)
    scheduler, place = sandbox.client("scheduler"), {"GroupName": found["Group"], "Name": found["Name"]}
    assert scheduler.get_schedule(**place)["Arn"] == found["Arn"]
    changed(stacks, stack, Rate="rate(2 hours)", State="DISABLED")
    described = scheduler.get_schedule(**place)
    assert (described["ScheduleExpression"], described["State"]) == ("rate(2 hours)", "DISABLED")
    group = scheduler.get_schedule_group(Name=found["Group"])["Arn"]
    tags = scheduler.list_tags_for_resource(ResourceArn=group)["Tags"]
    assert {"Key": "rate", "Value": "rate(2 hours)"} in tags
    deleted(stacks, stack)
    with pytest.raises(ClientError):
        scheduler.get_schedule(**place)


def test_state_machines_are_kept_but_not_executed(sandbox: Sandbox, stacks: Stacks) -> None:
    stack, found = made(stacks, MACHINE)
    states, arn = sandbox.client("stepfunctions"), found["Arn"]
    assert states.describe_state_machine(stateMachineArn=arn)["name"] == found["Name"]
    changed(stacks, stack, Result="two")
    described = json.loads(states.describe_state_machine(stateMachineArn=arn)["definition"])
    assert described["States"]["A"]["Result"] == "two"
    assert {"key": "result", "value": "two"} in states.list_tags_for_resource(resourceArn=arn)["tags"]
    with pytest.raises(ClientError, match="does not implement states:StartExecution"):
        states.start_execution(stateMachineArn=arn)
    deleted(stacks, stack)
    assert arn not in [machine["stateMachineArn"] for machine in states.list_state_machines()["stateMachines"]]


def test_http_apis_are_kept(sandbox: Sandbox, stacks: Stacks) -> None:
    stack, found = made(stacks, HTTP)
    api, place = sandbox.client("apigatewayv2"), {"ApiId": found["Api"]}
    assert api.get_api(**place)["ApiEndpoint"] == found["Endpoint"]
    assert api.get_route(**place, RouteId=found["Route"])["Target"] == f"integrations/{found['Integration']}"
    assert changed(stacks, stack, Description="two") == found
    assert api.get_api(**place)["Description"] == "two"
    assert api.get_integration(**place, IntegrationId=found["Integration"])["Description"] == "two"
    assert api.get_stage(**place, StageName=found["Stage"])["AutoDeploy"] is True
    deleted(stacks, stack)
    with pytest.raises(ClientError):
        api.get_api(**place)


def test_rest_apis_are_kept(sandbox: Sandbox, stacks: Stacks) -> None:
    stack, found = made(stacks, REST)
    api, place = sandbox.client("apigateway"), {"restApiId": found["Api"]}
    assert api.get_resource(**place, resourceId=found["Path"])["path"] == "/things"
    assert changed(stacks, stack, Description="two") == found
    assert api.get_rest_api(**place)["description"] == "two"
    assert api.get_method(**place, resourceId=found["Path"], httpMethod="GET")["operationName"] == "two"
    stage = api.get_stage(**place, stageName="live")
    assert (stage["description"], stage["variables"]) == ("two", {"say": "two"})
    deleted(stacks, stack)
    with pytest.raises(ClientError):
        api.get_rest_api(**place)
