"""Open a session with AWS, or say what is missing for one."""

import re
from typing import Any

import boto3
from botocore.exceptions import ClientError, ProfileNotFound

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


def session_for(session: Any, account: str, role_name: str) -> Any:
    """Open a session in an account: the one given in its own, which needs no role, else as `session_in` does."""
    own = session.client("sts").get_caller_identity()["Account"]
    return session if account == own else session_in(session, account, role_name)


def session_in(session: Any, account: str, role_name: str) -> Any:
    """Open a session with the rights of a role in another account; raises DeploymentError when it can't be assumed."""
    if not re.fullmatch(r"[0-9]{12}", account):
        raise DeploymentError(f"{account!r} is not an account id. Give its 12 digits.")
    arn = f"arn:{session.get_partition_for_region(session.region_name)}:iam::{account}:role/{role_name}"
    try:
        given = session.client("sts").assume_role(RoleArn=arn, RoleSessionName="smproject")["Credentials"]
    except ClientError as error:
        raise DeploymentError(
            f"Role {role_name} of account {account} can't be assumed: {error} "
            "Use the hub's credentials, and name a role that trusts them by --role-name."
        ) from error
    # The profile may say more than credentials: an endpoint, a proxy, a certificate.
    profile = session.profile_name if session.profile_name in session.available_profiles else None
    return boto3.Session(
        profile_name=profile,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        region_name=session.region_name,
    )
