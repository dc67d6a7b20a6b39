"""Stacks of models, endpoint configurations and endpoints: deployed, replaced without a gap, and rolled back."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from harness import eventually
from hosting_bench import Serving
from stacks import Stacks
from workbench import Workbench

TEMPLATE = """
Parameters:
  Image: {Type: String}
  Data: {Type: String}
  Role: {Type: String}
  Start: {Type: String, Default: ""}
  Threshold: {Type: Number, Default: 0}
  Bake: {Type: Number, Default: 0}
Resources:
  Model:
    Type: AWS::SageMaker::Model
    Properties:
      ExecutionRoleArn: !Ref Role
      PrimaryContainer: {Image: !Ref Image, ModelDataUrl: !Ref Data, Environment: {START: !Ref Start}}
  Config:
    Type: AWS::SageMaker::EndpointConfig
    Properties:
      ProductionVariants:
        - VariantName: A
          ModelName: !GetAtt Model.ModelName
          InstanceType: ml.m5.large
          InitialInstanceCount: 1
          InitialVariantWeight: 1
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Namespace: AWS/SageMaker
      MetricName: Invocation5XXErrors
      Dimensions: [{Name: EndpointName, Value: !Ref AWS::StackName}, {Name: VariantName, Value: A}]
      Statistic: Sum
      Period: 60
      EvaluationPeriods: 1
      Threshold: !Ref Threshold
      ComparisonOperator: GreaterThanThreshold
      TreatMissingData: notBreaching
  Endpoint:
    Type: AWS::SageMaker::Endpoint
    Properties:
      EndpointName: !Ref AWS::StackName
      EndpointConfigName: !GetAtt Config.EndpointConfigName
      RetainAllVariantProperties: true
      ExcludeRetainedVariantProperties: [{VariantPropertyType: DataCaptureConfig}]
      DeploymentConfig:
        AutoRollbackConfiguration: {Alarms: [{AlarmName: !Ref Alarm}]}
        BlueGreenUpdatePolicy:
          TerminationWaitInSeconds: !Ref Bake
          TrafficRoutingConfiguration: {Type: ALL_AT_ONCE, WaitIntervalInSeconds: 0}
  Target:
    Type: AWS::ApplicationAutoScaling::ScalableTarget
    Properties:
      ServiceNamespace: sagemaker
      ResourceId: !Sub "endpoint/${Endpoint.EndpointName}/variant/A"
      ScalableDimension: sagemaker:variant:DesiredInstanceCount
      MinCapacity: 1
      MaxCapacity: 2
  Scaling:
    Type: AWS::ApplicationAutoScaling::ScalingPolicy
    Properties:
      PolicyName: !Ref AWS::StackName
      PolicyType: TargetTrackingScaling
      ScalingTargetId: !Ref Target
      TargetTrackingScalingPolicyConfiguration:
        TargetValue: 70
        PredefinedMetricSpecification: {PredefinedMetricType: SageMakerVariantInvocationsPerInstance}
