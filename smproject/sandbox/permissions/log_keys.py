"""Whether a KMS key's policy lets CloudWatch Logs, which has no role, encrypt a log group.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
"""

from __future__ import annotations

from smproject.sandbox import moto_policies
from smproject.sandbox.permissions.document import kept
from smproject.sandbox.permissions.policy import Decision, by_resource
from smproject.sandbox.permissions.request import Found, Principal, access_request

_NEEDED = ("Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey", "DescribeKey")


def allow(key: str, group: str) -> bool:
    """Tell whether a key, by ARN, id or alias, may encrypt the log group of an ARN."""
    _, _, _, region, account, *_ = group.split(":")
    arn = moto_policies.key_arn(key, account, region)
    text = moto_policies.key_policy(arn)
    context: dict[str, Found] = {
        "aws:SourceAccount": account,
        "aws:SourceArn": group,
        "kms:EncryptionContext:aws:logs:arn": group,
        "kms:EncryptionContextKeys": ("aws:logs:arn",),
    }
    logs, owner = Principal.service(f"logs.{region}.amazonaws.com"), arn.split(":")[4]
    requests = (access_request(logs, f"kms:{action}", arn, owner, context) for action in _NEEDED)
    return bool(text) and all(by_resource(kept(text, arn), request) is Decision.ALLOW for request in requests)
