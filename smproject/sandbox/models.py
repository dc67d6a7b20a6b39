"""AWS's service models, as botocore carries them: which belong to a signature, and what a REST request calls.

https://smithy.io/2.0/spec/http-bindings.html
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any
from urllib.parse import unquote

from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

_LOADER = Loader(include_default_search_paths=True)
_LABEL = re.compile(r"\{(\w+)(\+?)\}")
# Signing names whose models have other names. A name that is not here is a model's own.
_SIGNED = {
    "airflow": ("mwaa",),
    "apigateway": ("apigateway", "apigatewayv2"),
    "appconfig": ("appconfig", "appconfigdata"),
    "aps": ("amp",),
    "bedrock": ("bedrock", "bedrock-agent", "bedrock-agent-runtime", "bedrock-runtime"),
    "cassandra": ("keyspaces",),
    "cloudcontrolapi": ("cloudcontrol",),
    "dynamodb": ("dynamodb", "dynamodbstreams"),
    "elasticfilesystem": ("efs",),
    "elasticloadbalancing": ("elbv2", "elb"),
    "elasticmapreduce": ("emr",),
    "es": ("opensearch", "es"),
    "execute-api": ("apigatewaymanagementapi",),
    "kinesisanalytics": ("kinesisanalyticsv2", "kinesisanalytics"),
    "monitoring": ("cloudwatch",),
    "rds": ("rds", "neptune", "docdb"),
    "s3": ("s3", "s3control"),
    "sagemaker": (
        "sagemaker",
        "sagemaker-runtime",
        "sagemaker-featurestore-runtime",
        "sagemaker-metrics",
        "sagemaker-a2i-runtime",
        "sagemaker-edge",
    ),
    "servicecatalog": ("servicecatalog", "servicecatalog-appregistry"),
    "servicequotas": ("service-quotas",),
    "ses": ("ses", "sesv2"),
    "sso": ("sso-admin",),
    "states": ("stepfunctions",),
    "tagging": ("resourcegroupstaggingapi",),
    "timestream": ("timestream-write", "timestream-query"),
}


@cache
def of(signing: str) -> tuple[ServiceModel, ...]:
    """Return the models of the services that sign with a name; none where AWS has no such service."""
    return tuple(model for name in _SIGNED.get(signing, (signing,)) if (model := _model(name)))


def _model(name: str) -> ServiceModel | None:
    try:
        return ServiceModel(_LOADER.load_service_model(name, "service-2"), name)
    except UnknownServiceError:
        return None


@cache
def operation(signing: str, name: str) -> OperationModel | None:
    """Return the model of an operation of a service; None for one that AWS does not have."""
    return next((model.operation_model(name) for model in of(signing) if name in model.operation_names), None)


@lru_cache(maxsize=4096)
def called(signing: str, method: str, path: str, query: str) -> str:
    """Return the operation that a REST request calls (`path` as sent, still encoded); empty when there is none."""
    arguments = set(query.split("&"))
    return next(
        (name for name, uri, literals in _routes(signing, method) if uri.fullmatch(path) and literals <= arguments), ""
    )


def labels(signing: str, name: str, path: str) -> dict[str, str]:
    """Return the values that a request's path has for an operation's members, by the members' names."""
    found = operation(signing, name)
    matched = found and _route(found)[1].fullmatch(path)
    if not found or not found.input_shape or not matched:
        return {}
    places = {shape.serialization.get("name", member): member for member, shape in found.input_shape.members.items()}
    values = zip(_LABEL.findall(found.http["requestUri"]), matched.groups(), strict=True)
    return {places[place]: unquote(value) for (place, _), value in values}


@cache
def _routes(signing: str, method: str) -> list[tuple[str, re.Pattern[str], frozenset[str]]]:
    """Return the routes of a service's REST operations, the most literal first: `/a/b` comes before `/a/{Name}`."""
    found = [
        model.operation_model(name)
        for model in of(signing)
        if _is_rest(model.metadata)
        for name in model.operation_names
    ]
    mine = [each for each in found if each.http["method"] == method]
    mine.sort(key=lambda each: (-len(_LABEL.sub("", each.http["requestUri"])), each.http["requestUri"]))
    return [_route(each) for each in mine]


def _is_rest(metadata: Any) -> bool:
    return "rest" in str(metadata.get("protocols") or metadata["protocol"])


def _route(found: OperationModel) -> tuple[str, re.Pattern[str], frozenset[str]]:
    """Return an operation's name, the pattern of its paths, and the query that it must have."""
    path, _, query = found.http["requestUri"].partition("?")
    parts, end = [], 0
    for label in _LABEL.finditer(path):
        parts += [re.escape(path[end : label.start()]), "(.+?)" if label[2] else "([^/]+)"]
        end = label.end()
    pattern = re.compile("".join([*parts, re.escape(path[end:]), "/?"]))
    return found.name, pattern, frozenset(query.split("&") if query else ())
