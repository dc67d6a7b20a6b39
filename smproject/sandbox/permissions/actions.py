"""The IAM actions of an operation: nearly always the service's prefix and the operation's name.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

# Where IAM's prefix is not the name in the request's signature.
_PREFIXES = {
    "IoTSecuredTunneling": "iot",
    "awsssoportal": "sso",
    "cloudcontrolapi": "cloudformation",
    "email": "ses",
    "iotdata": "iot",
    "monitoring": "cloudwatch",
    "mturk-requester": "mechanicalturk",
    "tagging": "tag",
}
# Operations whose permission has another name, or is several.
_NAMES = {
    ("dynamodb", "BatchExecuteStatement"): ("PartiQLSelect",),
    ("dynamodb", "ExecuteStatement"): ("PartiQLSelect",),
    ("dynamodb", "TransactGetItems"): ("GetItem",),
    ("dynamodb", "TransactWriteItems"): ("PutItem",),
    ("kms", "ReEncrypt"): ("ReEncryptFrom", "ReEncryptTo"),
    ("lambda", "Invoke"): ("InvokeFunction",),
    ("lambda", "InvokeAsync"): ("InvokeFunction",),
    ("lambda", "InvokeWithResponseStream"): ("InvokeFunction",),
    ("sns", "PublishBatch"): ("Publish",),
    ("sqs", "ChangeMessageVisibilityBatch"): ("ChangeMessageVisibility",),
    ("sqs", "DeleteMessageBatch"): ("DeleteMessage",),
    ("sqs", "SendMessageBatch"): ("SendMessage",),
}
# Their actions are the HTTP methods.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonapigatewaymanagement.html
_BY_METHOD = {"apigateway"}
# Everyone may: no policy is asked.
# https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
_FREE = {("sts", "GetCallerIdentity"), ("sts", "GetSessionToken"), ("sts", "GetAccessKeyInfo")}
# STS asks the role's trust policy itself.
_JUDGED_ELSEWHERE = {("sts", "AssumeRole"), ("sts", "AssumeRoleWithWebIdentity"), ("sts", "AssumeRoleWithSAML")}


def prefix(signing: str) -> str:
    """Return the prefix of a service's actions."""
    return _PREFIXES.get(signing, signing)


def names(signing: str, operation: str, method: str = "POST") -> tuple[str, ...]:
    """Return the names, without prefix, of the actions that an operation needs; none where everyone may."""
    if signing in _BY_METHOD:
        return (method,)
    named = (prefix(signing), operation)
    return () if named in _FREE | _JUDGED_ELSEWHERE else _NAMES.get(named, (operation,))
