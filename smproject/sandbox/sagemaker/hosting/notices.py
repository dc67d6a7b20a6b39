"""The events that SageMaker sends of endpoints.

Reference: SageMaker developer guide, "Events that Amazon SageMaker AI sends to Amazon EventBridge".
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from smproject.sandbox.events import events_of
from smproject.sandbox.sagemaker.hosting.endpoint import Endpoint

_VARIANT = (
    "VariantName",
    "CurrentWeight",
    "DesiredWeight",
    "CurrentInstanceCount",
    "DesiredInstanceCount",
    "VariantStatus",
)


def state_changed(endpoint: Endpoint) -> None:
    """Tell that an endpoint has entered a status."""
    _emit("SageMaker Endpoint State Change", endpoint, _detail(endpoint))


def deployment_changed(endpoint: Endpoint) -> None:
    """Tell that a deployment has gone on."""
    detail, pending = _detail(endpoint), endpoint.pending_summary()
    if pending:
        detail["PendingDeploymentSummary"] = _told(
            {**pending, "ProductionVariants": _variants(pending["ProductionVariants"])}
        )
    _emit("SageMaker Endpoint Deployment State Change", endpoint, detail)


def _emit(kind: str, endpoint: Endpoint, detail: dict[str, Any]) -> None:
    caller = endpoint.place.caller
    events = events_of(endpoint.place.world)
    events.emit(caller.account, caller.region, "aws.sagemaker", kind, detail, [endpoint.arn])


def _detail(endpoint: Endpoint) -> dict[str, Any]:
    found = {
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "EndpointConfigName": endpoint.config.name,
        "ProductionVariants": _variants(endpoint.fleet.describe() if endpoint.fleet else []),
        "EndpointStatus": re.sub(r"(?<!^)(?=[A-Z])", "_", endpoint.status).upper(),  # InService is IN_SERVICE here
        "CreationTime": endpoint.created,
        "LastModifiedTime": endpoint.modified,
        "Tags": {},
    }
    told: dict[str, Any] = _told(found)
    return told


def _variants(summaries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: summary[key] for key in _VARIANT if key in summary} for summary in summaries]


def _told(value: Any) -> Any:
    """Write times as events have them, in milliseconds."""
    if isinstance(value, dict):
        return {key: _told(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_told(item) for item in value]
    return int(value.timestamp() * 1000) if isinstance(value, datetime) else value
