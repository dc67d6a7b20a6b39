"""How the resources of some actions are named that follow no rule, one module a service.

`RULES` give, for an action, everything that it is asked for: each item must be allowed, by any of its ARNs. `NAMES`
turn what a request calls a resource of a kind into its name or ARN; empty where it is of another kind.
"""

from __future__ import annotations

from collections.abc import Callable

from smproject.sandbox.permissions.asked import Asked
from smproject.sandbox.permissions.rules import (
    apigateway,
    autoscaling,
    cloudformation,
    delivery,
    ec2,
    events,
    iam,
    kms,
    logs,
    sagemaker,
    storage,
)
from smproject.sandbox.permissions.rules.common import Items

_SERVICES = (apigateway, autoscaling, cloudformation, delivery, ec2, events, iam, kms, logs, sagemaker, storage)
RULES: dict[tuple[str, str], Callable[[Asked], Items]] = {
    action: rule for service in _SERVICES for action, rule in service.RULES.items()
}
NAMES: dict[tuple[str, str], Callable[[Asked, str], str]] = {
    kind: name for service in _SERVICES for kind, name in service.NAMES.items()
}
