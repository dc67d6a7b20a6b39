"""Roles and connections that a call hands to a service: its caller needs iam:PassRole, or PassConnection, for each.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
"""

from __future__ import annotations

from collections.abc import Iterator

from smproject.sandbox.permissions.asked import Asked

ACTION = "iam:PassRole"
_CLOUDFORMATION = (
    *("ContinueUpdateRollback", "CreateChangeSet", "CreateStack", "DeleteStack", "RollbackStack", "UpdateStack"),
)
_SAGEMAKER = (
    *("{RoleArn}", "{ExecutionRoleArn}", "{DefaultUserSettings.ExecutionRole}", "{UserSettings.ExecutionRole}"),
    *("{DefaultSpaceSettings.ExecutionRole}", "{TrainingJobDefinition.RoleArn}", "{InferenceExecutionConfig.RoleArn}"),
    *("{TrainingJobDefinitions[].RoleArn}", "{MonitoringScheduleConfig.MonitoringJobDefinition.RoleArn}"),
)
# Operations by IAM's prefix, the members that name roles, and the service that gets them; `*` is every operation that
# makes or changes something.
_PASSES: dict[tuple[str, str], tuple[tuple[str, ...], str]] = {
    ("application-autoscaling", "RegisterScalableTarget"): (("{RoleARN}",), "application-autoscaling"),
    ("apigateway", "*"): (("{credentials}",), "apigateway"),
    ("autoscaling", "PutLifecycleHook"): (("{RoleARN}",), "autoscaling"),
    ("batch", "*"): (("{jobRoleArn}", "{containerProperties.jobRoleArn}"), "ecs-tasks"),
    ("budgets", "CreateBudgetAction"): (("{ExecutionRoleArn}",), "budgets"),
    **{("cloudformation", name): (("{RoleARN}",), "cloudformation") for name in _CLOUDFORMATION},
    ("cloudformation", "CreateStackSet"): (("{AdministrationRoleARN}",), "cloudformation"),
    ("cloudformation", "UpdateStackSet"): (("{AdministrationRoleARN}",), "cloudformation"),
    ("codebuild", "CreateProject"): (("{serviceRole}", "{buildBatchConfig.serviceRole}"), "codebuild"),
    ("codebuild", "UpdateProject"): (("{serviceRole}", "{buildBatchConfig.serviceRole}"), "codebuild"),
    ("codebuild", "StartBuild"): (("{serviceRoleOverride}",), "codebuild"),
    ("codepipeline", "CreatePipeline"): (("{pipeline.roleArn}",), "codepipeline"),
    ("codepipeline", "UpdatePipeline"): (("{pipeline.roleArn}",), "codepipeline"),
    ("config", "PutConfigurationRecorder"): (("{ConfigurationRecorder.roleARN}",), "config"),
    ("ecs", "RegisterTaskDefinition"): (("{taskRoleArn}", "{executionRoleArn}"), "ecs-tasks"),
    ("events", "PutRule"): (("{RoleArn}",), "events"),
    ("events", "PutTargets"): (("{Targets[].RoleArn}",), "events"),
    ("firehose", "CreateDeliveryStream"): (("{ExtendedS3DestinationConfiguration.RoleARN}",), "firehose"),
    ("glue", "CreateCrawler"): (("{Role}",), "glue"),
    ("glue", "CreateJob"): (("{Role}",), "glue"),
    ("glue", "UpdateJob"): (("{JobUpdate.Role}",), "glue"),
    ("lakeformation", "RegisterResource"): (("{RoleArn}",), "lakeformation"),
    ("lambda", "CreateFunction"): (("{Role}",), "lambda"),
    ("lambda", "UpdateFunctionConfiguration"): (("{Role}",), "lambda"),
    ("logs", "PutDestination"): (("{roleArn}",), "logs"),
    ("logs", "PutSubscriptionFilter"): (("{roleArn}",), "logs"),
    ("sagemaker", "*"): (_SAGEMAKER, "sagemaker"),
    ("scheduler", "CreateSchedule"): (("{Target.RoleArn}",), "scheduler"),
    ("scheduler", "UpdateSchedule"): (("{Target.RoleArn}",), "scheduler"),
    ("states", "CreateStateMachine"): (("{roleArn}",), "states"),
    ("states", "UpdateStateMachine"): (("{roleArn}",), "states"),
}
_CONNECTIONS = {
    ("codepipeline", operation): "{pipeline.stages[].actions[].configuration.ConnectionArn}"
    for operation in ("CreatePipeline", "UpdatePipeline")
}
_CHANGES = ("Create", "Update", "Put", "Start", "Register")


def passed(asked: Asked) -> Iterator[tuple[str, str]]:
    """Yield the ARN of each role that a call hands on, with the service that gets it."""
    everything = asked.operation.startswith(_CHANGES) and (asked.prefix, "*")
    found = _PASSES.get((asked.prefix, asked.operation)) or (_PASSES.get(everything) if everything else None)
    if found is None:
        return
    templates, service = found
    for template in templates:
        for arn in dict.fromkeys(asked.values(template)):
            if ":role/" in arn:
                yield arn, f"{service}.amazonaws.com"


def connections(asked: Asked) -> Iterator[tuple[str, str]]:
    """Yield the ARN of each connection that a call hands on, with the service that gets it.

    https://docs.aws.amazon.com/dtconsole/latest/userguide/security-iam.html#permissions-reference-connections-passconnection
    """
    if template := _CONNECTIONS.get((asked.prefix, asked.operation)):
        for arn in dict.fromkeys(asked.values(template)):
            if ":connection/" in arn:
                yield arn, f"{asked.prefix}.amazonaws.com"
