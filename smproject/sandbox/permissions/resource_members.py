"""Which members of a request name a resource, where neither the member's name nor an ARN in it tells.

By the prefix of IAM's actions and the kind of resource. The holes of a text are members, as `Asked.values` reads them;
the first text whose members the request has counts.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

MEMBERS: dict[str, dict[str, tuple[str, ...]]] = {
    "application-autoscaling": {"scalabletarget": ("{ResourceARN}",)},
    "cloudformation": {"stackset": ("stackset/{StackSetName}:*",), "stackset-target": ()},
    "cloudwatch": {"alarm": ("{AlarmNames[]}", "{AlarmName}", "{ResourceARN}")},
    "codebuild": {
        "project": (
            "{projectName}",
            "{names[]}",
            "{name}",
            "{ids[]}",
            "{id}",
            "{projectArn}",
            "{arn}",
            "{resourceArn}",
        ),
        "reportgroup": (
            *("{reportGroupArns[]}", "{reportGroupArn}", "{reportArns[]}", "{reportArn}", "{names[]}", "{name}"),
            *("{arn}", "{resourceArn}"),
        ),
    },
    "codecommit": {
        "repository": (
            "{repositoryName}",
            "{repositoryNames[]}",
            "{resourceArn}",
            "{oldName}",
            "{targets[].repositoryName}",
        )
    },
    "codepipeline": {
        "action": ("{pipelineName}/{stageName}/{actionName}",),
        "pipeline": ("{pipeline.name}", "{pipelineName}", "{name}", "{resourceArn}", "{filter.pipelineName}"),
        "stage": ("{pipelineName}/{stageName}",),
    },
    "ecr": {"repository": ("{repositoryName}", "{repositoryNames[]}", "{resourceArn}")},
    "events": {
        "eventbus": ("{Entries[].EventBusName}", "{EventBusName}", "{EventSourceArn}", "{ResourceARN}"),
    },
    "glue": {
        "catalog": (),
        "database": ("{DatabaseName}", "{DatabaseInput.Name}", "{Name}"),
        "rootcatalog": ("catalog",),
        "table": ("{DatabaseName}/{TableName}", "{DatabaseName}/{TableInput.Name}", "{DatabaseName}/{Name}"),
    },
    "lambda": {
        "eventsourcemapping": ("{UUID}", "{Resource}"),
        "function": ("{FunctionName}", "{Resource}", "{ResourceArn}"),
        "layer": ("{LayerName}",),
        "layerversion": ("{LayerName}:{VersionNumber}", "{Arn}"),
    },
    "organizations": {"account": ("*/{AccountId}", "*/{TargetId}"), "policy": ("*/*/{PolicyId}",)},
    "sagemaker": {
        "app": (
            "{DomainId}/{UserProfileName}/{AppType}/{AppName}",
            "{DomainId}/{SpaceName}/{AppType}/{AppName}",
            "{ResourceArn}",
        ),
        "dataqualityjobdefinition": ("{JobDefinitionName}", "{ResourceArn}"),
        "domain": ("{DomainId}", "{ResourceArn}"),
        "experimenttrial": ("{TrialName}", "{ResourceArn}"),
        "experimenttrialcomponent": ("{TrialComponentName}", "{ResourceArn}"),
        "imageversion": ("{ImageName}/{Version}", "{ResourceArn}"),
        "inferencerecommendationsjob": ("{JobName}", "{ResourceArn}"),
        "mlflowtrackingserver": ("{TrackingServerName}", "{ResourceArn}"),
        "modelbiasjobdefinition": ("{JobDefinitionName}", "{ResourceArn}"),
        "modelexplainabilityjobdefinition": ("{JobDefinitionName}", "{ResourceArn}"),
        "modelpackage": ("{ModelPackageName}", "{ModelPackageArn}", "{ModelPackageArnList[]}", "{ResourceArn}"),
        "modelqualityjobdefinition": ("{JobDefinitionName}", "{ResourceArn}"),
        "pipelineexecution": ("{PipelineExecutionArn}", "{ResourceArn}"),
        "space": ("{DomainId}/{SpaceName}", "{ResourceIdentifier}", "{ResourceArn}"),
        "userprofile": ("{DomainId}/{UserProfileName}", "{ResourceArn}"),
    },
    "scheduler": {
        "schedule": ("{GroupName}/{Name}", "default/{Name}"),
        "schedulegroup": ("{ScheduleGroupName}", "{Name}", "{ResourceArn}"),
    },
    "servicecatalog": {
        "portfolio": ("{PortfolioId}", "{Id}"),
        "product": ("{ProductId}", "{Id}", "{SourceProductArn}"),
    },
    "sns": {"topic": ("{TopicArn}", "{TargetArn}", "{ResourceArn}", "{SubscriptionArn}", "{Name}")},
    "sqs": {"queue": ("{QueueUrl}", "{QueueName}", "{SourceArn}")},
    "ssm": {"parameter": ("{Names[]}", "{Name}", "{Path}", "{ResourceId}")},
    "states": {
        "statemachine": (
            *("{stateMachineArn}", "{stateMachineVersionArn}", "{stateMachineAliasArn}", "{resourceArn}", "{name}"),
        )
    },
}
