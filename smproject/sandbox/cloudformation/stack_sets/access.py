"""With whose credentials a stack set acts in an account.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-prereqs-self-managed.html
"""

from __future__ import annotations

from botocore.exceptions import ClientError

from smproject.sandbox.cloudformation.stack_sets.records import SERVICE_MANAGED, StackSet
from smproject.sandbox.moto_seam import Credentials
from smproject.sandbox.service import ServiceError
from smproject.sandbox.world import World

ADMINISTRATION, EXECUTION = "AWSCloudFormationStackSetAdministrationRole", "AWSCloudFormationStackSetExecutionRole"


def credentials(world: World, stack_set: StackSet, account: str) -> Credentials:
    """Return the credentials of a target account's execution role, or AWS's own where the organization trusts it.

    Raises ServiceError (AccessDenied) where one of the two roles does not trust the one before it.
    """
    if stack_set.model == SERVICE_MANAGED:
        return world.service_credentials(account)
    role = f"arn:aws:iam::{account}:role/{stack_set.execution}"
    session = stack_set.id.partition(":")[2]
    administrator = world.assume(stack_set.administration, "cloudformation.amazonaws.com", session, stack_set.arn)
    sts = world.client("sts", administrator, stack_set.region)
    try:
        answer = sts.assume_role(RoleArn=role, RoleSessionName=session)
    except ClientError as error:
        named = stack_set.administration.partition("role/")[2]
        message = (
            f"Account {account} should have '{stack_set.execution}' role with trust relationship to Role '{named}'."
        )
        raise ServiceError("AccessDenied", message) from error
    keys = answer["Credentials"]
    secrets = (keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    return Credentials(*secrets, account, answer["AssumedRoleUser"]["Arn"], role)
