"""The account of the models: the pipeline's own, or another, whose project lends a role."""

from typing import Any

import boto3

from pipelines.deploy.realtime.settings import RenderSettings


def models_session(project: RenderSettings, own: Any) -> Any:
    """A session that may read the models: `own`, or one by the role that their project lends; an hour is enough."""
    if project.model_role_arn == "none":
        return own
    name = f"render-{project.project_id}"
    lent = own.client("sts").assume_role(RoleArn=project.model_role_arn, RoleSessionName=name)["Credentials"]
    keys = (lent["AccessKeyId"], lent["SecretAccessKey"], lent["SessionToken"])
    return boto3.Session(*keys, region_name=project.region)
