"""CloudFormation template configurations: what the stack that scores is given in each stage."""

from pipelines.deploy.batch.settings import BatchSettings
from pipelines.deploy.batch.stage import Stage

Configuration = dict[str, dict[str, str]]
NAMES = {"line": "Line", "none": "None", "multi_record": "MultiRecord", "single_record": "SingleRecord"}


def configuration(stage: Stage, project: BatchSettings, model_package_arn: str) -> Configuration:
    """Parameters and tags of the stack; CodePipeline takes texts alone."""
    records, schedule = stage.records, stage.schedule
    values = {
        "Owner": project.owner,
        "ModelPackageArn": model_package_arn,
        "InstanceType": stage.instance_type,
        "InstanceCount": stage.instance_count,
        "OnNewData": "ENABLED" if stage.on_new_data else "DISABLED",
        "ScheduleExpression": schedule.expression if schedule else "",
        "ScheduleTimezone": schedule.timezone if schedule else "UTC",
        "ContentType": records.content_type,
        "Accept": records.accept or records.content_type,
        "SplitType": NAMES[records.split],
        "BatchStrategy": NAMES[records.strategy],
        "MaxPayloadInMB": records.max_payload_mb,
        "MaxConcurrentTransforms": records.max_concurrent,
        "InputFilter": records.input_filter,
        "JoinSource": "Input" if records.join_input else "None",
        "OutputFilter": records.output_filter,
    }
    return {"Parameters": {name: str(value) for name, value in values.items()}, "Tags": {**stage.tags, **project.tags}}
