"""Open a session with AWS, or say what is missing for one."""

import boto3
from botocore.exceptions import ProfileNotFound

from smproject.errors import DeploymentError


def open_session(profile: str | None = None) -> boto3.Session:
    """Open a session; raises DeploymentError when there is no such profile, no Region or no credentials."""
    try:
        session = boto3.Session(profile_name=profile)
    except ProfileNotFound as error:
        raise DeploymentError(f"{error}. See: aws configure list-profiles") from error
    if session.region_name is None:
        raise DeploymentError("No Region is set. Set AWS_DEFAULT_REGION, or `region` in the AWS profile.")
    if session.get_credentials() is None:
        raise DeploymentError("No AWS credentials were found. Give --profile, or set the AWS_* variables.")
    return session
