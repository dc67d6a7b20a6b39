"""API Gateway: an action is an HTTP method, its resource the path of the control plane.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-iam-policy-examples.html
"""

from __future__ import annotations

from smproject.sandbox.permissions.asked import Asked
from smproject.sandbox.permissions.rules.common import Items, Name, Rule, arn, each

METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")


def _path(asked: Asked) -> Items:
    return [(arn(asked, str(asked.environ["PATH_INFO"]), account=""),)]


RULES: dict[tuple[str, str], Rule] = each("apigateway", _path, METHODS)
NAMES: dict[tuple[str, str], Name] = {}
