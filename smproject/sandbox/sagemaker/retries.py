"""Retry policies of steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError


def kinds(error: Exception) -> set[str]:
    """Return the exception types, as retry policies name them, that an error belongs to."""
    found: set[str] = set()
    if isinstance(error, ClientError):
        code, status = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
        found |= {"Step.THROTTLING"} if "Throttl" in code else set()
        found |= {"Step.SERVICE_FAULT"} if status >= 500 else set()
        found |= {"SageMaker.RESOURCE_LIMIT"} if code == "ResourceLimitExceeded" else set()
    for marker, kind in (("CapacityError", "CAPACITY_ERROR"), ("InternalServerError", "JOB_INTERNAL_ERROR")):
        found |= {f"SageMaker.{kind}"} if marker in str(error) else set()
    return found


def delays(step: dict[str, Any], error: Exception) -> Iterator[float]:
    """Yield the seconds to wait before each further attempt that the first fitting policy allows."""
    names = kinds(error)
    for policy in step.get("RetryPolicies", []):
        if names & set(policy["ExceptionType"]):
            interval, rate = float(policy.get("IntervalSeconds", 1)), float(policy.get("BackoffRate", 2.0))
            yield from (interval * rate**attempt for attempt in range(int(policy.get("MaxAttempts", 5))))
            return
