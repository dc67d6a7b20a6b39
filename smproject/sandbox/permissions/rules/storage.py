"""Names that are addresses or lack a part of the ARN: queues, topics, parameters, secrets, functions."""

from __future__ import annotations

from smproject.sandbox import moto_resources
from smproject.sandbox.permissions.asked import Asked
from smproject.sandbox.permissions.rules.common import Items, Name, Rule, arn, first


def _queue(asked: Asked, named: str) -> str:
    """Return a queue by its URL or name; whose it is, the URL or another member tells."""
    if named.startswith("arn:"):
        return named
    owner, _, name = named.rpartition("/")
    account = owner.rpartition("/")[2] or first(asked, "{QueueOwnerAWSAccountId}")
    return arn(asked, name, account or None)


def _topic(asked: Asked, named: str) -> str:
    """Return a topic by its ARN or name, or by the ARN of one of its subscriptions."""
    return ":".join(named.split(":")[:6])


def _parameter(asked: Asked, named: str) -> str:
    """Return a parameter's name without its leading slash, which an ARN has anyway, and without its version."""
    return named if named.startswith("arn:") else named.lstrip("/").partition(":")[0]


def _secret(asked: Asked, named: str) -> str:
    """Return a secret's ARN, which ends in six random characters."""
    known = moto_resources.secret_arn(named, asked.account, asked.region)
    return known or (named if named.startswith("arn:") else f"{named}-??????")


def _function(asked: Asked, named: str) -> str:
    """Return a function by its ARN, a part of it, or its name; with its version or alias where one is named.

    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """
    parts = named.split(":")
    if named.startswith("arn:"):
        account, rest = parts[4], parts[6:]
    elif "function" in parts[:2]:
        account, rest = parts[0] if parts[1] == "function" else asked.account, parts[parts.index("function") + 1 :]
    else:
        account, rest = asked.account, parts
    if len(rest) == 1 and (qualifier := first(asked, "{Qualifier}")):
        rest = [rest[0], qualifier]
    return arn(asked, ":".join(["function", *rest]), account)


def _state_machine(asked: Asked, named: str) -> str:
    """Return a state machine's ARN without its version or alias."""
    return ":".join(named.split(":")[:7])


def _everything(_: Asked) -> Items:
    return [("*",)]


# Metrics have no resource, though CloudWatch's sets of them do.
RULES: dict[tuple[str, str], Rule] = {("cloudwatch", "PutMetricData"): _everything}
NAMES: dict[tuple[str, str], Name] = {
    ("lambda", "function"): _function,
    ("secretsmanager", "secret"): _secret,
    ("sns", "topic"): _topic,
    ("sqs", "queue"): _queue,
    ("ssm", "parameter"): _parameter,
    ("states", "statemachine"): _state_machine,
}