Outputs: {Model: {Value: !GetAtt Model.ModelName}, Endpoint: {Value: !Ref Endpoint}}
"""
FAILS = "raise SystemExit('no such thing')"


@pytest.fixture(scope="module")
def serving(bench: Workbench, tmp_path_factory: pytest.TempPathFactory) -> Serving:
    return Serving(bench, tmp_path_factory.mktemp("hosted"))


@pytest.fixture(scope="module")
def stacks(serving: Serving) -> Stacks:
    return Stacks(serving.sandbox)


@pytest.fixture
def name() -> str:
    """A stack's and endpoint's name that no other test uses."""
    return f"hosted-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def parameters(serving: Serving) -> Callable[..., dict[str, str]]:
    """Return the parameters of a stack that serves a model with a text."""

    def given(text: str, **more: str) -> dict[str, str]:
        return {"Image": serving.image, "Data": serving.pack(text), "Role": serving.role, **more}

    return given


def gone(look: Callable[[], Any]) -> bool:
    """Tell whether SageMaker knows of something no more."""
    with pytest.raises(ClientError) as refused:
        look()
    return "Could not find" in refused.value.response["Error"]["Message"]


def test_a_stack_deploys_updates_and_deletes_an_endpoint(
    stacks: Stacks, serving: Serving, name: str, parameters: Callable[..., dict[str, str]]
) -> None:
    made = stacks.create(TEMPLATE, parameters("one"), StackName=name)
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.reason(made["StackId"])
    arn = f"arn:aws:sagemaker:us-east-1:222222222222:endpoint/{name}"
    assert stacks.outputs(made)["Endpoint"] == arn
    assert serving.tell(name)["model"] == "one"
    old = stacks.physical(name)
    updated = stacks.update(name, None, parameters("two"))
    assert updated["StackStatus"] == "UPDATE_COMPLETE", stacks.reason(made["StackId"])
    assert serving.tell(name)["model"] == "two"
    new = stacks.physical(name)
    assert {logical for logical in new if new[logical] != old[logical]} == {"Model", "Config"}
    assert gone(lambda: serving.api.describe_model(ModelName=stacks.outputs(made)["Model"]))
    assert gone(lambda: serving.api.describe_endpoint_config(EndpointConfigName=old["Config"].rpartition("/")[2]))
    events = [event[:2] for event in stacks.latest(made["StackId"])]
    assert events.index(("Endpoint", "UPDATE_COMPLETE")) < events.index(("Config", "DELETE_COMPLETE"))
    assert events.index(("Config", "DELETE_COMPLETE")) < events.index(("Model", "DELETE_COMPLETE"))
    assert stacks.delete(made["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert gone(lambda: serving.api.describe_endpoint(EndpointName=name))


def test_an_update_that_does_not_come_up_leaves_the_old_model_serving(
    stacks: Stacks, serving: Serving, name: str, parameters: Callable[..., dict[str, str]]
) -> None:
    made = stacks.create(TEMPLATE, parameters("one"), StackName=name)
    old = stacks.physical(name)
    ended = stacks.update(name, None, parameters("two", Start=FAILS))
    assert ended["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    found = serving.api.describe_endpoint(EndpointName=name)
    assert found["FailureReason"] in stacks.reason(made["StackId"])
    assert old["Config"].rpartition("/")[2] in stacks.reason(made["StackId"])
    assert (found["EndpointStatus"], serving.tell(name)["model"]) == ("InService", "one")
    assert stacks.physical(name) == old
    assert len(serving.api.list_models(NameContains=name)["Models"]) == 1
    assert len(serving.api.list_endpoint_configs(NameContains=name)["EndpointConfigs"]) == 1
    assert stacks.update(name, None, parameters("three"))["StackStatus"] == "UPDATE_COMPLETE"
    assert serving.tell(name)["model"] == "three"


def test_an_alarm_that_goes_off_takes_the_update_back(
    stacks: Stacks, serving: Serving, name: str, parameters: Callable[..., dict[str, str]]
) -> None:
    made = stacks.create(TEMPLATE, parameters("one", Bake="20"), StackName=name)
    alarm = stacks.physical(name)["Alarm"]
    stacks.start_update(name, None, parameters("two", Bake="20"))

    def set_off() -> bool:
        """Keep the alarm on, which else goes out by itself; tell whether the update is on its way no more."""
        serving.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="told to")
        return stacks.api.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] != "UPDATE_IN_PROGRESS"

    eventually(set_off)
    assert stacks.ended(made["StackId"])["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert alarm in stacks.reason(made["StackId"])
    assert serving.tell(name)["model"] == "one"


def test_an_endpoint_that_does_not_come_up_leaves_nothing_behind(
    stacks: Stacks, serving: Serving, name: str, parameters: Callable[..., dict[str, str]]
) -> None:
    made = stacks.create(TEMPLATE, parameters("one", Start=FAILS), StackName=name)
    assert made["StackStatus"] == "ROLLBACK_COMPLETE"
    assert f"The endpoint {name} is Failed: " in stacks.reason(made["StackId"])
    assert gone(lambda: serving.api.describe_endpoint(EndpointName=name))
    assert serving.api.list_models(NameContains=name)["Models"] == []


def test_how_to_update_changes_nothing_by_itself(
    stacks: Stacks, serving: Serving, name: str, parameters: Callable[..., dict[str, str]]
) -> None:
    given = parameters("one")
    stacks.create(TEMPLATE, given, StackName=name)
    before = serving.tell(name)["pid"]
    assert stacks.update(name, None, {**given, "Bake": "1"})["StackStatus"] == "UPDATE_COMPLETE"
    assert serving.tell(name)["pid"] == before


def test_tags_of_what_is_hosted_are_changed_in_place(
    stacks: Stacks, serving: Serving, name: str, parameters: Callable[..., dict[str, str]]
) -> None:
    given = parameters("one")
    stacks.create(TEMPLATE, given, StackName=name)
    old = stacks.physical(name)
    tags = [{"Key": "team", "Value": "ml"}]
    assert stacks.update(name, None, given, Tags=tags)["StackStatus"] == "UPDATE_COMPLETE", stacks.reason(name)
    assert stacks.physical(name) == old
    for logical in ("Model", "Config", "Endpoint"):
        assert serving.api.list_tags(ResourceArn=old[logical])["Tags"] == tags
    scaling = serving.sandbox.client("application-autoscaling")
    [target] = scaling.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[f"endpoint/{name}/variant/A"]
    )["ScalableTargets"]
    assert scaling.list_tags_for_resource(ResourceARN=target["ScalableTargetARN"])["Tags"] == {"team": "ml"}
