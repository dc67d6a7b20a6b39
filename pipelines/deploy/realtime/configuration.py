"""CloudFormation template configurations: what the endpoint's stack is given in each stage."""

from pipelines.deploy.realtime.settings import RenderSettings
from pipelines.deploy.realtime.stage import STARTING_SECONDS, Gradual, Stage

Configuration = dict[str, dict[str, str]]


def configuration(stage: Stage, project: RenderSettings, model_package_arn: str) -> Configuration:
    """Parameters and tags of the stack; CodePipeline takes texts alone.

    The model is no tag: CloudFormation puts a stack's tags on all that is in it, so a new model would touch it all.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/continuous-delivery-codepipeline-cfn-artifacts.html
    """
    values = {
        "EndpointName": project.model_package_group_name,
        "ModelProjectId": project.model_project_id,
        "ModelPackageArn": model_package_arn,
        "InstanceType": stage.instance_type,
        "InstanceCount": stage.instance_count,
        "DataCapturePercent": stage.data_capture_percent,
        "KmsKeyId": stage.kms_key or f"alias/sagemaker-{project.model_project_id}",
        "AlarmErrorCount": stage.alarms.error_count,
        "AlarmLatencyMicroseconds": stage.alarms.model_latency_ms * 1000,
        **_autoscaling(stage),
        **_vpc(stage),
        **_rollout(stage),
    }
    return {"Parameters": {name: str(value) for name, value in values.items()}, "Tags": {**stage.tags, **project.tags}}


def _autoscaling(stage: Stage) -> dict[str, int]:
    scaling = stage.autoscaling
    return {
        "AutoscalingMinInstances": scaling.min if scaling else 0,
        "AutoscalingMaxInstances": scaling.max if scaling else 0,
        "AutoscalingInvocations": scaling.invocations_per_instance if scaling else 0,
    }


def _vpc(stage: Stage) -> dict[str, str]:
    return {
        "SubnetIds": ",".join(stage.vpc.subnet_ids if stage.vpc else ()),
        "SecurityGroupIds": ",".join(stage.vpc.security_group_ids if stage.vpc else ()),
    }


def _rollout(stage: Stage) -> dict[str, str | int]:
    rollout = stage.rollout
    # Without steps, the template does not read these two; a parameter must have a value all the same.
    steps = (rollout.step_percent, rollout.wait_seconds) if isinstance(rollout, Gradual) else (50, 0)
    return {
        "RolloutType": rollout.type.upper(),
        "RolloutPercent": steps[0],
        "RolloutWaitSeconds": steps[1],
        "RolloutBakeSeconds": rollout.bake_seconds,
        "RolloutTimeoutSeconds": rollout.waits + STARTING_SECONDS,
    }
