"""Condition keys of single services that tell what a request wants.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

from smproject.sandbox.permissions import tagging
from smproject.sandbox.permissions.asked import Asked
from smproject.sandbox.permissions.request import Found

# By the prefix of IAM's actions: each key's members, as `Asked.values` reads them; `several` hold any number of values.
_MEMBERS: dict[str, dict[str, tuple[str, ...]]] = {
    "application-autoscaling": {
        "scalable-dimension": ("{ScalableDimension}",),
        "service-namespace": ("{ServiceNamespace}",),
    },
    "cloudformation": {
        "ChangeSetName": ("{ChangeSetName}",),
        "RoleArn": ("{RoleARN}",),
        "StackPolicyUrl": ("{StackPolicyURL}",),
        "TemplateUrl": ("{TemplateURL}",),
    },
    "cloudwatch": {"namespace": ("{Namespace}", "{namespace}")},
    "iam": {
        "AWSServiceName": ("{AWSServiceName}",),
        "PermissionsBoundary": ("{PermissionsBoundary}",),
        "PolicyARN": ("{PolicyArn}",),
    },
    "kms": {
        "EncryptionAlgorithm": ("{EncryptionAlgorithm}",),
        "GranteePrincipal": ("{GranteePrincipal}",),
        "KeySpec": ("{KeySpec}",),
        "KeyUsage": ("{KeyUsage}",),
        "RequestAlias": ("{KeyId}",),
        "RetiringPrincipal": ("{RetiringPrincipal}",),
        "ScheduleKeyDeletionPendingWindowInDays": ("{PendingWindowInDays}",),
    },
    "lambda": {
        "FunctionUrlAuthType": ("{FunctionUrlAuthType}", "{AuthType}"),
        "Principal": ("{Principal}",),
    },
    "sagemaker": {
        "MaxRuntimeInSeconds": ("{StoppingCondition.MaxRuntimeInSeconds}",),
        "ModelApprovalStatus": ("{ModelApprovalStatus}",),
        "NetworkIsolation": ("{EnableNetworkIsolation}", "{NetworkConfig.EnableNetworkIsolation}"),
        "OutputKmsKey": ("{OutputDataConfig.KmsKeyId}", "{ProcessingOutputConfig.KmsKeyId}"),
        "PipelineVersionId": ("{PipelineVersionId}",),
        "RootAccess": ("{RootAccess}",),
        "SpaceSharingType": ("{SpaceSharingSettings.SharingType}",),
        "TargetModel": ("{TargetModel}",),
        "VolumeKmsKey": (
            *("{ResourceConfig.VolumeKmsKeyId}", "{ProcessingResources.ClusterConfig.VolumeKmsKeyId}", "{KmsKeyId}"),
        ),
    },
    "secretsmanager": {"Name": ("{Name}",), "SecretId": ("{SecretId}",)},
    "sns": {"Endpoint": ("{Endpoint}",), "Protocol": ("{Protocol}",)},
    "ssm": {"Overwrite": ("{Overwrite}",)},
}
_SEVERAL: dict[str, dict[str, tuple[str, ...]]] = {
    "cloudformation": {"ResourceTypes": ("{ResourceTypes[]}",)},
    "codecommit": {"References": ("refs/heads/{branchName}", "refs/heads/{destinationReference}")},
    "events": {
        "TargetArn": ("{Targets[].Arn}",),
        "detail-type": ("{Entries[].DetailType}",),
        "source": ("{Entries[].Source}",),
    },
    "kms": {"GrantOperations": ("{Operations[]}",)},
    "sagemaker": {
        "InstanceTypes": (
            *("{ResourceConfig.InstanceType}", "{ProcessingResources.ClusterConfig.InstanceType}"),
            *("{TransformResources.InstanceType}", "{ProductionVariants[].InstanceType}", "{InstanceType}"),
            "{ResourceSpec.InstanceType}",
        ),
        "VpcSecurityGroupIds": ("{VpcConfig.SecurityGroupIds[]}", "{NetworkConfig.VpcConfig.SecurityGroupIds[]}"),
        "VpcSubnets": ("{VpcConfig.Subnets[]}", "{NetworkConfig.VpcConfig.Subnets[]}"),
    },
}


def of(asked: Asked) -> dict[str, Found]:
    """Return the keys that a request has: each is looked up when a policy asks for it."""
    prefix = asked.prefix
    single = {f"{prefix}:{key}": _one(asked, texts) for key, texts in _MEMBERS.get(prefix, {}).items()}
    several = {f"{prefix}:{key}": _all(asked, texts) for key, texts in _SEVERAL.get(prefix, {}).items()}
    more = {"kms": _of_kms, "sagemaker": _of_sagemaker}.get(prefix)
    return {**single, **several, **(more(asked) if more else {})}


def _one(asked: Asked, templates: tuple[str, ...]) -> Found:
    return lambda: next((_text(found[0]) for template in templates if (found := asked.values(template))), None)


def _all(asked: Asked, templates: tuple[str, ...]) -> Found:
    return lambda: next((tuple(found) for template in templates if (found := asked.values(template))), None)


def _text(value: str) -> str:
    """Return a value as policies write it."""
    return value.lower() if value in {"True", "False"} else value


def _of_kms(asked: Asked) -> dict[str, Found]:
    """Return the keys of KMS that no member tells, of a call that no other service makes.

    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
    """
    pairs = asked.members.get("EncryptionContext") or {}
    context = {str(name): str(value) for name, value in pairs.items()} if isinstance(pairs, dict) else {}
    return {
        "kms:CallerAccount": asked.account,
        "kms:GrantIsForAWSResource": "false",
        **{f"kms:EncryptionContext:{name}": value for name, value in context.items()},
        **({"kms:EncryptionContextKeys": tuple(context)} if context else {}),
    }


def _of_sagemaker(asked: Asked) -> dict[str, Found]:
    """Return the key that tells which creation brings the tags that are added.

    https://docs.aws.amazon.com/sagemaker/latest/dg/security_iam_id-based-policy-examples.html
    """
    return {"sagemaker:TaggingAction": lambda: asked.operation if tagging.setter(asked) else None}
