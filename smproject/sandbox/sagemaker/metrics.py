"""The metrics of a training job: what regular expressions find in its hosts' logs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from smproject.sandbox.sagemaker.hosts import Host
from smproject.sandbox.sagemaker.job import Job
from smproject.sandbox.service import Request, ServiceError, now


def definitions(request: Request) -> list[dict[str, str]]:
    """Return a request's metric definitions."""
    return list(request.get("AlgorithmSpecification", {}).get("MetricDefinitions", []))


def refuse(request: Request) -> None:
    """Raise ServiceError for a metric whose regular expression is none."""
    for definition in definitions(request):
        try:
            re.compile(definition["Regex"])
        except re.error as error:
            message = f"Invalid MetricDefinitions. The Regex of {definition['Name']} is not valid: {error}"
            raise ServiceError("ValidationException", message) from error


def read(job: Job, hosts: Iterable[Host]) -> list[dict[str, Any]]:
    """Return each metric's last value, of the first host whose log has one; a former attempt's where none has."""
    logs = [host.log.read_text(errors="replace") for host in hosts if host.log.is_file()]
    found = {each["MetricName"]: each for each in job.metrics}
    for definition in definitions(job.request):
        name = definition["Name"]
        last = next((told[-1] for log in logs if (told := values(definition["Regex"], log))), None)
        if last is not None:
            found[name] = {"MetricName": name, "Value": last, "Timestamp": now()}
    return list(found.values())


def values(regex: str, log: str) -> list[float]:
    """Return the numbers that a metric's expression finds in a log, in their order."""
    return [value for match in re.finditer(regex, log) if (value := _number(match)) is not None]


def _number(match: re.Match[str]) -> float | None:
    """Return the number that a metric's expression captures; None when it captures something else."""
    try:
        return float(match[1] if match.re.groups else match[0])
    except (TypeError, ValueError):
        return None
